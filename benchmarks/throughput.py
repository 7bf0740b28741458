"""How many tasks a crew finishes in a minute, as a share of what its models allow.

    python -m benchmarks.throughput
    python -m benchmarks.throughput --model-seconds 60 --workers 10
    python -m benchmarks.throughput --model-seconds 300 --workers 20 --rounds 2 --executor openhands

The services are the real ones (PostgreSQL, Prefect server, worker, sandbox, gates); the model is the twin's
and answers after a fixed time, so nothing is computed from other figures. The ideal is a crew that only waits
for its model: workers divided by the model time of a task. Counted is the time from the submission of all
tasks to the end of the last one, with the crowd at the start and the empty places at the end.

Without `--model-seconds`, a task is one call of five seconds, and the floors are 10, 40 and 60 tasks a minute
at 1, 5 and 10 workers; with it, 90 % of the ideal, and 85 % with `openhands`. The first line is the baseline.
What a task costs in CPU is shown by `benchmarks.task_cost`.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu_meter import busy_seconds, tree_seconds
from benchmarks.support import table, twin_process, verdict
from flows.steps import model_limit
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew import dispatch
from nightcrew.crew.processes import free_port
from nightcrew.crew.services import running_crew
from nightcrew.crew.status import ServiceStatus
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, load_settings
from nightcrew.task import ExecutorName, Task, TaskStatus, TaskType
from nightcrew.testing.demo_tasks import shipped_tasks
from nightcrew.testing.scenario import Scenario, shipped_scenario

MODEL, QUICK_MODEL = "twin/journeyman", "twin/master"  # the latter warms up
LIMITS = "/v2/concurrency_limits"
CALLS = {
    "direct": 1,
    "openhands": 5,
}  # of a documentation task by this model; the table shows what there were
HEADLINE_SECONDS = 5.0
HEADLINE = {1: 10.0, 5: 40.0, 10: 60.0}  # tasks a minute
LEAST_SHARE = {"direct": 0.90, "openhands": 0.85}
GIVE_UP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a crew did: its workers, its tasks' calls, and seconds from submission to the last end."""

    workers: int
    tasks: Sequence[QueuedTask]
    seconds: float
    latency: float
    others: float  # share of the machine's cores that other programs used

    @property
    def calls(self) -> float:
        return sum(task.calls for task in self.tasks) / len(self.tasks)

    @property
    def rate(self) -> float:
        """Tasks a minute."""
        return 60.0 * len(self.tasks) / self.seconds

    @property
    def share(self) -> float:
        """Of the rate of a crew that only waits for its model."""
        return self.rate * self.latency * self.calls / (60.0 * self.workers)


def main() -> None:
    """Measure, print, and end with 1 where a floor is missed."""
    options = _options()
    per_task = options.model_seconds or HEADLINE_SECONDS
    latency = per_task / CALLS[options.executor]
    found = []
    with twin_process(_scenario(latency)) as twin_url, _home() as home:
        settings = _settings(home, twin_url, latency)
        repository = make_repository(home / "stockroom")
        for workers in options.workers:
            with running_crew(settings, workers=workers) as crew:
                _run(settings, _tasks(repository, options.executor, f"warm-{workers}", 1, QUICK_MODEL))
                _admit(crew, workers)
                made = _tasks(repository, options.executor, f"run-{workers}", workers * options.rounds)
                found.append(_measure(settings, crew, made, latency))
    print(f"\ndocumentation, {options.executor}, {per_task:g} s of model time, {os.cpu_count()} cores\n")
    table([
        {
            "workers": one.workers, "tasks": len(one.tasks), "calls/task": one.calls, "tasks/min": one.rate,
            "of ideal": f"{one.share:.0%}", "times the first": one.rate / found[0].rate,
            "others used": f"{one.others:.0%}",
        }
        for one in found
    ])  # fmt: skip
    verdict(_checks(options, found))


def _checks(options: argparse.Namespace, found: Sequence[Measured]) -> Mapping[str, bool]:
    if options.model_seconds:
        least = LEAST_SHARE[options.executor]
        return {
            f"{one.workers} workers: at least {least:.0%} ({one.share:.0%})": one.share >= least
            for one in found
        }
    return {
        f"{one.workers} workers: at least {HEADLINE[one.workers]:.0f} a minute ({one.rate:.1f})": one.rate
        >= HEADLINE[one.workers]
        for one in found
        if one.workers in HEADLINE and options.executor == "direct"
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model-seconds", type=float, help="that the model takes for a task, in all its calls"
    )
    parser.add_argument("--executor", choices=tuple(CALLS), default="direct")
    parser.add_argument("--workers", type=int, nargs="+", default=list(HEADLINE))
    parser.add_argument("--rounds", type=int, default=4, help="tasks for each worker")
    return parser.parse_args()


def _scenario(latency: float) -> Scenario:
    """The demo's good models, one with this latency, and nothing that goes wrong."""
    shipped = shipped_scenario()
    seconds = {MODEL: latency, QUICK_MODEL: 0.0}
    models = tuple(
        model.model_copy(update={"latency_seconds": seconds[model.id]})
        for model in shipped.models
        if model.id in seconds
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


def _settings(home: Path, twin_url: str, latency: float) -> Settings:
    """With more time for a call where the default, and the silence in it, would end it."""
    for name in [name for name in os.environ if name.startswith(("NIGHTCREW_", "OPENROUTER_"))]:
        del os.environ[name]
    return load_settings(
        home=home,
        base_url=twin_url,
        api_key="twin",
        prefect_port=free_port(0),
        call_seconds=max(180, round(2 * latency)),
    )


def _tasks(repository: Path, executor: str, prefix: str, count: int, model: str = MODEL) -> list[Task]:
    """So many of the demo's documentation tasks, which are all different tasks for the queue."""
    wanted = next(one.task for one in shipped_tasks() if one.task["task_type"] == TaskType.DOCUMENTATION)
    return [
        Task(
            task_id=f"{prefix}-{number}", task_type=TaskType.DOCUMENTATION,
            target_file=wanted["target_file"],
            description=f"{wanted['description']} (No. {number} of {prefix})",
            repo=str(repository), executor=ExecutorName(executor), models=(model,),
        )
        for number in range(count)
    ]  # fmt: skip


def _admit(crew: ServiceStatus, workers: int) -> None:
    """Let every worker call the model at once, as an operator would: ten at a time are the default."""
    limit = f"{LIMITS}/{model_limit(MODEL)}"
    if crew.api().get(limit) is None:
        crew.api().post(f"{LIMITS}/", {"name": model_limit(MODEL), "limit": workers})
    else:
        crew.api().patch(limit, {"limit": workers})


def _run(settings: Settings, tasks: Sequence[Task]) -> Sequence[QueuedTask]:
    """All tasks from submission to an accepted change."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    with dispatch.open_queue(settings, is_for_batch=True) as queue:
        for task in tasks:
            queue.submit(task)
        dispatch.dispatch_pending(settings)
        while True:
            latest = queue.list(limit=len(tasks))
            if all(queued.status.is_final for queued in latest):
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"not done after {GIVE_UP_SECONDS:.0f} s")
            time.sleep(0.2)
    failed = [f"{one.task_id}: {one.detail}" for one in latest if one.status is not TaskStatus.COMPLETED]
    if failed:
        raise SystemExit("\n".join(failed))
    return latest


def _measure(settings: Settings, crew: ServiceStatus, tasks: Sequence[Task], latency: float) -> Measured:
    ours = (crew.alive["server"], crew.alive["worker"], crew.database_pid or 0)
    began, busy, spent = time.time(), busy_seconds(), sum(map(tree_seconds, ours))
    ended = _run(settings, tasks)
    seconds = max(task.ended_at.timestamp() for task in ended if task.ended_at) - began
    others = busy_seconds() - busy - (sum(map(tree_seconds, ours)) - spent)
    share = max(0.0, others) / (time.time() - began) / (os.cpu_count() or 1)
    print(f"{crew.workers} workers: {len(ended)} tasks done", flush=True)
    return Measured(crew.workers, ended, seconds, latency, share)


if __name__ == "__main__":
    main()
