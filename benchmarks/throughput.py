"""What a task costs in machine terms, and how much of the ideal the crew reaches, at 1, 5 and 10 workers.

    python -m benchmarks.throughput [--tasks N] [--latency S] [--executor direct|openhands]
        [--task-type documentation|unit_test|bug_fix]

The services are the real ones (PostgreSQL, Prefect server, worker, sandbox, gates); the model is the twin's
and answers after a fixed time. The ideal is a crew that only waits for the model: workers divided by latency
times calls. The first line is the baseline: one worker, in the same run. On two free cores it takes some
three minutes.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.cpu_meter import CpuMeter, busy_seconds, stat, tree, tree_seconds
from benchmarks.support import table, twin_process
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew import dispatch
from nightcrew.crew.processes import free_port
from nightcrew.crew.services import running_crew
from nightcrew.crew.status import ServiceStatus
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, load_settings
from nightcrew.task import ExecutorName, Task, TaskStatus, TaskType
from nightcrew.testing.demo_tasks import shipped_tasks
from nightcrew.testing.scenario import Scenario, shipped_scenario

WORKERS = (1, 5, 10)
TASKS_PER_WORKER = 4  # at the most: more would only take longer
MODEL = "twin/journeyman"
GIVE_UP_SECONDS = 600.0

type Pids = dict[str, int]

EXPLANATION = """
CPU seconds per task, user and system, from /proc:
  server, postgres  their process trees, what they do when idle included
  worker            Prefect's worker itself, and whatever it keeps ready for runs
  flow run          a run's process but for the steps below: start-up, Prefect's engine, select-model, record
  agent             the execute step in the run's process (gateway, direct executor, git), the agent's sandbox
  validation        the validate step in the run's process (clean room, mutants), the gates' sandboxes
others is what everybody else on the machine used meanwhile, as a share of all its cores: above some percent,
read tasks/min as a lower bound.
A run's process is looked at ten times a second; its CPU is shared out to steps by Prefect's times of them.
A sandbox that ends before it is looked at counts as validation.
The twin and this program are not counted."""


def main() -> None:
    """Measure and print."""
    options = _options()
    CpuMeter.adopt_orphans()
    rows = []
    with twin_process(_scenario(options.latency)) as twin_url, _home() as home:
        settings = _settings(home, twin_url)
        repository = make_repository(home / "stockroom")
        for workers in options.workers:
            tasks = min(options.tasks, TASKS_PER_WORKER * workers)
            with running_crew(settings, workers=workers) as crew:
                _run(settings, crew, _tasks(repository, options, f"warm-{workers}", 1))
                made = _tasks(repository, options, f"run-{workers}", tasks)
                rows.append(_measure(settings, crew, made, options.latency))
            print(f"{workers} workers: {tasks} tasks done", flush=True)
    what = f"{options.task_type}, {options.executor} executor"
    print(f"\n{what}, {options.latency:g} s a model call, {os.cpu_count()} cores\n")
    table(rows)
    baseline = rows[0]["tasks/min"]
    print()
    for row in rows[1:]:
        ratio = row["tasks/min"] / baseline
        print(f"{row['workers']} workers finish {ratio:.1f} times the tasks a minute of {rows[0]['workers']}")
    print(EXPLANATION)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=20, help="at the most, at each number of workers")
    parser.add_argument("--latency", type=float, default=5.0, help="seconds that a model call takes")
    parser.add_argument("--executor", choices=("direct", "openhands"), default="direct")
    parser.add_argument(
        "--task-type", choices=("documentation", "unit_test", "bug_fix"), default="documentation"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    return parser.parse_args()


def _scenario(latency: float) -> Scenario:
    """The demo's good models with one latency, and nothing that goes wrong."""
    shipped = shipped_scenario()
    models = tuple(
        model.model_copy(update={"latency_seconds": latency}) for model in shipped.models if model.id == MODEL
    )
    return shipped.model_copy(update={"models": models, "faults": ()})


@contextmanager
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="nightcrew-throughput-"))
    home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _settings(home: Path, twin_url: str) -> Settings:
    for name in [name for name in os.environ if name.startswith(("NIGHTCREW_", "OPENROUTER_"))]:
        del os.environ[name]
    return load_settings(home=home, base_url=twin_url, api_key="twin", prefect_port=free_port(0))


def _tasks(repository: Path, options: argparse.Namespace, prefix: str, count: int) -> list[Task]:
    """So many of the demo's tasks of one type, which are all different tasks for the queue."""
    of_type = (one.task for one in shipped_tasks() if one.task["task_type"] == options.task_type)
    wanted = next(of_type)
    return [
        Task(
            task_id=f"{prefix}-{number}",
            task_type=TaskType(wanted["task_type"]),
            target_file=wanted["target_file"],
            description=f"{wanted['description']} (No. {number} of {prefix})",
            repo=str(repository),
            executor=ExecutorName(options.executor),
            models=(MODEL,),
        )
        for number in range(count)
    ]


def _run(settings: Settings, crew: ServiceStatus, tasks: Sequence[Task]) -> tuple[list[QueuedTask], Pids]:
    """All tasks from submission to an accepted change; ends when Prefect, too, has put the runs away."""
    with dispatch.open_queue(settings) as queue:
        for task in tasks:
            dispatch.dispatch(queue, crew.api(), queue.submit(task))
        pids = _wait(queue, len(tasks))
        ended = [queue.get(task.task_id) for task in tasks]
    failed = [f"{one.task_id}: {one.detail}" for one in ended if one.status is not TaskStatus.COMPLETED]
    if failed:
        raise SystemExit("\n".join(failed))
    for queued in ended:
        while crew.api().get(f"/flow_runs/{queued.flow_run_id}")["state_type"] != "COMPLETED":
            time.sleep(0.1)
    return ended, pids


def _wait(queue: TaskQueue, count: int) -> Pids:
    """Until the latest `count` tasks have ended; in which processes they were."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    pids: Pids = {}
    while True:
        latest = queue.list(limit=count)
        pids |= {queued.task_id: queued.pid for queued in latest if queued.pid is not None}
        if all(queued.status.is_final for queued in latest):
            return pids
        if time.monotonic() > deadline:
            raise SystemExit(
                f"not done after {GIVE_UP_SECONDS:.0f} s: {[q.task_id for q in latest if not q.ended_at]}"
            )
        time.sleep(0.2)


def _measure(
    settings: Settings, crew: ServiceStatus, tasks: Sequence[Task], latency: float
) -> dict[str, Any]:
    with CpuMeter(crew.alive["worker"]) as meter:
        before, began, busy_before = _spent(crew), time.time(), busy_seconds()
        ended, pids = _run(settings, crew, tasks)
        time.sleep(1.0)  # for processes that are on their way out
        after, all_busy, elapsed = _spent(crew), busy_seconds() - busy_before, time.time() - began
    seconds = max(task.ended_at.timestamp() for task in ended if task.ended_at) - began
    agent, validation = _in_steps(crew, ended, pids, meter)
    kept = before.worker.keys() & after.worker.keys()
    worker = sum(after.worker[pid] - before.worker[pid] for pid in kept)
    runs = after.worker_tree - before.worker_tree - worker
    parts = {
        "server": after.server - before.server,
        "postgres": after.postgres - before.postgres,
        "worker": worker,
        "flow run": runs - agent - validation,
        "agent": agent + meter.agent,
        "validation": validation + meter.validation,
    }
    calls, rate = sum(task.calls for task in ended) / len(ended), 60.0 * len(ended) / seconds
    ideal = 60.0 * min(crew.workers, len(ended)) / (latency * calls)
    return {
        "workers": crew.workers,
        "tasks": len(ended),
        "calls/task": calls,
        "tasks/min": rate,
        "of ideal": f"{rate / ideal:.0%}",
        **{name: cpu / len(ended) for name, cpu in parts.items()},
        "all CPU s/task": sum(parts.values()) / len(ended),
        "others": f"{max(0.0, all_busy - sum(parts.values())) / elapsed / (os.cpu_count() or 1):.0%}",
    }


@dataclass(frozen=True)
class Spent:
    """CPU seconds so far, by tree; `worker` of each process that was there while no run was under way."""

    server: float
    postgres: float
    worker_tree: float
    worker: dict[int, float]


def _spent(crew: ServiceStatus) -> Spent:
    worker = crew.alive["worker"]
    return Spent(
        server=tree_seconds(crew.alive["server"]),
        postgres=tree_seconds(crew.database_pid or 0),
        worker_tree=tree_seconds(worker),
        worker={pid: known.own for pid in tree(worker) if (known := stat(pid)) is not None},
    )


def _in_steps(
    crew: ServiceStatus, ended: Sequence[QueuedTask], pids: Pids, meter: CpuMeter
) -> tuple[float, float]:
    """CPU seconds of the runs' processes in their steps: execute, validate."""
    spent = {"execute": 0.0, "validate": 0.0}
    for task in ended:
        body = {"flow_runs": {"id": {"any_": [task.flow_run_id]}}}
        for step in crew.api().post("/task_runs/filter", body):
            name = step["name"].rpartition("-")[0]
            if name in spent and task.task_id in pids:
                start, end = (
                    datetime.fromisoformat(step[when]).timestamp() for when in ("start_time", "end_time")
                )
                spent[name] += meter.between(pids[task.task_id], start, end)
    return spent["execute"], spent["validate"]


if __name__ == "__main__":
    main()
