"""Faults of the machine during a task, by their names in cases, and the recovery after them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import psycopg

from benchmarks.fault_matrix.crew import Stage
from nightcrew.crew import dispatch
from nightcrew.crew import stop as crew_stop
from nightcrew.crew.status import status
from nightcrew.crew.storage.database import open_database
from nightcrew.crew.supervision import Supervisor
from nightcrew.queue.task_table import QueuedTask
from nightcrew.testing.calls import Change
from nightcrew.testing.scenario import Account

AGENT = "nightcrew.openhands.inside.client"
LONGEST_SECONDS = 240.0


class CannotBeDone(Exception):
    """The fault cannot be caused on this machine; the message says why."""


def refuse_connections(stage: Stage, queued: QueuedTask) -> None:
    stage.line.refuse()  # before the run starts: breaking a running call would be another fault
    try:
        stage.until(queued, lambda now: now.detail.startswith("Waits") or now.status.is_final)
        stage.note_run_state(queued)
    finally:
        stage.line.open()
    _until(lambda: crew_stop.end_outage(stage.settings), "the end of the outage")


def change_the_key(stage: Stage, queued: QueuedTask) -> None:
    stage.twin.change(Change(account=Account(api_key="another", credits_usd=100)))
    _wait_for_stop(stage, queued)
    stage.twin.change(Change(account=Account(credits_usd=100, free_per_minute=1000)))
    crew_stop.resume(stage.settings)


def spend_the_credits(stage: Stage, queued: QueuedTask) -> None:
    stage.twin.change(Change(account=Account(credits_usd=1, spent_usd=2)))
    _wait_for_stop(stage, queued)
    stage.twin.change(Change(account=Account(credits_usd=100, free_per_minute=1000)))
    crew_stop.resume(stage.settings)


def resume(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_stop(stage, queued)
    crew_stop.resume(stage.settings)


def next_day(stage: Stage, queued: QueuedTask) -> None:
    """Let the task wait for midnight, and then advance the clock to midnight."""
    stage.until(queued, lambda now: now.detail.startswith("Waits") or now.status.is_final)
    stage.note_run_state(queued)
    with psycopg.connect(**stage.store_arguments, autocommit=True) as connection:
        connection.execute("update accounts set resting_until = null, per_day = null, day_used = 0")
    waiting = stage.get(queued)
    dispatch.run_again(stage.status.api(), waiting, state_name="AwaitingQuota")


def kill_the_agent(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    for process in _processes(stage, queued, AGENT, but_not="bwrap"):
        process.kill()


def kill_the_sandbox(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    for process in _processes(stage, queued, "bwrap")[:1]:
        process.kill()


def cancel(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    dispatch.cancel(stage.settings, queued.task_id)


def fill_the_disk(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    filler = stage.settings.work_dir / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"\0" * 1024**2)
    _wait_for_stop(stage, queued)
    filler.unlink()
    crew_stop.resume(stage.settings)


def shut_the_store(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    name = stage.store_arguments["dbname"]
    with psycopg.connect(**{**stage.store_arguments, "dbname": "postgres"}, autocommit=True) as connection:
        connection.execute(f'alter database "{name}" with allow_connections false')
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
            )
            time.sleep(0.2)
        connection.execute(f'alter database "{name}" with allow_connections true')


def kill_postgres(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    postmaster = open_database(stage.settings).pid
    assert postmaster is not None
    os.kill(postmaster, signal.SIGKILL)
    _supervise(stage, "PostgreSQL")


def kill_prefect(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    for name in ("server", "worker"):
        os.kill(stage.status.alive[name], signal.SIGKILL)
    _supervise(stage, "the Prefect server", "the worker")


def freeze_prefect(stage: Stage, queued: QueuedTask) -> None:
    _wait_for_call(stage, queued)
    server = psutil.Process(stage.status.alive["server"])
    tree = [server, *server.children(recursive=True)]
    for process in tree:
        process.send_signal(signal.SIGSTOP)
    time.sleep(20)
    for process in tree:
        process.send_signal(signal.SIGCONT)


BY_NAME: dict[str, Callable[[Stage, QueuedTask], None]] = {
    work.__name__: work
    for work in (
        refuse_connections,
        change_the_key,
        spend_the_credits,
        resume,
        next_day,
        kill_the_agent,
        kill_the_sandbox,
        cancel,
        fill_the_disk,
        shut_the_store,
        kill_postgres,
        freeze_prefect,
        kill_prefect,
    )
}


@contextmanager
def small_disk(stage: Stage) -> Iterator[None]:
    """The workspaces on a disk of 300 MB; needs root."""
    place = stage.settings.work_dir
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=0755", "nightcrew-drill", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        raise CannotBeDone("mounting a small disk requires root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


# ---------------------------------------------------------------------------------------------------------


def _supervise(stage: Stage, *services: str) -> None:
    """Do as `run-engine` does until these services were started again."""
    reports: list[str] = []
    supervisor = Supervisor(stage.settings, reports.append)
    expected = {f"{service} has ended: it was started again" for service in services}

    def are_back() -> bool:
        supervisor.check()
        return all(any(report.startswith(words) for report in reports) for words in expected)

    _until(are_back, f"the restart of {' and '.join(services)}")
    stage.status = status(stage.settings)


def _until(true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {LONGEST_SECONDS:.0f} s")
        time.sleep(0.1)


def _wait_for_call(stage: Stage, queued: QueuedTask) -> None:
    """Wait until the task's agent has made its first model call."""
    model = queued.task.models[0]
    _until(lambda: any(seen.asked == model for seen in list(stage.twin.requests)), "the first call")


def _wait_for_stop(stage: Stage, queued: QueuedTask) -> None:
    """Wait until the crew has stopped and the task waits."""
    stopped = "The crew is stopped"
    stage.until(queued, lambda now: now.detail.startswith(stopped) or now.status.is_final)
    stage.note_run_state(queued)
    stage.stops[queued.task_id] = crew_stop.current_stop(stage.settings)


def _processes(stage: Stage, queued: QueuedTask, word: str, *, but_not: str = "\0") -> list[psutil.Process]:
    """The processes below the task's run whose command line has this word, outermost first."""
    pid = stage.get(queued).pid
    found = psutil.Process(pid).children(recursive=True) if pid else []
    matching = []
    for process in found:
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if word in command and but_not not in command:
                matching.append(process)
    return matching
