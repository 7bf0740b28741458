"""Every call is a row: every column is filled, and the ledger keeps all of them."""

import json
from dataclasses import fields
from datetime import UTC
from pathlib import Path

from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.serving.transcript import FILE_NAME
from nightcrew.openrouter.wire.recovery_page import page
from nightcrew.settings import DataPolicy
from nightcrew.testing.scenario import Fault, FaultKind
from tests.openrouter.conftest import NOON, MakeCrew, ask, free, paid

PAGE = Path(__file__).parents[3] / "docs" / "recovery.md"


def test_an_answered_call_leaves_nothing_unsaid(crew: MakeCrew) -> None:
    house = crew(free(), paid())
    for chunk in house.gateway("house/alpha:free").dispatcher.stream(ask(stream=True)):
        assert chunk
    house.gateway("house/gamma").complete(ask())
    streamed, whole = house.calls
    missing = {field.name for field in fields(ModelCall) if getattr(streamed, field.name) is None}
    assert missing == {"fault", "rescues"}
    assert streamed.quota_window == f"{NOON.astimezone(UTC):%Y-%m-%d}"
    missing = {field.name for field in fields(ModelCall) if getattr(whole, field.name) is None}
    assert missing == {"fault", "first_token_ms", "quota_window", "rescues"}, "not streamed, and not free"
    assert whole.cost_usd and whole.input_price_usd and whole.output_price_usd


def test_a_failed_call_says_what_went_wrong(crew: MakeCrew) -> None:
    house = crew(free(), paid(), faults=[Fault(kind=FaultKind.BAD_GATEWAY, models=("house/alpha:free",))])
    house.gateway("house/alpha:free", "house/gamma").complete(ask())
    first = house.calls[0]
    assert (first.fault, first.http_status, first.asked_model) == ("provider_failed", 502, "house/alpha:free")
    assert first.quota_window and first.served_model is None


def test_prompts_are_kept_where_they_are_asked_to_be(crew: MakeCrew, tmp_path: Path) -> None:
    house = crew(paid())
    house.gateway("house/gamma", evidence=tmp_path / "evidence").complete(
        ask("mine is sk-or-v1-0123456789abcdef")
    )
    (line,) = (tmp_path / "evidence" / FILE_NAME).read_text().splitlines()
    assert json.loads(line)["messages"][0]["content"] == "mine is [redacted]"
    house.gateway("house/gamma").complete(ask("not this"))
    assert "not this" not in (tmp_path / "evidence" / FILE_NAME).read_text()


def test_no_training_is_asked_of_every_provider(crew: MakeCrew) -> None:
    house = crew(paid())
    house.gateway("house/gamma", data_policy=DataPolicy.NO_TRAINING).complete(ask())
    house.gateway("house/gamma").complete(ask())
    asked = [(seen.body or {})["provider"] for seen in house.twin.requests]
    denied, allowed = (provider.get("data_collection") for provider in asked)
    assert (denied, allowed) == ("deny", None)


def test_the_page_about_recovery_is_the_table() -> None:
    assert PAGE.read_text() == page(), (
        "run: python -m nightcrew.openrouter.wire.recovery_page > docs/recovery.md"
    )
