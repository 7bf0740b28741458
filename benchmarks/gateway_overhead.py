"""The latency that the gateway adds: each call through it is paired with a direct call to the twin.

    python -m benchmarks.gateway_overhead

The set-up is the crew's own: an attempt is a process with one gateway, so twenty calls at once are twenty
processes, all on one account, one PostgreSQL and the same budget of day and month. All of them go straight
to the twin, then all of them through their gateways, in turns: twenty calls are under way at any moment, and
in the gateways' turns all twenty are theirs. A caller's n-th call of one turn is paired with its n-th of the
other. Every call is reserved, settled, entered in the ledger's journal and kept as evidence, on disk.

Both ways have the same client (httpx, kept alive), request and twin. The client runs in the gateway's
process, where an agent would have one of its own: what that costs, the gateway is charged with. The twin
answers after half a second, sooner than a model would: quota and money are asked for more often than twenty
agents would ask. Where others use the machine, `chrt -r 1` before the command keeps their processes out of
the measurement (not their disk); `load` is the machine's load average at the end.
"""

import os
import random
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from benchmarks.support import FORK, percentile, postgres, quiet, table, twin_process, verdict
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.queue.state_store import StateStore
from nightcrew.testing.scenario import Account, Price, Scenario, ScriptedModel

CALLERS, TURNS, CALLS_A_TURN = 20, 8, 5
WARM_UP = 3
LATENCY_SECONDS = 0.5
MEDIAN_MS, P99_MS = 10.0, 30.0
BUDGETS = Budgets(task_usd=Decimal(100), day_usd=Decimal(1000), month_usd=Decimal(1000))
LIMITS = QuotaLimits(1_000_000, 1_000_000)

SCENARIO = Scenario(
    account=Account(credits_usd=100_000, free_per_minute=1_000_000, free_per_day=1_000_000),
    models=(
        ScriptedModel(id="house/free:free", latency_seconds=LATENCY_SECONDS),
        ScriptedModel(
            id="house/paid",
            latency_seconds=LATENCY_SECONDS,
            price=Price(prompt="0.000001", completion="0.000002"),
        ),
    ),
)
# A typical conversation of an agent in the middle of its work: some 20,000 characters.
MESSAGES = [
    {"role": "user" if turn % 2 == 0 else "assistant", "content": "def f(x):\n    return x\n" * 40}
    for turn in range(21)
]

type Call = Callable[[], float]


def caller(number: int, url: str, base_url: str, model: str, together: Any, results: Any) -> None:
    """The process of one attempt."""
    with (
        StateStore(url) as store,
        OpenRouterApi(base_url, SecretStr("key")) as api,
        tempfile.TemporaryDirectory(prefix="nightcrew-") as folder,
        MetricsCollector(Path(folder) / "ledger", f"overhead-{number}") as collector,
        Gateway(
            Dispatcher(
                api,
                [each for each in ModelCatalogue(store, api).candidates() if each.model == model],
                AttemptBooks(store, api.account, f"t-{number}", f"t-{number}:1", BUDGETS, LIMITS),
                record=collector.model_call,
                evidence=Path(folder) / "evidence",
            ),
            Path(folder),
        ) as gateway,
        httpx.Client(timeout=60) as direct,
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(gateway.socket_path)),
            headers={"Authorization": f"Bearer {gateway.token}"},
            timeout=60,
        ) as door,
    ):
        straight = asking(direct, f"{base_url}/chat/completions", model)
        through = asking(door, "http://gateway/v1/chat/completions", gateway.model)
        for _ in range(WARM_UP):
            straight()
            through()
        pairs: list[tuple[float, float]] = []
        for _ in range(TURNS):
            turns = [turn(straight, together), turn(through, together)]
            pairs.extend(zip(*turns, strict=True))
        results.put(pairs)


def asking(client: httpx.Client, url: str, model: str) -> Call:
    """A call this way, which returns its milliseconds."""

    def ask() -> float:
        started = time.perf_counter()
        reply = client.post(url, json={"model": model, "messages": MESSAGES, "max_tokens": 500})
        reply.raise_for_status()
        return (time.perf_counter() - started) * 1000

    return ask


def turn(call: Call, together: Any) -> list[float]:
    """The calls of one turn, which all callers begin together and then do not march in step."""
    together.wait(60)
    time.sleep(random.uniform(0, LATENCY_SECONDS))
    return [call() for _ in range(CALLS_A_TURN)]


def measure(url: str, base_url: str, model: str) -> dict[str, object]:
    results, together = FORK.Queue(), FORK.Barrier(CALLERS)
    processes = [
        FORK.Process(target=caller, args=(n, url, base_url, model, together, results)) for n in range(CALLERS)
    ]
    for process in processes:
        process.start()
    pairs = [pair for _ in processes for pair in results.get(timeout=150)]
    for process in processes:
        process.join()
    straight, through = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    added = [pair[1] - pair[0] for pair in pairs]
    return {
        "model": model,
        "pairs": len(pairs),
        "straight p50 ms": percentile(straight, 0.5),
        "straight p99 ms": percentile(straight, 0.99),
        "gateway p50 ms": percentile(through, 0.5),
        "gateway p99 ms": percentile(through, 0.99),
        "added p50 ms": percentile(added, 0.5),
        "added p99 ms": percentile(added, 0.99),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    quiet()
    with postgres() as database, twin_process(SCENARIO) as base_url:
        url = database()
        with StateStore(url) as store, OpenRouterApi(base_url, SecretStr("key")) as api:
            ModelCatalogue(store, api).refresh()
        rows = [measure(url, base_url, model) for model in ("house/free:free", "house/paid")]
    table(rows)
    verdict(
        {
            f"at most {MEDIAN_MS:.0f} ms at the median": all(
                float(str(row["added p50 ms"])) <= MEDIAN_MS for row in rows
            ),
            f"at most {P99_MS:.0f} ms at the 99th percentile": all(
                float(str(row["added p99 ms"])) <= P99_MS for row in rows
            ),
        }
    )


if __name__ == "__main__":
    main()
