"""Moves an account that an earlier version stored in a Prefect block to the home."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.storage.acts import change_account
from nightcrew.secrets.account import Account, account_file
from nightcrew.settings import Settings

BLOCK_TYPE = "nightcrew-model-account"
_MOVED = ("api_key", "base_url")


def move_account_out_of_blocks(api: PrefectApi, settings: Settings) -> list[str]:
    """Move the account; returns one sentence for each block that had an address or a key."""
    blocks = api.post(
        "/block_documents/filter",
        {"block_types": {"slug": {"any_": [BLOCK_TYPE]}}, "include_secrets": True},
    )
    return [
        _move(api, settings, block)
        for block in blocks or []
        if any((block.get("data") or {}).get(name) for name in _MOVED)
    ]


# ---------------------------------------------------------------------------------------------------------


def _move(api: PrefectApi, settings: Settings, block: Mapping[str, Any]) -> str:
    data, configured = block["data"], settings.account
    key = SecretStr(str(data["api_key"])) if data.get("api_key") else configured.api_key
    if block["name"] == "crew":
        change_account(settings, Account(str(data.get("base_url") or configured.base_url), key))
    rest = {name: value for name, value in data.items() if name not in _MOVED}
    api.patch(f"/block_documents/{block['id']}", {"data": rest, "merge_existing_data": False})
    if block["name"] != "crew":
        return f"address and key were removed from the block {block['name']!r}, which is not used"
    return (
        f"address and key of the block 'crew' were moved to {account_file(settings.home)} and are used now; "
        "change them with 'nightcrew set-account' (a key in the environment replaces them at the next start)"
    )
