"""What the rescue of answers in a wrong form is worth: each form with and without it.

    python -m benchmarks.rescue

A strict agent (`strict_agent`) works through the gateway with a capable scripted model, each of whose answers
has one wrong form. A task counts as accepted if it ends with finish and exactly the good files; no verdict is
run, because the change is the same each time. *saved* are calls whose answer was repaired.

Then a day of 50 free calls with models of which each second answer has a wrong form, drawn from all of them.
Last, the time that the rescue takes for well-formed answers.
"""

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from pydantic import SecretStr

from benchmarks.strict_agent import TOOLS, Work
from benchmarks.support import postgres, quiet, table, verdict
from nightcrew.errors import NightcrewError
from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.rescue import Rescued, rescued
from nightcrew.openrouter.serving import model_calls
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.queue.state_store import StateStore
from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.scenario import Account, Fault, FaultKind, Scenario, ScriptedModel
from nightcrew.testing.solutions import Match, Solution
from nightcrew.testing.twin import Twin

ACCEPTED_SHARE, EXTRA_CALLS = 0.95, 1.0
DAY_FACTOR, OVERHEAD_MS = 2.0, 1.0
DAY_CALLS = 50
TASKS = 2  # for each form
GOOD = (
    "from shop import total\n\n\ndef test_total():\n"
    '    """Prices with "tax", \\n and all."""\n    assert total(2) == 3\n'
)
FILES: dict[str, str | None] = {"tests/test_shop.py": GOOD}
PROMPT = "Task type: unit_test\nTarget file: shop.py\nTask: Test number {number}."
SOLUTION = Solution(match=Match(), good=FILES)
ACCOUNT = Account(credits_usd=100, free_per_minute=1_000_000, free_per_day=1_000_000)


@contextmanager
def rescue(switched_on: bool) -> Iterator[None]:
    """The gateway with its rescue layer, or without."""
    made = rescued if switched_on else lambda body, offered: Rescued(body)
    with patch.object(model_calls, "rescued", made):
        yield


class House:
    """A twin and gateways on it."""

    def __init__(self, url: str, scenario: Scenario) -> None:
        self._url, self._scenario = url, scenario
        self.calls: list[ModelCall] = []

    def work(self, tasks: int, most_calls: int | None = None) -> list[bool]:
        """Whether each task was accepted; ends when the calls are used up."""
        done: list[bool] = []
        with (
            Twin(self._scenario) as twin,
            StateStore(self._url) as store,
            OpenRouterApi(twin.base_url, SecretStr("key")) as api,
            TemporaryDirectory() as folder,
        ):
            catalogue = ModelCatalogue(store, api)
            catalogue.refresh()
            for number in range(tasks):
                if most_calls is not None and len(self.calls) >= most_calls:
                    break
                done.append(self._task(number, store, api, catalogue, Path(folder), most_calls))
        return done

    def _task(
        self,
        number: int,
        store: StateStore,
        api: OpenRouterApi,
        catalogue: ModelCatalogue,
        folder: Path,
        most_calls: int | None,
    ) -> bool:
        left = None if most_calls is None else most_calls - len(self.calls)
        budgets = Budgets(task_usd=Decimal(10), calls=left)
        books = AttemptBooks(
            store, api.account, f"t-{number}", f"t-{number}:1", budgets, QuotaLimits(10**6, 10**6)
        )
        dispatcher = Dispatcher(
            api, list(catalogue.candidates()), books, record=self.calls.append, evidence=folder
        )
        work = Work({"shop.py": "def total(n):\n    return n + 1\n"})
        try:
            work.run(PROMPT.format(number=number), dispatcher.complete)
        except NightcrewError:
            return False
        finally:
            dispatcher.close()
        return work.finished and work.files.items() >= FILES.items()


def house(url: str, *faults: Fault, models: int = 1) -> House:
    names = [ScriptedModel(id=f"house/model-{n}:free") for n in range(models)]
    return House(
        url, Scenario(account=ACCOUNT, models=tuple(names), faults=faults, solutions=(SOLUTION,), seed=13)
    )


def per_form(url: str, form: AnswerForm | None) -> dict[str, Any]:
    """One form's row."""
    row: dict[str, Any] = {"form": form or "(well formed)"}
    for name, switched_on in (("without", False), ("with", True)):
        crew = house(url, *([Fault(kind=FaultKind.FORM, form=form)] if form else []))
        with rescue(switched_on):
            done = crew.work(TASKS)
        row[f"{name}: accepted"] = sum(done) / TASKS
        row[f"{name}: calls a task"] = len(crew.calls) / sum(done) if any(done) else "-"
        row["saved"] = sum(bool(call.rescues) for call in crew.calls)
    return row


def a_day(url: str) -> dict[str, Any]:
    """Accepted tasks of a day with 50 calls, with and without."""
    row: dict[str, Any] = {"calls": DAY_CALLS}
    for name, switched_on in (("without", False), ("with", True)):
        crew = house(url, Fault(kind=FaultKind.FORM, probability=0.5), models=3)
        with rescue(switched_on):
            row[name] = sum(crew.work(DAY_CALLS, DAY_CALLS))
    return row


def overhead_ms() -> float:
    """The median time for well-formed answers: a call with a long file, a text, a short call."""
    offered, times = Offered.by({"tools": TOOLS}), []
    arguments = {"command": "create", "path": "/workspace/a.py", "file_text": GOOD * 60}
    messages: list[dict[str, Any]] = [
        {"content": "The work is done, and the terminal shows that all tests pass. " * 20},
        *(
            {"content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}
            for function in (
                {"name": "file_editor", "arguments": json.dumps(arguments)},
                {"name": "terminal", "arguments": '{"command": "ls"}'},
            )
        ),
    ]
    for message in messages * 300:
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        body = {"choices": [{"message": message, "finish_reason": finish}]}
        began = time.perf_counter()
        assert rescued(body, offered).body is body
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> None:
    quiet()
    with postgres() as database:
        plain = per_form(database(), None)
        rows = [per_form(database(), form) for form in AnswerForm if form is not AnswerForm.UNREADABLE]
        day = a_day(database())
    table([plain, *rows])
    accepted = [row["with: accepted"] for row in rows]
    extra = [row["with: calls a task"] - plain["with: calls a task"] for row in rows if row["with: accepted"]]
    milliseconds = overhead_ms()
    print(f"\na day of {DAY_CALLS} free calls: {day['without']} accepted without, {day['with']} with")
    print(f"a well-formed answer: {milliseconds:.3f} ms at the median")
    verdict(
        {
            f"{ACCEPTED_SHARE:.0%} of the repairable forms end accepted": (
                statistics.mean(accepted) >= ACCEPTED_SHARE
            ),
            "with at most one extra call a task": max(extra) <= EXTRA_CALLS,
            f"a day brings at least {DAY_FACTOR:.0f} times as many": day["with"]
            >= DAY_FACTOR * max(day["without"], 1),
            f"at most {OVERHEAD_MS:.0f} ms a call at the median": milliseconds <= OVERHEAD_MS,
        }
    )


if __name__ == "__main__":
    main()
