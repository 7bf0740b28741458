"""What the gateway adds to a call: each call through it is paired with one straight to the twin.

    python -m benchmarks.gateway_overhead

Twenty calls are under way at any moment, from four processes, each with five attempts' gateways on one
PostgreSQL. The twin answers after a fixed time, as a model would.
"""

import random
import tempfile
import threading
import time
from pathlib import Path

import httpx
from pydantic import SecretStr

from benchmarks.stage import FORK, percentile, postgres, quiet, table, twin_process, verdict
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.budget import Budgets
from nightcrew.openrouter.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.quota import QuotaLimits
from nightcrew.queue.state_store import StateStore
from nightcrew.testing.scenario import Account, Price, Scenario, ScriptedModel

PROCESSES, ATTEMPTS, PAIRS, WARM_UP = 4, 5, 25, 3
LATENCY_SECONDS = 0.5
MEDIAN_MS, P99_MS = 10.0, 30.0

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
# A conversation as an agent has it in the middle of its work: some 20,000 characters.
MESSAGES = [
    {"role": "user" if turn % 2 == 0 else "assistant", "content": "def f(x):\n    return x\n" * 40}
    for turn in range(21)
]


class Pairs(threading.Thread):
    """One attempt: the same call straight and through its gateway, in turns."""

    def __init__(self, base_url: str, gateway: Gateway, model: str) -> None:
        super().__init__()
        self.base_url, self.gateway, self.model = base_url, gateway, model
        self.times: list[tuple[float, float]] = []

    def run(self) -> None:
        through = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.gateway.socket_path)),
            headers={"Authorization": f"Bearer {self.gateway.token}"},
            timeout=60,
        )
        # Attempts do not march in step.
        time.sleep(random.uniform(0, LATENCY_SECONDS))
        with httpx.Client(timeout=60) as straight, through:
            for pair in range(PAIRS + WARM_UP):
                first = self._ask(straight, f"{self.base_url}/chat/completions", self.model)
                second = self._ask(through, "http://gateway/v1/chat/completions", self.gateway.model)
                if pair >= WARM_UP:
                    self.times.append((first, second))

    def _ask(self, client: httpx.Client, url: str, model: str) -> float:
        started = time.perf_counter()
        reply = client.post(url, json={"model": model, "messages": MESSAGES, "max_tokens": 500})
        reply.raise_for_status()
        return (time.perf_counter() - started) * 1000


def work(number: int, url: str, base_url: str, model: str, results: object) -> None:
    with (
        StateStore(url) as store,
        OpenRouterApi(base_url, SecretStr("key")) as api,
        tempfile.TemporaryDirectory(prefix="nightcrew-") as folder,
    ):
        candidates = [each for each in ModelCatalogue(store, api).candidates() if each.model == model]
        attempts = [
            Gateway(
                api=api,
                store=store,
                task_id=f"t-{number}-{n}",
                attempt_id=f"t-{number}-{n}:1",
                models=candidates,
                budgets=Budgets(task_usd=100, day_usd=1000, month_usd=1000),  # type: ignore[arg-type]
                record=lambda call: None,
                socket_dir=Path(folder) / str(n),
                limits=QuotaLimits(1_000_000, 1_000_000),
            )
            for n in range(ATTEMPTS)
        ]
        threads = [Pairs(base_url, attempt.__enter__(), model) for attempt in attempts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for attempt in attempts:
            attempt.__exit__(None, None, None)
        results.put([pair for thread in threads for pair in thread.times])  # type: ignore[attr-defined]


def measure(url: str, base_url: str, model: str) -> dict[str, object]:
    results = FORK.Queue()
    processes = [FORK.Process(target=work, args=(n, url, base_url, model, results)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    pairs = [pair for _ in processes for pair in results.get(timeout=120)]
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
