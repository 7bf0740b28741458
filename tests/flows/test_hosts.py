"""Two hosts, one crew: one runs the engine, the other only `nightcrew worker --join`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from nightcrew.crew import services
from nightcrew.crew.api_access import password_of
from nightcrew.crew.processes import free_port
from nightcrew.crew.services import joined_crew
from nightcrew.crew.status import status
from nightcrew.errors import BadInput
from nightcrew.settings import Settings, load_settings
from nightcrew.task import TaskStatus
from tests.flows.conftest import KEY, RunningCrew
from tests.shared import shared_url

pytestmark = pytest.mark.flows

# Another name makes it another host: its processes are none of ours.
AS_ANOTHER_HOST = ["unshare", "--uts", "/bin/sh", "-c", 'hostname host-b && exec "$@"', "sh"]


@pytest.fixture
def shared_settings(tmp_path: Path, database_url: str, crew: RunningCrew) -> Iterator[Settings]:
    with shared_url("s3", tmp_path) as url:
        yield load_settings(
            home=tmp_path / "one",
            database_url=database_url,
            store_url=url,
            prefect_port=free_port(0),
            workers=1,
            base_url=crew.twin.base_url,
            api_key=KEY,
        )


def variables(settings: Settings, home: Path) -> dict[str, str]:
    return dict(os.environ) | {
        "NIGHTCREW_HOME": str(home),
        "NIGHTCREW_DATABASE_URL": str(settings.database_url),
        "NIGHTCREW_STORE_URL": str(settings.store_url),
        "NIGHTCREW_BASE_URL": settings.base_url,
        "NIGHTCREW_API_KEY": KEY,
    }


@contextmanager
def another_host(settings: Settings, home: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*AS_ANOTHER_HOST, sys.executable, "-m", "nightcrew.cli", "worker", "--join"]
    env = variables(settings, home) | {"PREFECT_API_AUTH_STRING": str(password_of(settings.home))}
    address = status(settings).api_url
    host = subprocess.Popen(
        [*command, address, "--workers", "2", "--json"], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert host.stdout is not None and "{" in host.stdout.readline(), "it did not join"
        yield host
    finally:
        host.send_signal(signal.SIGTERM)
        host.communicate(timeout=60)


def answer_of(settings: Settings, home: Path, *command: str) -> Any:
    asked = subprocess.run(
        [sys.executable, "-m", "nightcrew.cli", *command, "--json"],
        env=variables(settings, home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="another host name needs root")
def test_a_host_that_only_joined_does_tasks_and_all_hosts_give_the_same_answers(
    shared_settings: Settings, crew: RunningCrew, tmp_path: Path
) -> None:
    other = tmp_path / "two"
    with services.running_crew(shared_settings) as running, another_host(shared_settings, other):
        host = RunningCrew(shared_settings, running, crew.twin, crew.repo)
        worker = psutil.Process(running.alive["worker"])
        worker.suspend()  # so that the other one does the task
        queued = host.submit("Say what it is for.")
        working = host.until(queued.task_id, lambda one: one.status is not TaskStatus.QUEUED)
        done = host.ended(queued.task_id)
        worker.resume()
        assert working.host == "host-b" and done.status is TaskStatus.COMPLETED, done.detail
        assert done.change_path == f"{shared_settings.store_url}/results/{done.task_id}/change.patch"
        assert not (shared_settings.results_dir / done.task_id).exists()
        for command in (("show-task", done.task_id), ("metrics",), ("review",), ("list-tasks",)):
            assert answer_of(shared_settings, shared_settings.home, *command) == answer_of(
                shared_settings, other, *command
            )
        shown = answer_of(shared_settings, shared_settings.home, "show-task", done.task_id)
        assert shown["judged"]["kind"] == "accepted" and "pricing.py" in shown["change"]
        assert answer_of(shared_settings, shared_settings.home, "metrics")["accepted"] == 1


def test_a_host_that_shares_nothing_cannot_join(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match="NIGHTCREW_STORE_URL"),
        joined_crew(load_settings(home=tmp_path), "http://127.0.0.1:1/api"),
    ):
        pass
