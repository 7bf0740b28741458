"""Each check of the random faults finds what it is there for."""

import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos.checks import CHECKS, Found
from benchmarks.chaos.clock import make_clock
from benchmarks.chaos.faults.table import KINDS, drawn
from benchmarks.chaos.look import Row
from benchmarks.chaos.tasks import CAPABLE, UNABLE, tasks_of
from nightcrew.task import TaskStatus

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
WANTED = next(one for one in tasks_of(1, 0, 20, Path("/repo")) if one.fields["models"] == list(CAPABLE))
HOPELESS = next(one for one in tasks_of(1, 0, 20, Path("/repo")) if one.fields["models"] == list(UNABLE))
TASK = Row(
    task_id="t-1",
    description=f"Do it. {WANTED.mark}",
    status=TaskStatus.COMPLETED,
    detail="",
    failure_reason=None,
    flow_run_id="run-1",
    pid=None,
    pid_started=None,
    crashes=0,
    restarts=0,
    attempts=1,
    attempts_begun=1,
    priority="high",
)
ATTEMPT: Mapping[str, Any] = {
    "attempt_id": "t-1:1",
    "task_id": "t-1",
    "verdict": "accepted",
    "models_served": [CAPABLE[0]],
    "started_at": NOON,
    "ended_at": NOON + timedelta(minutes=1),
}
CALL: Mapping[str, Any] = {
    "call_id": "c-1",
    "generation_id": "gen-1",
    "cost_usd": Decimal("0.01"),
    "fault": None,
}
GOOD = Found(
    wanted=[WANTED],
    tasks=[TASK],
    acts={},
    ledger_tasks=[{"task_id": "t-1", "status": "completed"}],
    ledger_attempts=[ATTEMPT],
    ledger_calls=[CALL],
    ledger_ends={"t-1": 1},
    spent_usd=Decimal("0.01"),
    reservations=[],
    runs={"run-1": "COMPLETED"},
    names={"run-1": "docs t-1"},
    provider=[{"generation": "gen-1", "usage": {"cost_usd": "0.01"}}],
    outbox=0,
)
FAILED = replace(TASK, status=TaskStatus.FAILED, failure_reason="infrastructure")
LATER = {"attempt_id": "t-1:2", "verdict": None, "started_at": NOON + timedelta(seconds=5)}
CHARGED = {"generation": "gen-2", "usage": {"cost_usd": "0.02"}}
WRONG = {
    "0 lost": [replace(GOOD, tasks=[]), replace(GOOD, tasks=[TASK, TASK]), replace(GOOD, ledger_tasks=[])],
    "0 done or paid twice": [
        replace(GOOD, ledger_ends={"t-1": 2}),
        replace(GOOD, ledger_attempts=[ATTEMPT, {**ATTEMPT, "attempt_id": "t-1:2"}]),
        replace(GOOD, ledger_attempts=[ATTEMPT, {**ATTEMPT, **LATER}]),
        replace(GOOD, ledger_calls=[CALL, {**CALL, "call_id": "c-2"}]),
    ],
    "0 false completed": [
        replace(GOOD, ledger_attempts=[{**ATTEMPT, "verdict": "rejected"}]),
        replace(GOOD, ledger_attempts=[{**ATTEMPT, "models_served": [UNABLE[0]]}]),
        replace(GOOD, wanted=[HOPELESS], tasks=[replace(TASK, description=HOPELESS.mark)]),
    ],
    "0 failed through no fault of their own": [
        replace(GOOD, tasks=[FAILED]),
        replace(GOOD, tasks=[replace(FAILED, failure_reason="rejected")]),
        replace(GOOD, tasks=[replace(TASK, status=TaskStatus.CANCELLED)]),
    ],
    "store = ledger": [
        replace(GOOD, tasks=[FAILED]),
        replace(GOOD, outbox=1),
        replace(GOOD, ledger_tasks=[*GOOD.ledger_tasks, {"task_id": "t-2", "status": "completed"}]),
    ],
    "store = Prefect": [
        replace(GOOD, runs={"run-1": "CRASHED"}),
        replace(GOOD, runs={"run-1": "COMPLETED", "run-2": "RUNNING"}, names={"run-2": "docs t-1"}),
    ],
    "ledger = the provider's books": [
        replace(GOOD, provider=[]),
        replace(GOOD, provider=[{"generation": "gen-1", "usage": {"cost_usd": "0.02"}}]),
        replace(GOOD, provider=[*GOOD.provider, CHARGED], spent_usd=Decimal(1)),
        replace(GOOD, spent_usd=Decimal("0.001")),
        replace(GOOD, reservations=[{"attempt_id": "t-1:1"}]),
    ],
}


def test_a_night_without_a_fault_contradicts_nothing() -> None:
    assert {name: check(GOOD) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_finds_what_it_is_there_for(name: str) -> None:
    assert all(CHECKS[name](found) for found in WRONG[name])


def test_what_people_cancelled_did_not_fail() -> None:
    cancelled = replace(TASK, status=TaskStatus.CANCELLED)
    found = replace(GOOD, tasks=[cancelled], acts={"t-1": {"cancelled"}})
    assert CHECKS["0 failed through no fault of their own"](found) == []


def test_the_crews_own_clock_is_moved_for_its_processes_only(tmp_path: Path) -> None:
    if (clock := make_clock(tmp_path)) is None:
        pytest.skip("a clock of its own needs root, mounts and a compiler")
    clock.move(-3 * 3600)
    asked = ("python3", "-c", "import os, time; print(time.time(), time.monotonic(), os.getpid())")
    with subprocess.Popen([*clock.prefix, *asked], stdout=subprocess.PIPE, text=True) as process:
        moved, since_start, pid = (process.stdout.read() if process.stdout else "").split()
    assert time.time() - float(moved) == pytest.approx(3 * 3600, abs=60)
    assert time.monotonic() - float(since_start) < 60
    assert int(pid) == process.pid, "signals reach it"


def test_the_same_seed_makes_the_same_faults_in_the_same_order() -> None:
    first, again = ([kind.name for kind in islice(drawn(7, 3), 200)] for _ in range(2))
    assert first == again
    assert set(KINDS) == {kind.name for kind in islice(drawn(7, 3), 2000)}
