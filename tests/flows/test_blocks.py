"""What an operator sets in the UI wins over the environment, and the key stays hidden."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from blocks.crew import BLOCK_NAME, CrewPolicy, ModelAccount, settings_overrides
from nightcrew.settings import Settings, load_settings
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows


@pytest.fixture
def server(crew: RunningCrew) -> Iterator[RunningCrew]:
    with temporary_settings({PREFECT_API_URL: crew.status.api_url}):
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
    ModelAccount(api_key=SecretStr("sk-from-block"), models=["a/b"]).save(BLOCK_NAME, overwrite=True)
    settings = settings_of_a_run()
    assert (settings.day_budget_usd, settings.task_budget_usd) == (Decimal(7), Decimal(2))
    assert (settings.denied_models, settings.models) == (("bad/*",), ("a/b",))
    assert settings.api_key is not None and settings.api_key.get_secret_value() == "sk-from-block"


def test_the_key_is_hidden_in_the_ui(server: RunningCrew) -> None:
    ModelAccount(api_key=SecretStr("sk-hidden")).save(BLOCK_NAME, overwrite=True)
    documents = server.api.post("/block_documents/filter", {})
    assert [document["name"] for document in documents].count(BLOCK_NAME) == 1
    assert "sk-hidden" not in str(documents)


async def _forget_blocks() -> None:
    async with get_client() as client:
        for document in await client.read_block_documents():
            await client.delete_block_document(document.id)
