"""What a blind run costs: plain pytest in a sandbox of its own, of which only the exit code counts.

    python -m benchmarks.blind_runs [--rounds N]

The example project's tests of one module, in the room of a verdict, as `run_blind` runs them: the copy of the
tree, the sandbox, pytest, the tests. CPU seconds of every process by control group (as root). The baseline is
the same run where each starts an interpreter and imports pytest; that import alone stands beside it.
"""

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cpu_group import CpuGroup
from benchmarks.support import table, verdict
from nightcrew.cli.demo.parts import make_repository
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.task import Task, TaskType
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from nightcrew.validation.running.runs import Blind, run_blind

MOST_SECONDS = 0.250
TARGET, TESTS = "src/stockroom/inventory.py", "tests/test_inventory.py"


def main() -> None:
    """Measure, print, and end with 1 above the floor."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    with CpuGroup("blind") as meter, tempfile.TemporaryDirectory(prefix="nightcrew-blind-") as folder:
        meter.take(os.getpid())
        spent = _measured(Path(folder), rounds, meter)
    table([
        {"what": what, "runs": rounds, "CPU s": statistics.median(seconds), "least": min(seconds)}
        for what, seconds in spent.items()
    ])  # fmt: skip
    blind, started = (statistics.median(spent[what]) for what in ("blind run", "blind run, started"))
    figures = f"{blind:.3f}; {blind / started:.2f} of one that is started"
    verdict({f"a blind run takes at most {MOST_SECONDS} CPU s ({figures})": blind <= MOST_SECONDS})


# ----------------------------------------------------------------------------------------------------


def _measured(folder: Path, rounds: int, meter: CpuGroup) -> dict[str, Sequence[float]]:
    repository = str(make_repository(folder / "stockroom"))
    settings, sandbox = Settings(home=folder / "home"), open_sandbox(SandboxKind.BUBBLEWRAP)
    commit = resolve_commit(repository, "HEAD")
    task = Task(task_type=TaskType.BUG_FIX, target_file=TARGET, description="benchmark", repo=repository)
    with (
        base_checkout(repository, commit, settings) as base,
        open_room(task, None, base, settings=settings, sandbox=sandbox) as room,
    ):
        _blind(room)  # compiles the files once for the room, and loads pytest
        python = [str(room.environment.python), "-c", "import pytest"]
        bare = lambda: room.sandbox.run(python, workspace=room.base, mounts=room.environment.mounts)  # noqa: E731
        found: dict[str, Sequence[float]] = {
            "import of pytest in a sandbox": [_cost(bare, meter) for _ in range(rounds)],
            "blind run": [_cost(lambda: _blind(room), meter) for _ in range(rounds)],
        }
        room.forks = None
        return found | {"blind run, started": [_cost(lambda: _blind(room), meter) for _ in range(rounds)]}


def _blind(room: CleanRoom) -> None:
    source = room.source(TARGET) or ""
    if run_blind(room, [TESTS], replaced={TARGET: f"{source}\n"}, hash_seed=1) is not Blind.PASSED:
        raise SystemExit("the tests of the example project fail in a blind run")


def _cost(act: Callable[[], object], meter: CpuGroup) -> float:
    before = meter.seconds()
    act()
    time.sleep(0.05)
    return meter.seconds() - before


if __name__ == "__main__":
    main()
