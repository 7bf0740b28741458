"""The original's claims about its commands. There the task was lost when `submit-task` ended, and a second
process printed "not found", zeros and nothing; `--wait` looked for a key that never came."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from nightcrew.task import TaskStatus
from nightcrew.work.foreground import do_task
from tests.claims.line import CAPABLE, Line

TASK = (
    "--task-type",
    "documentation",
    "--target-file",
    "pricing.py",
    "--executor",
    "direct",
    "--model",
    CAPABLE,
)


def test_a_task_outlives_the_process_that_submitted_it_and_any_other_process_can_ask_for_it(
    line: Line,
) -> None:
    outcome = result(
        line, "submit-task", *TASK, "--repo", str(line.repo), "--description", "Say what it does later."
    )
    task_id = outcome["task_id"]
    assert result(line, "get-status", "--task-id", task_id)["status"] == TaskStatus.PENDING
    do_task(line.crew, line.crew.queue.get(task_id).task)
    ended = result(line, "get-status", "--task-id", task_id)
    assert ended["status"] == TaskStatus.COMPLETED
    line.crew.collector.flush()
    metrics = result(line, "metrics")
    assert metrics and any(str(number) not in {"0", "0.0"} for number in _numbers(metrics))


def test_wait_sees_success(line: Line) -> None:
    command = _command(
        "submit-task", *TASK, "--wait", "--repo", str(line.repo), "--description", "Say it, I wait."
    )
    with subprocess.Popen(command, env=_env(line), stdout=subprocess.PIPE, text=True) as waiting:
        queued = _arrived(line, "Say it, I wait.", waiting)
        assert waiting.poll() is None
        do_task(line.crew, queued.task)
        out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert json.loads(out)["status"] == "completed"


def result(line: Line, *words: str) -> Any:
    """What `nightcrew WORDS --json` prints, in a process of its own."""
    done = subprocess.run(
        _command(*words), env=_env(line), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _command(*words: str) -> Sequence[str]:
    return [sys.executable, "-m", "nightcrew.cli", *words, "--json"]


def _env(line: Line) -> dict[str, str]:
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("NIGHTCREW_", "PREFECT_"))
    }
    return clean | {
        "NIGHTCREW_HOME": str(line.settings.home),
        "NIGHTCREW_DATABASE_URL": str(line.settings.database_url),
    }


def _arrived(line: Line, description: str, waiting: "subprocess.Popen[str]") -> Any:
    while True:
        assert waiting.poll() is None, "it did not wait"
        for queued in line.crew.queue.list(TaskStatus.PENDING, 50):
            if queued.task.description == description:
                return queued


def _numbers(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [number for value in found.values() for number in _numbers(value)]
    if isinstance(found, list):
        return [number for value in found for number in _numbers(value)]
    return [found] if isinstance(found, int | float) else []
