"""Restarts back off and are given up in time; a start is waited for as long as something happens."""

import os
import sys
import time
from pathlib import Path

import pytest

from nightcrew.crew.patience import Patience
from nightcrew.crew.processes import ProcessId, kill_tree, spawn
from nightcrew.crew.supervision import (
    LONGEST_PAUSE_SECONDS,
    STEADY_SECONDS,
    Restarts,
    Supervisor,
)
from nightcrew.settings import load_settings


def test_each_restart_in_a_row_waits_longer_up_to_a_minute() -> None:
    restarts, pauses = Restarts(), []
    assert restarts.not_before == 0.0, "the first restart waits for nothing"
    for number in range(9):
        restarts.failed(1000.0) if number % 2 else restarts.started(1000.0)
        pauses.append(restarts.not_before - 1000.0)
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_failures_are_forgotten_once_a_service_ran_for_a_while() -> None:
    restarts = Restarts()
    restarts.started(0.0)
    restarts.started(10.0)
    restarts.is_well(10.0 + STEADY_SECONDS - 1)
    assert restarts.failures == 2
    restarts.is_well(10.0 + STEADY_SECONDS + 1)
    assert restarts.failures == 0


def test_a_crew_that_was_stopped_needs_no_supervision(tmp_path: Path) -> None:
    assert Supervisor(load_settings(home=tmp_path), print).check() is False


@pytest.mark.parametrize(
    ("code", "is_over"),
    [
        ("import time; time.sleep(60)", True),
        ("while True: pass", False),
        ("import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])", False),
        ("import time\nwhile True: print(1, flush=True); time.sleep(0.2)", False),
    ],
    ids=["idle", "busy", "busy child", "talking"],
)
def test_patience_ends_with_progress(tmp_path: Path, code: str, is_over: bool) -> None:
    log = tmp_path / "log"
    process = spawn([sys.executable, "-c", code], env=os.environ, log=log)
    try:
        patience, end = Patience(process, log, idle_seconds=2.5), time.monotonic() + 5
        while not patience.is_over and time.monotonic() < end:
            time.sleep(0.1)
        assert patience.is_over is is_over
    finally:
        kill_tree(ProcessId.of(process.pid))
