"""Sixteen workers on one budget: the amount spent, compared with the cap.

    python -m benchmarks.budget_drill

Each worker is a process with a free model that mostly answers 429 and a paid one to fall back to. Connections
break after the provider has billed, prices double in the middle without the catalogue knowing, and
workers are killed during calls. The twin keeps its own account of what it billed; that is what counts.
"""

import json
import os
import random
import signal
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from benchmarks.support import FORK, FastTime, postgres, quiet, table, twin_process, twin_requests, verdict
from nightcrew.errors import NightcrewError
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets, settle, violations
from nightcrew.openrouter.books.budget_tables import budget_reservations
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.openrouter.wire.answers import from_reply
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.testing.calls import Change
from nightcrew.testing.scenario import Account, Fault, FaultKind, Price, Scenario, ScriptedModel

WORKERS, KILLED, TASKS, CALLS = 16, 4, 5, 5
DAY_USD, TASK_USD = Decimal("1.00"), Decimal("0.20")
LATENCY_SECONDS, SPEED = 0.15, 50.0
FREE, PAID = "house/free:free", "house/paid"
PROMPT = "x = 1\n" * 1300  # about a cent at the price below


def paid(times: int = 1) -> ScriptedModel:
    price = Price(prompt=f"{5 * times / 1e6:.7f}", completion=f"{10 * times / 1e6:.7f}")
    return ScriptedModel(id=PAID, price=price, latency_seconds=LATENCY_SECONDS)


SCENARIO = Scenario(
    seed=3,
    account=Account(credits_usd=1000, free_per_minute=100_000, free_per_day=100_000),
    models=(ScriptedModel(id=FREE, latency_seconds=LATENCY_SECONDS), paid()),
    faults=(
        Fault(kind=FaultKind.RATE_LIMIT_UPSTREAM, models=(FREE,), probability=0.8),
        Fault(kind=FaultKind.DROPPED, models=(PAID,), probability=0.05),
        Fault(kind=FaultKind.MIDSTREAM_ERROR, models=(PAID,), probability=0.05),
    ),
)


@dataclass(frozen=True)
class Worker:
    number: int
    database: str
    base_url: str
    time: FastTime
    spent: Any  # USD, shared by the workers of the rivals

    def requests(self) -> list[dict[str, Any]]:
        text = f"{self.number} {random.random()} {PROMPT}"
        return [{"messages": [{"role": "user", "content": text}], "max_tokens": 300}] * CALLS


def with_gateway(worker: Worker) -> None:
    """Reserve before each call, and settle after it."""
    with (
        StateStore(worker.database) as store,
        OpenRouterApi(worker.base_url, SecretStr("key")) as api,
        tempfile.TemporaryDirectory(prefix="nightcrew-") as folder,
    ):
        candidates = {each.model: each for each in ModelCatalogue(store, api).candidates()}
        for task in range(TASKS):
            task_id = f"t-{worker.number}-{task}"
            budgets, limits = Budgets(task_usd=TASK_USD, day_usd=DAY_USD), QuotaLimits(100_000, 100_000)
            now = worker.time.now
            dispatcher = Dispatcher(
                api,
                [candidates[FREE], candidates[PAID]],
                AttemptBooks(store, api.account, task_id, f"{task_id}:1", budgets, limits, now),
                record=lambda call: None,
                rules=CallRules(sleep=worker.time.sleep),
            )
            with Gateway(dispatcher, Path(folder)) as gateway:
                try:
                    for request in worker.requests():
                        gateway.complete(request)
                except NightcrewError:
                    continue


def with_counting_after(worker: Worker, *, at_fallback: bool) -> None:
    """The usual budget: compared with the count so far; a call is counted when its answer arrives."""
    with OpenRouterApi(worker.base_url, SecretStr("key")) as api:
        for request in [each for _ in range(TASKS) for each in worker.requests()]:
            for model in (FREE, PAID):
                is_asked = at_fallback or model == FREE
                if is_asked and worker.spent.value >= float(DAY_USD):
                    break
                try:
                    outcome = from_reply(
                        api.chat({**request, "model": model}, wall_seconds=30), now=utc_now()
                    )
                except NoReply:
                    continue
                if outcome.usage is not None and outcome.row is None:
                    with worker.spent.get_lock():
                        worker.spent.value += float(outcome.usage.cost_usd or 0)
                    break


def counted_at_every_call(worker: Worker) -> None:
    with_counting_after(worker, at_fallback=True)


def counted_before_the_fallback_only(worker: Worker) -> None:
    with_counting_after(worker, at_fallback=False)


# --- the run ----------------------------------------------------------------------------------------


def play(name: str, client: Callable[[Worker], None], database: str) -> dict[str, object]:
    with twin_process(SCENARIO) as base_url:
        with StateStore(database) as store, OpenRouterApi(base_url, SecretStr("key")) as api:
            ModelCatalogue(store, api).refresh()
        fast = FastTime(SPEED)
        spent = FORK.Value("d", 0.0)
        processes = [
            FORK.Process(target=client, args=(Worker(number, database, base_url, fast, spent),))
            for number in range(WORKERS)
        ]
        for process in processes:
            process.start()
        watch = Watch(database)
        watch.start()
        trouble(base_url, [process.pid or 0 for process in processes[:KILLED]])
        for process in processes:
            process.join()
        return {"client": name, **account(base_url), **watch.end()}


def trouble(base_url: str, victims: list[int]) -> None:
    """Halfway through, some workers die in a call, and the price doubles."""
    dice = random.Random(1)
    for victim in victims:
        time.sleep(dice.uniform(0.3, 0.6))
        os.kill(victim, signal.SIGKILL)
    change = Change(put_models=(paid(times=2),)).model_dump_json(exclude_unset=True).encode()
    request = urllib.request.Request(base_url.replace("/api/v1", "/twin/change"), data=change, method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def account(base_url: str) -> dict[str, object]:
    """The amount that the provider billed, by its own records."""
    seen = twin_requests(base_url)
    billed = sum((Decimal(call["usage"]["cost_usd"]) for call in seen if call["usage"]), Decimal(0))
    return {
        "workers": WORKERS,
        "killed": KILLED,
        "calls": len(seen),
        "allowed USD": f"{DAY_USD}",
        "billed USD": f"{billed:.4f}",
        "overshoot USD": f"{max(Decimal(0), billed - DAY_USD):.4f}",
    }


class Watch(threading.Thread):
    """Runs the invariant's query repeatedly while the crew works, and once after all is settled."""

    def __init__(self, database: str) -> None:
        super().__init__(daemon=True)
        self._store = StateStore(database)
        self._over = threading.Event()
        self._looks = 0
        self._found: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def end(self) -> dict[str, object]:
        self._over.set()
        self.join()
        with self._store.engine.connect() as connection:
            of_killed = connection.scalars(select(budget_reservations.c.reservation_id)).all()
        for key in of_killed:
            settle(self._store, key, cost_usd=None, now=utc_now())
        self._look()
        with self._store.engine.connect() as connection:
            query = "select coalesce(sum(spent_usd), 0) from budgets where scope like 'day:%%'"
            booked = connection.exec_driver_sql(query).scalar_one()
        self._store.close()
        return {"booked USD": f"{booked:.4f}", "looks": self._looks, "violations": len(self._found)}

    def _look(self) -> None:
        with self._store.engine.connect() as connection:
            self._found += [json.dumps(row, default=str) for row in violations(connection)]
        self._looks += 1


def main() -> None:
    quiet()
    with postgres() as database:
        rows = [
            play("gateway", with_gateway, database()),
            play("counted after each call", counted_at_every_call, database()),
            play("counted after, not asked at a fallback", counted_before_the_fallback_only, database()),
        ]
    table(rows)
    ours = rows[0]
    billed, booked = Decimal(str(ours["billed USD"])), Decimal(str(ours["booked USD"]))
    verdict(
        {
            "the gateway's overshoot is exactly 0": billed <= DAY_USD,
            "spent + reserved <= cap at every instant": ours["violations"] == 0,
            "no billed amount is missing in the ledger": booked >= billed,
            "most of the budget could be used": booked >= DAY_USD * 8 / 10,
        }
    )


if __name__ == "__main__":
    main()
