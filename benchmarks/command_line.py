"""What a command of the command line costs, and a task of a batch that one process submits.

    python -m benchmarks.command_line [--baseline TREE]

Each command is a process of its own, with the home of a crew that is not running; `TREE` is a checkout of
another version with its own `.venv`, whose commands are measured too. CPU seconds, user and system, of the
process and those it starts, without PostgreSQL; the median counts.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.support import table, verdict
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew.dispatch import open_queue
from nightcrew.crew.storage.database import open_database, release_home
from nightcrew.settings import Settings, load_settings
from nightcrew.task import Task, TaskType

ROUNDS = 5
BATCH = 200
TARGET = "src/stockroom/reorder.py"
MOST = {"--help": 0.25, "submit-task": 0.6}
MOST_OF_A_BATCH = 0.010


def main() -> None:
    """Measure, print, and end with 1 where a command costs too much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baseline", type=Path, help="a checkout with a .venv, such as one of c4e3cd1")
    trees = [Path(__file__).resolve().parents[1], parser.parse_args().baseline]
    with _home() as (settings, repository):
        costs = {tree: _commands(tree, settings, repository) for tree in trees if tree is not None}
        batch = _batch(settings, repository)
    rows = [
        {"version": tree.name, "command": name, "CPU s": seconds}
        for tree, found in costs.items()
        for name, seconds in found.items()
    ]
    table([*rows, {"version": trees[0].name, "command": f"a task of {BATCH} in one process", "CPU s": batch}])
    ours = costs[trees[0]]
    checks = {f"{name} takes at most {most} CPU s": ours[name] <= most for name, most in MOST.items()}
    verdict(checks | {f"a task of a batch takes at most {MOST_OF_A_BATCH} CPU s": batch <= MOST_OF_A_BATCH})


@contextmanager
def _home() -> Iterator[tuple[Settings, Path]]:
    home = Path(tempfile.mkdtemp(prefix="nightcrew-commands-"))
    home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root
    for name in [name for name in os.environ if name.startswith(("NIGHTCREW_", "OPENROUTER_"))]:
        del os.environ[name]
    settings = load_settings(home=home)
    open_database(settings)
    try:
        yield settings, make_repository(home / "stockroom")
    finally:
        release_home(settings)
        shutil.rmtree(home, ignore_errors=True)


def _commands(tree: Path, settings: Settings, repository: Path) -> dict[str, float]:
    submit: list[str | Path] = [
        "submit-task",
        "--task-type",
        "documentation",
        "--target-file",
        TARGET,
        "--repo",
        repository,
    ]
    _spent(tree, settings, [*submit, "--description", f"Document it with {tree}."])  # writes byte code
    return {
        "--help": statistics.median(_spent(tree, settings, ["--help"]) for _ in range(ROUNDS)),
        "submit-task": statistics.median(
            _spent(tree, settings, [*submit, "--description", f"Document it again, {number}, with {tree}."])
            for number in range(ROUNDS)
        ),
    }


def _spent(tree: Path, settings: Settings, arguments: Sequence[str | Path]) -> float:
    env = {"PATH": os.environ["PATH"], "HOME": str(settings.home), "NIGHTCREW_HOME": str(settings.home)}
    before = _children_seconds()
    command = [tree / ".venv/bin/nightcrew", *arguments]
    subprocess.run(command, env=env, cwd=settings.home, check=True, capture_output=True)
    return _children_seconds() - before


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _batch(settings: Settings, repository: Path) -> float:
    """CPU seconds of a task, where one process submits many for the same commit."""
    before, children = time.process_time(), _children_seconds()
    with open_queue(settings, is_for_batch=True) as queue:  # as `submit-batch` does
        for number in range(BATCH):
            queue.submit(
                Task(
                    task_type=TaskType.DOCUMENTATION,
                    target_file=TARGET,
                    description=f"Document it for the {number}th time.",
                    repo=str(repository),
                )
            )
    return (time.process_time() - before + _children_seconds() - children) / BATCH


if __name__ == "__main__":
    main()
