"""The agent through the real gateway, with the twin behind it: what a crew does, less the flow."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nightcrew.execution.attempt import AttemptEnd, ModelCall
from nightcrew.execution.sandbox import Sandbox
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.testing import Account, Fault, FaultKind, Price, Scenario, ScriptedModel, Solution, Twin
from tests.openhands.attempts import attempt, commit

pytestmark = pytest.mark.agent

KEY = "sk-or-v1-secret-of-the-crew"
PAID = Price(prompt="0.000001", completion="0.000002")
FIRST, SECOND = "house/first", "house/second"

type MakeDoor = Callable[..., tuple[Gateway, list[ModelCall]]]


@pytest.fixture
def door(database_url: str, tmp_path: Path) -> Iterator[MakeDoor]:
    """Makes an open gateway on a twin with two paid models that can add."""
    with ExitStack() as stack:

        def make(*faults: Fault, **budgets: Any) -> tuple[Gateway, list[ModelCall]]:
            scenario = Scenario(
                models=(ScriptedModel(id=FIRST, price=PAID), ScriptedModel(id=SECOND, price=PAID)),
                faults=faults,
                account=Account(api_key=KEY),
                solutions=(Solution(good={"adder.py": "def add(a, b):\n    return a + b\n"}),),
            )
            twin = stack.enter_context(Twin(scenario))
            store = stack.enter_context(StateStore(database_url))
            create_schema(store)
            api = stack.enter_context(OpenRouterApi(twin.base_url, SecretStr(KEY)))
            catalogue = ModelCatalogue(store, api)
            catalogue.refresh()
            known = {candidate.model: candidate for candidate in catalogue.candidates()}
            calls: list[ModelCall] = []
            dispatcher = Dispatcher(
                api,
                [known[FIRST], known[SECOND]],
                AttemptBooks(store, api.account, "t-task", "t-task:1", Budgets(**budgets)),
                record=calls.append,
            )
            return stack.enter_context(Gateway(dispatcher, tmp_path / "door")), calls

        yield make


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "adder.py").write_text("def add(a, b):\n    return a - b\n")
    (root / "test_adder.py").write_text(
        "from adder import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    )
    commit(root)
    return root


def test_a_rate_limit_in_the_middle_is_survived_by_another_model(
    door: MakeDoor, sandbox: Sandbox, repository: Path, tmp_path: Path
) -> None:
    gateway, calls = door(Fault(kind=FaultKind.RATE_LIMIT_UPSTREAM, models=(FIRST,), from_call=3))
    report, patch, state_dir = attempt(gateway, sandbox, repository, tmp_path)
    assert report.end == AttemptEnd.FINISHED, report.detail
    assert "+    return a + b" in patch
    usage = gateway.usage()
    assert usage.models_served == (FIRST, SECOND)
    assert usage.calls == len(calls) >= 5
    assert usage.cost_usd == sum(call.cost_usd or Decimal(0) for call in calls) > 0
    assert KEY not in patch
    assert all(KEY.encode() not in path.read_bytes() for path in state_dir.rglob("*") if path.is_file())


def test_a_budget_that_is_used_up_ends_the_attempt_as_that(
    door: MakeDoor, sandbox: Sandbox, repository: Path, tmp_path: Path
) -> None:
    gateway, calls = door(calls=2)
    report, _, _ = attempt(gateway, sandbox, repository, tmp_path)
    assert report.end == AttemptEnd.BUDGET
    assert "2 calls" in report.detail
    assert len(calls) == 2
