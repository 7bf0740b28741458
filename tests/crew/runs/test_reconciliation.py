"""What is done about a task whose flow run and process do not agree, whichever of them died first."""

import inspect
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from socket import gethostname

import pytest
from prefect import flow_engine
from prefect.workers import base as workers

from nightcrew.crew.processes import ProcessId
from nightcrew.crew.runs.flow_runs import NO_DEPLOYMENT, SILENT, Life, Run, life_of
from nightcrew.crew.runs.reconciliation import EXCEPTION, Correction, correction
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import Task, TaskStatus

QUEUED, RUNNING, ASKS = TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.NEEDS_REVIEW
ALIVE, DEAD, UNKNOWN = Life
NONE, AT_ONCE, AGAIN, CRASHED, CANCEL, FAIL = Correction
NOW, LATE = timedelta(seconds=5), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("task", "state", "age", "life", "wanted"),
    [
        (RUNNING, "RUNNING", LATE, ALIVE, NONE),
        (RUNNING, "RUNNING", NOW, DEAD, CRASHED),  # killed: nobody waits for missing heartbeats
        (QUEUED, "RUNNING", LATE, DEAD, CRASHED),  # killed before it could report to the store
        (QUEUED, "RUNNING", NOW, UNKNOWN, NONE),
        (QUEUED, "RUNNING", LATE, UNKNOWN, CRASHED),  # nobody ever knew its process: it died with its worker
        (RUNNING, "RUNNING", LATE, UNKNOWN, NONE),  # on another host: its heartbeats tell
        (ASKS, "RUNNING", LATE, DEAD, CRASHED),  # killed between the question and the suspension
        (ASKS, "PAUSED", LATE, UNKNOWN, NONE),
        (QUEUED, "SCHEDULED", LATE, UNKNOWN, NONE),
        (QUEUED, "SCHEDULED", -NOW, UNKNOWN, NONE),
        (QUEUED, "SCHEDULED", -LATE, UNKNOWN, AT_ONCE),  # handed over while the clock was hours ahead
        (QUEUED, "PENDING", NOW, UNKNOWN, NONE),
        (QUEUED, "PENDING", LATE, UNKNOWN, CRASHED),
        (QUEUED, "PENDING", LATE, DEAD, CRASHED),
        (QUEUED, "PENDING", LATE, ALIVE, NONE),
        (RUNNING, "CANCELLING", NOW, ALIVE, NONE),  # the worker is about to do it
        (RUNNING, "CANCELLING", LATE, ALIVE, CANCEL),  # its worker has gone
        (RUNNING, "CANCELLING", NOW, DEAD, CANCEL),
        (QUEUED, "CANCELLING", -LATE, UNKNOWN, CANCEL),  # asked while the clock was hours ahead
        (RUNNING, "CANCELLED", NOW, ALIVE, CANCEL),
        (RUNNING, "CRASHED", NOW, ALIVE, NONE),  # no heartbeat came through, but the work goes on
        (RUNNING, "CRASHED", NOW, DEAD, CRASHED),
        (QUEUED, "CRASHED", NOW, UNKNOWN, CRASHED),
        (RUNNING, "COMPLETED", NOW, ALIVE, NONE),
        (RUNNING, "COMPLETED", NOW, DEAD, FAIL),
        (ASKS, "FAILED", NOW, UNKNOWN, FAIL),
        (RUNNING, "DELETED", NOW, ALIVE, CANCEL),
    ],
)
def test_every_combination_has_one_correction(
    task: TaskStatus, state: str, age: timedelta, life: Life, wanted: Correction
) -> None:
    assert correction(task, Run(state, "", age, life), deployed=True) is wanted


@pytest.mark.parametrize("task", [QUEUED, RUNNING, ASKS])
def test_a_run_that_prefects_server_would_not_let_wait_has_crashed(task: TaskStatus) -> None:
    """PostgreSQL was away for minutes: the server answered 500 when the run was to wait for it."""
    word = f"{EXCEPTION}: PrefectHTTPStatusError: Server error '500 Internal Server Error'"
    assert correction(task, Run("FAILED", word, NOW, DEAD), deployed=True) is CRASHED
    by_a_person = Run("FAILED", "set in the UI", NOW, DEAD)
    assert correction(task, by_a_person, deployed=True) is FAIL
    assert EXCEPTION in inspect.getsource(flow_engine), "Prefect says it in other words now"


@pytest.mark.parametrize("task", [QUEUED, RUNNING, ASKS])
def test_runs_that_went_with_their_deployment_were_cancelled_by_nobody(task: TaskStatus) -> None:
    assert correction(task, Run("DELETED", "", NOW, UNKNOWN), deployed=False) is AGAIN


def test_a_run_that_prefect_cancelled_without_its_deployment_was_cancelled_by_nobody() -> None:
    word = f"Deployment 75384cdd {NO_DEPLOYMENT}"
    assert correction(QUEUED, Run("CANCELLED", word, NOW, UNKNOWN), deployed=True) is AGAIN
    assert NO_DEPLOYMENT in inspect.getsource(workers), "Prefect says it in other words now"


def test_a_run_whose_queue_was_deleted_is_started_anew() -> None:
    assert correction(QUEUED, Run("SCHEDULED", "", NOW, UNKNOWN, in_queue=False), deployed=True) is AGAIN


@pytest.mark.parametrize(("task", "wanted"), [(QUEUED, AGAIN), (ASKS, AGAIN), (RUNNING, CRASHED)])
def test_a_run_that_waited_in_silence_has_not_crashed(task: TaskStatus, wanted: Correction) -> None:
    assert correction(task, Run("CRASHED", SILENT, NOW, DEAD), deployed=True) is wanted


def a_task(process: ProcessId | None, host: str | None = None) -> QueuedTask:
    task = Task.model_validate({"description": "tidy up", "repo": "https://example.org/r.git"})
    pid, started = (process.pid, process.started) if process else (None, None)
    return QueuedTask(
        task, "c", RUNNING, datetime.now(UTC), host=host or gethostname(), pid=pid, pid_started=started
    )


def test_a_process_is_known_by_its_start_and_not_by_its_number() -> None:
    here = ProcessId.of(os.getpid())
    assert life_of(a_task(here)) is ALIVE
    assert life_of(a_task(ProcessId(here.pid, here.started - 50))) is DEAD
    assert life_of(a_task(here, host="another")) is UNKNOWN
    assert life_of(a_task(None)) is UNKNOWN
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = a_task(ProcessId.of(child.pid))
    assert life_of(known) is ALIVE
    child.communicate()
    assert life_of(known) is DEAD


def test_a_start_does_not_move_with_the_clock() -> None:
    """psutil works out a start from the clock, so that a corrected clock made every process another one."""
    started = ProcessId.of(os.getpid()).started
    assert started == ProcessId.of(os.getpid()).started
    assert abs(started - datetime.now(UTC).timestamp()) > 3600
