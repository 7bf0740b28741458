"""Moves an account that an earlier version kept in a Prefect block to where it belongs: the home."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.secrets.account import Account, account_file, keep_account
from nightcrew.settings import Settings

BLOCK_TYPE = "nightcrew-model-account"
_MOVED = ("api_key", "base_url")


def move_account_out_of_blocks(api: PrefectApi, settings: Settings) -> list[str]:
    """One sentence for each block that held an address or a key; that of the crew is in force from now on."""
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
    data, told = block["data"], settings.account
    key = SecretStr(str(data["api_key"])) if data.get("api_key") else told.api_key
    if block["name"] == "crew":
        keep_account(settings.home, Account(str(data.get("base_url") or told.base_url), key))
    rest = {name: value for name, value in data.items() if name not in _MOVED}
    api.patch(f"/block_documents/{block['id']}", {"data": rest, "merge_existing_data": False})
    if block["name"] != "crew":
        return f"address and key were removed from the block {block['name']!r}, which nothing uses"
    return (
        f"address and key of the block 'crew' were moved to {account_file(settings.home)} and are in force; "
        "change them with 'nightcrew set-account' (a key in the environment replaces them at the next start)"
    )
