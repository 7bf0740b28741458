"""The twin on one side, real PostgreSQL on the other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nightcrew.execution.attempt import ModelCall, RecordCall
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.queue.state_store import StateStore
from nightcrew.selection.candidates import Candidate
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.scenario import Account, Fault, Price, Scenario, ScriptedModel
from nightcrew.testing.twin import Twin

KEY = "sk-or-v1-secret-of-the-crew"
NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
PAID = Price(prompt="0.000001", completion="0.000002")


class Crew:
    """A twin with its catalogue read, and gateways on it; time moves only when somebody waits."""

    def __init__(self, stack: ExitStack, store: StateStore, scenario: Scenario, socket_dir: Path) -> None:
        self.clock = TwinClock(start=NOON)
        self.twin = stack.enter_context(Twin(scenario, clock=self.clock))
        self.api = stack.enter_context(OpenRouterApi(self.twin.base_url, SecretStr(KEY)))
        self.store = store
        self.catalogue = ModelCatalogue(store, self.api, clock=self.clock.now)
        self.catalogue.refresh()
        self.calls: list[ModelCall] = []
        self._stack, self._socket_dir, self._attempts = stack, socket_dir, 0

    def candidates(self, models: Sequence[str] = ()) -> list[Candidate]:
        known = {candidate.model: candidate for candidate in self.catalogue.candidates()}
        return [known[model] for model in models] if models else list(known.values())

    def gateway(
        self,
        *models: str | Candidate,
        api: OpenRouterApi | None = None,
        task_id: str = "t-task",
        budgets: Budgets | None = None,
        limits: QuotaLimits = QuotaLimits(20, 1000),  # noqa: B008  (frozen)
        socket_dir: Path | None = None,
        evidence: Path | None = None,
        record: RecordCall | None = None,
        **rules: Any,
    ) -> Gateway:
        self._attempts += 1
        api, attempt_id = api or self.api, f"{task_id}:{self._attempts}"
        named = self.candidates([model for model in models if isinstance(model, str)])
        dispatcher = Dispatcher(
            api,
            [model for model in models if isinstance(model, Candidate)] or named,
            AttemptBooks(
                self.store, api.account, task_id, attempt_id, budgets or Budgets(), limits, self.clock.now
            ),
            record=record or self.calls.append,
            evidence=evidence,
            rules=CallRules(**{"sleep": self.clock.advance, **rules}),
        )
        place = socket_dir or self._socket_dir / str(self._attempts)
        return self._stack.enter_context(Gateway(dispatcher, place))

    def asked(self) -> list[str]:
        return [seen.asked for seen in self.twin.requests]

    def faults(self) -> list[str | None]:
        return [call.fault for call in self.calls]


type MakeCrew = Callable[..., Crew]


@pytest.fixture
def crew(store: StateStore, tmp_path: Path) -> Iterator[MakeCrew]:
    """Makes a crew: `crew(model(...), ..., faults=[...], account=Account(...))`."""
    with ExitStack() as stack:

        def make(
            *models: ScriptedModel, faults: Sequence[Fault] = (), account: Account | None = None
        ) -> Crew:
            scenario = Scenario(
                models=models, faults=tuple(faults), account=account or Account(api_key=KEY, credits_usd=100)
            )
            return Crew(stack, store, scenario, tmp_path / "s")

        yield make


def free(name: str = "alpha", **fields: Any) -> ScriptedModel:
    return ScriptedModel(id=f"house/{name}:free", **fields)


def paid(name: str = "gamma", price: Price = PAID, **fields: Any) -> ScriptedModel:
    return ScriptedModel(id=f"house/{name}", price=price, **fields)


def ask(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 500, **fields}


USD = Decimal
