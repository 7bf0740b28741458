"""The original's claims: "cost tracking" and "free models". Tokens and cost were 0 for every run there, and
no model was free, because the string "0" was compared with the number 0."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.testing.scenario import Account, Price, Scenario, ScriptedModel
from tests.claims.conftest import Five
from tests.claims.line import Line
from tests.openrouter.conftest import Crew, ask


def test_cost_and_tokens_are_never_zero_when_calls_were_made(five: Five, line: Line) -> None:
    for work in five.works:
        queued = work.queued
        assert (
            queued.calls > 0 and queued.input_tokens > 0 and queued.output_tokens > 0 and queued.cost_usd > 0
        )
        (task,) = line.query(
            "select calls, input_tokens, output_tokens, cost_usd from tasks where task_id = ?",
            queued.task_id,
        )
        assert task["cost_usd"] > 0
        assert (task["calls"], task["input_tokens"], task["output_tokens"]) == (
            queued.calls,
            queued.input_tokens,
            queued.output_tokens,
        )


def test_the_ledger_the_queue_and_the_provider_agree_on_what_was_spent(five: Five, line: Line) -> None:
    ids = [work.task.task_id for work in five.works]
    (row,) = line.query("select sum(cost_usd) as usd from model_calls where list_contains(?, task_id)", ids)
    charged = {seen.generation: seen.usage.cost_usd for seen in line.twin.requests if seen.usage}
    generations = line.query("select generation_id from model_calls where list_contains(?, task_id)", ids)
    assert row["usd"] == sum((work.queued.cost_usd for work in five.works), Decimal(0))
    assert row["usd"] == sum((charged[call["generation_id"]] for call in generations), Decimal(0))


def test_quality_is_a_share_and_not_out_of_five(five: Five, line: Line) -> None:
    scores = [row["score"] for row in line.query("select score from attempts where score is not null")]
    assert scores and all(0 <= score <= 1 for score in scores)
    assert all(work.queued.score and work.queued.score >= work.task.quality_threshold for work in five.works)


@pytest.fixture
def two_prices(database_url: str, tmp_path: Path) -> Iterator[Crew]:
    """One model whose price is "0", one whose price nobody publishes, and some that cost next to nothing."""
    models = (
        ScriptedModel(id="house/free", price=Price(prompt="0", completion="0")),
        ScriptedModel(id="house/nought:free", price=Price(prompt="0.0", completion="0e-9")),
        ScriptedModel(id="house/cheap", price=Price(prompt="0.00000000001", completion="0")),
        ScriptedModel(id="house/call", price=Price(prompt="0", completion="0", request="0.01")),
        ScriptedModel(id="house/router", record={"pricing": {"prompt": "-1", "completion": "-1"}}),
        ScriptedModel(id="house/local", record={"pricing": None}),
    )
    with ExitStack() as stack:
        store = stack.enter_context(StateStore(database_url))
        create_schema(store)
        yield Crew(stack, store, Scenario(models=models, account=Account(credits_usd=100)), tmp_path / "s")


def test_free_models_are_known_by_their_price_the_string_0(two_prices: Crew) -> None:
    listed = {model.id: model for model in two_prices.twin.backend.scenario.models}
    assert listed["house/free"].price.prompt == "0"
    free = {candidate.model: candidate.free for candidate in two_prices.candidates()}
    assert free == {
        "house/free": True,
        "house/nought:free": True,
        "house/cheap": False,
        "house/call": False,
    }


def test_an_unknown_price_is_not_zero(two_prices: Crew) -> None:
    listing = {listed.candidate.model: listed for listed in two_prices.catalogue.listing()}
    local = listing["house/local"]
    assert local.candidate.input_price_usd is None and local.candidate.output_price_usd is None
    assert local.unusable is not None and "its price is unknown" in local.unusable


def test_a_free_call_costs_a_known_nothing_and_its_tokens_are_counted(two_prices: Crew) -> None:
    two_prices.gateway("house/free").complete(ask())
    (call,) = two_prices.calls
    assert call.cost_usd == 0 and call.input_tokens > 0 and call.output_tokens > 0


def test_a_call_of_unknown_cost_makes_its_task_of_unknown_cost(
    five: Five, line: Line, tmp_path: Path
) -> None:
    """The same facts again, but one call's cost is not known."""
    (known,) = line.query("select * from model_calls where task_id = ? limit 1", five.works[0].task.task_id)
    assert known["cost_usd"] is not None and not known["is_cost_unknown"]
    from dataclasses import fields

    from nightcrew.execution.attempt import ModelCall

    values = {field.name: known[field.name] for field in fields(ModelCall)} | {"cost_usd": None}
    attempt = five.works[0].trials[0].attempt
    with MetricsCollector(tmp_path / "ledger", "claims") as collector:
        collector.task_submitted(five.works[0].task)
        collector.attempt_started(
            five.works[0].task, attempt.attempt_id, attempt.number, attempt.executor, attempt.model
        )
        collector.model_call(ModelCall(**values))
        collector.attempt_finished(attempt)
    with Ledger(tmp_path / "ledger") as ledger:
        (call,) = ledger.query("select cost_usd, is_cost_unknown from model_calls")
        (task,) = ledger.query("select cost_usd, calls_of_unknown_cost from tasks")
    assert (call["cost_usd"], call["is_cost_unknown"]) == (None, True)
    assert (task["cost_usd"], task["calls_of_unknown_cost"]) == (None, 1)
