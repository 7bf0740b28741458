"""Making a Prefect server ready for the crew: each failure is reported so that a person knows what to do."""

from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from nightcrew import host
from nightcrew.crew import bootstrap
from nightcrew.crew.environment import project_root
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.errors import Transient
from nightcrew.task import TaskPriority

HANGS = """
import subprocess, sys, time
print("deploying", flush=True)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", sys.argv[0]])
time.sleep(60)
"""


def project(tmp_path: Path, code: str) -> Path:
    """A checkout whose bootstrap is `code`."""
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "__init__.py").touch()
    (tmp_path / "deployments" / "bootstrap.py").write_text(code)
    return tmp_path


def test_one_that_hangs_says_what_to_do_and_leaves_nothing_running(tmp_path: Path) -> None:
    place, log = project(tmp_path, HANGS), tmp_path / "logs" / "bootstrap.log"
    with pytest.raises(
        Transient, match=r"no progress for 5 s: start again, what was created is kept"
    ) as outcome:
        bootstrap.run(place, host.environment(PYTHONPATH=str(place)), log=log, idle_seconds=5)
    assert str(log) in str(outcome.value)
    assert log.read_text() == "deploying\n"  # it had begun
    assert not [found for found in psutil.process_iter() if str(tmp_path) in _command(found)]


def test_one_that_fails_says_why(tmp_path: Path) -> None:
    place, log = project(tmp_path, "raise SystemExit('there is no worker type warm')"), tmp_path / "b.log"
    with pytest.raises(Transient, match=r"failed, see .*b\.log: there is no worker type warm"):
        bootstrap.run(place, host.environment(PYTHONPATH=str(place)), log=log)


def test_one_is_broken_off_when_the_crew_is_stopped(tmp_path: Path) -> None:
    place, log = project(tmp_path, HANGS), tmp_path / "b.log"
    with pytest.raises(Transient, match="the crew is stopped"):
        bootstrap.run(
            place,
            host.environment(PYTHONPATH=str(place)),
            log=log,
            is_ending=lambda: log.exists() and bool(log.read_text()),
        )
    assert not [found for found in psutil.process_iter() if str(tmp_path) in _command(found)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class _WithoutQueue(PrefectApi):
    """A server on which somebody deleted the queue of the deployment `low`, and the queue is there again."""

    def get(self, path: str) -> Any:
        return {}

    def post(self, path: str, body: Any) -> Any:
        if "queues" in path:
            return [{"name": name} for name in TaskPriority]
        if "automations" in path:
            return [{"name": bootstrap.CRASH_RULE}]
        wanted = yaml.safe_load((project_root() / "prefect.yaml").read_text())["deployments"]
        queues = {one["name"]: None if one["name"] == "low" else "q" for one in wanted}
        return [{"name": name, "work_queue_id": queue} for name, queue in queues.items()]


def test_a_deployment_without_its_queue_is_missing() -> None:
    found = bootstrap.missing(_WithoutQueue("http://127.0.0.1:1/api"), project_root())
    assert (found.parts, found.deployments) == (("deployment low",), ("low",))
