"""The services of a crew: found by other processes, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from nightcrew.crew import dispatch, services
from nightcrew.crew.processes import free_port
from nightcrew.crew.status import status
from nightcrew.crew.storage.database import open_database
from nightcrew.crew.supervision import Supervisor
from nightcrew.crew.upkeep import Upkeep
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows

STARTER = """
import sys, time
from pathlib import Path
from nightcrew.settings import load_settings
from nightcrew.crew import services
services.start(load_settings(home=Path(sys.argv[1]), prefect_port=int(sys.argv[2])), workers=1)
print("up", flush=True)
time.sleep(300)
"""


def processes_of(settings: Settings) -> list[str]:
    home = str(settings.home)
    found = []
    for process in psutil.process_iter():
        try:
            where = " ".join(process.cmdline()) + process.environ().get("NIGHTCREW_HOME", "")
        except psutil.Error:
            continue
        if home in where and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.cmdline())[:150])
    return found


def test_services_end_with_the_process_that_started_them_even_when_it_is_killed(settings: Settings) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(settings.home), str(settings.prefect_port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None and starter.stdout.readline() == "up\n"
    seen = status(settings)
    assert seen.running and seen.api().healthy()
    assert seen.alive.keys() == {"server", "worker", "guard"}
    assert psutil.Process(seen.alive["guard"]).memory_info().rss < 8_000_000, "it only waits"
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    deadline = time.monotonic() + 30
    while left := processes_of(settings):
        assert time.monotonic() < deadline, left
        time.sleep(0.3)
    assert not status(settings).running


def test_a_start_that_is_killed_leaves_no_service_behind(settings: Settings) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(settings.home), str(settings.prefect_port)],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while "server" not in status(settings).alive:
        assert time.monotonic() < deadline and starter.poll() is None
        time.sleep(0.05)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    while left := processes_of(settings):
        assert time.monotonic() < deadline, left
        time.sleep(0.3)


def test_services_that_end_with_a_killed_engine_are_not_taken_for_those_of_another(
    settings: Settings,
) -> None:
    """As when a service manager starts it again at once: what the second one started was left behind."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(settings.home), str(settings.prefect_port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None and starter.stdout.readline() == "up\n"
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    with services.running_crew(settings) as again:
        assert again.running
    assert not status(settings).running


def test_a_task_that_was_submitted_while_nothing_ran_is_done_once_something_does(
    settings: Settings, crew: RunningCrew
) -> None:
    task = crew.task("Wait for the crew.")
    assert dispatch.submit(settings, task).status is TaskStatus.PENDING
    with work_folder(settings.work_dir, "verify") as of_another, services.running_crew(settings) as running:
        assert of_another.is_dir(), "the start took away the folder of a command that is still running"
        again = services.start(settings)  # it runs already: nothing is started twice
        assert again.alive == running.alive
        with dispatch.open_queue(settings) as queue:
            deadline = time.monotonic() + 90
            while not (outcome := queue.get(task.task_id)).status.is_final:
                assert time.monotonic() < deadline, outcome
                time.sleep(0.3)
        assert outcome.status is TaskStatus.COMPLETED, outcome.detail
        everything_is_killed_and_comes_back(settings, crew)
    assert processes_of(settings) == []
    with dispatch.open_queue(settings) as queue:  # still readable when nothing runs
        assert queue.get(task.task_id).status is TaskStatus.COMPLETED
    assert services.stop(settings) is False


def everything_is_killed_and_comes_back(settings: Settings, crew: RunningCrew) -> None:
    """PostgreSQL, server and worker at once; the task that runs goes on, and a later one is done."""
    slow = dispatch.submit(settings, crew.task("Work through the outage.", models=["twin/slow"]))
    before = status(settings)
    until(settings, slow.task_id, lambda task: task.pid is not None)
    postmaster = open_database(settings).pid
    assert postmaster is not None
    for pid in (postmaster, before.alive["server"], before.alive["worker"]):
        os.kill(pid, signal.SIGKILL)
    result: list[str] = []
    supervisor = Supervisor(settings, result.append)
    deadline = time.monotonic() + 240
    while not (status(settings).running and status(settings).api().healthy() and len(result) >= 3):
        assert supervisor.check() and time.monotonic() < deadline, result
        time.sleep(0.5)
    again = [line for line in result if "started again as process" in line]
    assert [line.partition(" has ended")[0] for line in again] == [
        "PostgreSQL", "the Prefect server", "the worker"
    ]  # fmt: skip
    assert status(settings).api_url == before.api_url, "running tasks would not find the server again"
    Upkeep(settings, result.append).once()
    later = dispatch.submit(settings, crew.task("Be done after the outage."))
    for task_id in (slow.task_id, later.task_id):
        ended = until(settings, task_id, lambda task: task.status.is_final)
        assert (ended.status, ended.restarts) == (TaskStatus.COMPLETED, 0), ended.detail


def until(settings: Settings, task_id: str, true: Callable[[QueuedTask], bool]) -> QueuedTask:
    with dispatch.open_queue(settings) as queue:
        deadline = time.monotonic() + 120
        while not true(queued := queue.get(task_id)):
            assert time.monotonic() < deadline, queued
            time.sleep(0.3)
    return queued


def test_a_taken_port_is_no_obstacle(crew: RunningCrew) -> None:
    taken = int(crew.status.api_url.rsplit(":")[-1].split("/")[0])
    assert free_port(taken) != taken


def test_a_service_that_cannot_start_says_where_to_look(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Transient, match=r"server\.log"):
        services.start(settings)
    services.stop(settings)
    assert processes_of(settings) == []


def test_flows_are_looked_for_before_anything_is_started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "nightcrew.crew.environment.__file__", str(tmp_path / "lib" / "nightcrew" / "crew" / "x.py")
    )
    with pytest.raises(BadInput, match=r"prefect\.yaml"):
        services.start(settings)
    assert processes_of(settings) == []
