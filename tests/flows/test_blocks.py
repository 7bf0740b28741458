"""What an operator sets in the UI wins over the environment; the account is no part of it."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from blocks.crew import BLOCK_NAME, CrewPolicy, ModelAccount, settings_overrides
from nightcrew.crew.storage.old_account import move_account_out_of_blocks
from nightcrew.settings import Settings, load_settings
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows

OLD_KEY = "sk-or-v1-in-a-block-of-old-0123456789"


@pytest.fixture
def server(crew: RunningCrew) -> Iterator[RunningCrew]:
    with crew.as_client():
        yield crew
        asyncio.run(_forget_blocks())


def settings_of_a_run() -> Settings:
    return load_settings(**asyncio.run(settings_overrides()))


def test_without_blocks_the_environment_holds(server: RunningCrew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCREW_DAY_BUDGET_USD", "3")
    assert asyncio.run(settings_overrides()) == {}
    assert settings_of_a_run().day_budget_usd == Decimal(3)


def test_a_block_wins_over_the_environment_and_an_empty_field_says_nothing(
    server: RunningCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTCREW_DAY_BUDGET_USD", "3")
    monkeypatch.setenv("NIGHTCREW_TASK_BUDGET_USD", "2")
    CrewPolicy(day_budget_usd=Decimal(7), denied_models=["bad/*"]).save(BLOCK_NAME, overwrite=True)
    ModelAccount(models=["a/b"]).save(BLOCK_NAME, overwrite=True)
    settings = settings_of_a_run()
    assert (settings.day_budget_usd, settings.task_budget_usd) == (Decimal(7), Decimal(2))
    assert (settings.denied_models, settings.models) == (("bad/*",), ("a/b",))


class AccountOfOld(Block):
    """The block as earlier versions had it."""

    _block_type_name: ClassVar[str | None] = "Nightcrew Model Account"
    _block_type_slug: ClassVar[str | None] = "nightcrew-model-account"
    api_key: SecretStr | None = None
    base_url: str | None = None
    models: list[str] | None = None


def test_an_account_that_an_earlier_version_kept_in_a_block_is_moved_into_the_home(
    server: RunningCrew, tmp_path: Path
) -> None:
    old = AccountOfOld(api_key=SecretStr(OLD_KEY), base_url="http://old.example/v1", models=["a/b"])
    old.save(BLOCK_NAME, overwrite=True)
    settings = load_settings(home=tmp_path / "home")
    result = move_account_out_of_blocks(server.api, settings)
    assert len(result) == 1 and "account.json" in result[0]
    account = load_settings(home=settings.home).account
    assert account == ("http://old.example/v1", SecretStr(OLD_KEY))
    left = server.api.post("/block_documents/filter", {"include_secrets": True})
    assert [document["data"] for document in left] == [{"models": ["a/b"]}]
    assert settings_of_a_run().models == ("a/b",)
    assert move_account_out_of_blocks(server.api, settings) == []


def test_a_block_cannot_point_the_key_at_another_address(server: RunningCrew) -> None:
    AccountOfOld(base_url="http://evil.example/v1").save(BLOCK_NAME, overwrite=True)
    assert not {"api_key", "base_url"} & asyncio.run(settings_overrides()).keys()


async def _forget_blocks() -> None:
    async with get_client() as client:
        for document in await client.read_block_documents():
            await client.delete_block_document(document.id)
