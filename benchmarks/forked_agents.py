"""What an agent costs: forked from a process with the SDK loaded, beside one that loads it itself.

    python -m benchmarks.forked_agents [--rounds N] [--agents N]

Each agent is the real one in its sandbox and does three turns (a command, an edit, the end) with a scripted
model. CPU is of every process of an attempt, this one's part included, by a control group. For memory, ten
run at once and wait for their model; the figure is the proportional size (PSS) of all their processes and of
the one they are forked from, shared out to the ten.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.cpu_group import CpuGroup
from benchmarks.forked_door import Door
from benchmarks.support import table, verdict
from nightcrew import host
from nightcrew.execution.assignment import Assignment
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.execution.checkout.workspace import make_checkout, resolve_commit
from nightcrew.execution.confinement.usage import tree_pids
from nightcrew.execution.environments.kept import Environment
from nightcrew.execution.sandbox import Limits, Sandbox, open_sandbox
from nightcrew.openhands.adapter import OpenHandsAdapter
from nightcrew.openhands.forks import keep_agents_loaded
from nightcrew.openhands.runtime import agent_runtime
from nightcrew.settings import SandboxKind, Settings, load_settings
from nightcrew.task import ExecutorName, Task, TaskType, new_task_id

MOST_PSS_MB, MOST_RATIO = 90.0, 0.33
_MIB = 1024 * 1024


def main() -> None:
    """Measure, print, and end with 1 where a floor is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--agents", type=int, default=10, help="at once, for the memory")
    options = parser.parse_args()
    settings, sandbox = load_settings(), open_sandbox(SandboxKind.BUBBLEWRAP)
    with tempfile.TemporaryDirectory() as folder, keep_agents_loaded(settings):
        work = Work(settings, sandbox, Path(folder))
        work.run("first", Door(), forked=True)  # which loads the SDK for the others
        with CpuGroup("agents") as spent:
            spent.take(*tree_pids(os.getpid()))
            costs = {name: [_cost(work, spent, forked=name == "forked") for _ in range(options.rounds)]
                     for name in ("loads the SDK", "forked")}  # fmt: skip
        memory = {name: _memory(work, options.agents, forked=name == "forked") for name in costs}
    median = {name: statistics.median(seconds) for name, seconds in costs.items()}
    table([
        {"agent": name, "attempts": options.rounds, "CPU s": median[name], "PSS MB each of ten": memory[name]}
        for name in costs
    ])  # fmt: skip
    ratio, pss = median["forked"] / median["loads the SDK"], memory["forked"]
    verdict({
        f"a forked agent takes at most {MOST_RATIO:.0%} of the CPU ({ratio:.0%})": ratio <= MOST_RATIO,
        f"and at most {MOST_PSS_MB:.0f} MB, {options.agents} at once ({pss:.0f})": pss <= MOST_PSS_MB,
    })  # fmt: skip


# ----------------------------------------------------------------------------------------------------


class Work:
    """Attempts at one small task."""

    def __init__(self, settings: Settings, sandbox: Sandbox, folder: Path) -> None:
        self._settings, self._sandbox, self._folder = settings, sandbox, folder
        self._runtime = agent_runtime(settings, sandbox)
        self._repository = folder / "repository"
        self._repository.mkdir()
        (self._repository / "adder.py").write_text("def add(a, b):\n    return a - b\n")
        who = ("-c", "user.name=crew", "-c", "user.email=crew@example.org")
        for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "base"]):
            host.run(["git", *words], env=host.environment(), folder=self._repository, seconds=60)

    def run(self, name: str, door: Door, *, forked: bool) -> None:
        """One attempt; raises if the agent did not finish."""
        base = self._folder / name
        base.mkdir()
        (base / "state").mkdir()
        commit = resolve_commit(str(self._repository), "HEAD")
        task = Task(
            task_id=new_task_id(), description="make add add", repo=str(self._repository),
            task_type=TaskType.BUG_FIX, target_file="adder.py",
        )  # fmt: skip
        settings = self._settings.model_copy(update={"forked_agents": forked})
        with door:
            assignment = Assignment(
                task=task, attempt_id=f"{task.task_id}:1", number=1, executor=ExecutorName.OPENHANDS,
                model=door.model, feedback="",
                checkout=make_checkout(str(self._repository), commit, base / "checkout"),
                environment=Environment(self._runtime.path, self._runtime.interpreter, "benchmark"),
                sandbox=self._sandbox, door=door, limits=Limits(wall_seconds=300), max_iterations=10,
                judged_by=("python -m pytest",), conventions="", state_dir=base / "state",
            )  # fmt: skip
            report = OpenHandsAdapter(settings).execute(assignment)
        if report.end is not AttemptEnd.FINISHED:
            raise SystemExit(f"the agent ended {report.end}: {report.detail}")


def _cost(work: Work, spent: CpuGroup, *, forked: bool) -> float:
    before = spent.seconds()
    work.run(f"cost-{time.monotonic_ns()}", Door(), forked=forked)
    time.sleep(0.5)  # for processes that are on their way out
    return spent.seconds() - before


def _memory(work: Work, agents: int, *, forked: bool) -> float:
    """MB of proportional size for each agent, while all of them wait for their second answer."""
    go, waiting = threading.Event(), threading.Semaphore(0)
    doors = [Door(go, waiting) for _ in range(agents)]
    with ThreadPoolExecutor(agents) as pool:
        running = [pool.submit(work.run, f"memory-{forked}-{number}", door, forked=forked)
                   for number, door in enumerate(doors)]  # fmt: skip
        for _ in doors:
            waiting.acquire(timeout=240)
        time.sleep(1.0)
        found = sum(_proportional(pid) for pid in tree_pids(os.getpid()) if pid != os.getpid())
        go.set()
        for one in running:
            one.result()
    return found / _MIB / agents


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
