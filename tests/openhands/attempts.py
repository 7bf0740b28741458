"""One attempt by the real agent, for tests that differ in who is behind the door."""

import subprocess
import sys
from pathlib import Path

from nightcrew.execution.checkout.workspace import extract_patch, make_checkout, resolve_commit
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.execution_engine import Assignment, ModelDoor, Report
from nightcrew.execution.sandbox import Limits, Sandbox, base_python
from nightcrew.openhands.adapter import OpenHandsAdapter
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName, Task, TaskType, new_task_id


def attempt(
    door: ModelDoor,
    sandbox: Sandbox,
    repository: Path,
    folder: Path,
    *,
    max_iterations: int = 20,
    wall_seconds: float = 90,
) -> tuple[Report, str, Path]:
    """How the agent ended on a clone of the repository, the patch it left, and the folder of its state."""
    checkout = make_checkout(str(repository), resolve_commit(str(repository), "HEAD"), folder / "checkout")
    state_dir = folder / "state"
    state_dir.mkdir()
    task = make_task(repository)
    assignment = Assignment(
        task=task,
        attempt_id=f"{task.task_id}:1",
        number=1,
        executor=ExecutorName.OPENHANDS,
        model=door.model,
        feedback="",
        checkout=checkout,
        environment=Environment(path=Path(sys.prefix), interpreter=base_python(), key="test"),
        sandbox=sandbox,
        door=door,
        limits=Limits(wall_seconds=wall_seconds),
        max_iterations=max_iterations,
        judged_by=("python -m pytest",),
        conventions="",
        state_dir=state_dir,
    )
    report = OpenHandsAdapter(Settings()).execute(assignment)
    return report, extract_patch(checkout), state_dir


def make_task(repository: Path) -> Task:
    """What the agent is asked to do."""
    return Task(
        task_id=new_task_id(),
        description="make add add",
        repo=str(repository),
        task_type=TaskType.BUG_FIX,
        target_file="adder.py",
    )


def commit(root: Path) -> None:
    """Make `root` a git repository with everything in it committed."""
    for words in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-q", "-m", "base"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *words], cwd=root, check=True)
