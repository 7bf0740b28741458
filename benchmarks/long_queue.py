"""A crew with a long queue: how soon it is ready, how fast it starts handing tasks over, and what it holds.

    python -m benchmarks.long_queue [--waiting N] [--done N] [--workers N]

The tasks are submitted while no engine runs. Then `run-engine` is started, and it is measured how long it
takes until it is ready, how many tasks a second get their flow runs, whether a critical task that comes last
is the next to start, and how much memory server, worker and the process that it forks runs from hold while
tasks are done: small ones, direct documentation, since it is their number that counts. The baseline of the
start is the same engine without a waiting task, in the same run. The floors are those of two free cores.
"""

import argparse
import random
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.chaos.look import look_at
from benchmarks.chaos.stage import Stage, clear, stage_in, wait_for
from benchmarks.chaos.tasks import batch_of, tasks_of
from benchmarks.support import verdict
from nightcrew.task import TaskStatus

READY_SECONDS, HANDED_OVER_A_SECOND, SHARE_OF_GROWTH = 60.0, 50.0, 0.1
SETTLED_TASKS, SAMPLES = 20, 15  # from which on memory is watched; readings whose median is compared
ZYGOTE = "nightcrew.worker.zygote"
MEGABYTE = 1024**2
_HANDED_OVER = "select count(*) as n from tasks where flow_run_id is not null"


def main() -> None:
    """Measure and print."""
    options = _options()
    folder = Path(tempfile.gettempdir()) / "nightcrew-long-queue"
    clear(folder)
    with stage_in(folder, random.Random(1), workers=options.workers, cache=options.cache) as stage:
        before = _start(stage)
        print(f"first start, with an empty home: {before:.0f} s", flush=True)
        _stop(stage)
        before = _start(stage)
        print(f"start with no task waiting (baseline): {before:.0f} s", flush=True)
        _stop(stage)
        _submit(stage, options.waiting)
        ready = _start(stage)
        print(f"start with {options.waiting} tasks waiting: {ready:.0f} s", flush=True)
        rate = _hand_over(stage, options.waiting)
        print(f"handed over: {rate:.0f} tasks a second", flush=True)
        overtaken = _starts_next(stage)
        growth = _memory(stage, options.done)
    verdict(
        {
            f"ready within {READY_SECONDS:.0f} s": ready <= READY_SECONDS,
            f"{HANDED_OVER_A_SECOND:.0f} tasks a second are handed over": rate >= HANDED_OVER_A_SECOND,
            "a critical task starts next": overtaken,
            f"memory grows by {SHARE_OF_GROWTH:.0%} at most": growth <= SHARE_OF_GROWTH,
        }
    )


# ---------------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--waiting", type=int, default=999)
    parser.add_argument("--done", type=int, default=300, help="tasks over which memory is watched")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "nightcrew-chaos" / "cache"
    )
    return parser.parse_args()


def _start(stage: Stage) -> float:
    """Seconds until `run-engine` says that the crew is running."""
    log = stage.folder / "engine.log"
    log.write_text("")
    began = time.monotonic()
    stage.start_engine()
    wait_for(lambda: "The crew is running" in log.read_text(), "the crew", 900)
    return time.monotonic() - began


def _stop(stage: Stage) -> None:
    assert stage.engine is not None
    stage.engine.terminate()
    stage.engine.wait(120)


def _submit(stage: Stage, count: int) -> None:
    file = stage.folder / "batch.json"
    mixed = tasks_of(1, 0, 4 * count, stage.repo)
    small = [task for task in mixed if task.fields["task_type"] == "documentation"]
    file.write_text(batch_of(small[:count], priority="normal"))
    done = stage.command("submit-batch", str(file), seconds=600)
    if done.returncode:
        raise SystemExit(done.stderr)


def _hand_over(stage: Stage, count: int) -> float:
    """Tasks a second that get their flow runs, from the start's own ones to the last; prints their CPU."""
    first, began, spent = int(stage.query(_HANDED_OVER)[0]["n"]), time.monotonic(), _cpu_seconds(stage)
    wait_for(lambda: int(stage.query(_HANDED_OVER)[0]["n"]) >= count, "the last flow run", 1800)
    rate = (count - first) / (time.monotonic() - began)
    for name, seconds in _cpu_seconds(stage).items():
        print(f"{name}: {1000 * (seconds - spent[name]) / (count - first):.1f} ms of CPU a task", flush=True)
    return rate


def _cpu_seconds(stage: Stage) -> dict[str, float]:
    """What engine, server and PostgreSQL have used so far."""
    postgres = int((stage.settings.home / "postgres" / "postmaster.pid").read_text().split()[0])
    assert stage.engine is not None
    pids = {"engine": stage.engine.pid, "server": stage.services.alive["server"], "PostgreSQL": postgres}
    return {name: _cpu_of(psutil.Process(pid)) for name, pid in pids.items()}


def _cpu_of(process: psutil.Process) -> float:
    """With its children, ended or not."""
    family = [process, *process.children(recursive=True)] if process.name() == "postgres" else [process]
    total = 0.0
    for one in family:
        with suppress(psutil.Error):
            total += sum(one.cpu_times())
    return total


def _starts_next(stage: Stage) -> bool:
    """Whether a critical task that is submitted now begins before any other that waits."""
    running = {task.task_id for task in look_at(stage).tasks or () if task.status is not TaskStatus.QUEUED}
    file = stage.folder / "critical.json"
    file.write_text(batch_of(tasks_of(2, 0, 1, stage.repo), priority="critical", name="urgent"))
    stage.command("submit-batch", str(file))
    later: set[str] = set()
    while True:
        tasks = look_at(stage).tasks or ()
        begun = {task.task_id for task in tasks if task.status is not TaskStatus.QUEUED} - running
        if urgent := next((name for name in begun if name.startswith("urgent")), ""):
            print(f"the critical task began after {len(later)} others that were already taken", flush=True)
            return bool(urgent) and len(later) <= stage.workers
        later |= begun
        time.sleep(0.2)


def _memory(stage: Stage, done: int) -> float:
    """The largest growth of a process, as a share, from the 20th task to the last; prints all."""
    sizes: dict[str, list[int]] = {}
    seen, first = 0, 0
    while seen < done:
        seen = sum(task.status.is_final for task in look_at(stage).tasks or ())
        if seen >= SETTLED_TASKS:
            first = first or seen
            for name, process in _lasting(stage).items():
                sizes.setdefault(name, []).append(process.memory_info().rss)
        time.sleep(2.0)
    growth = 0.0
    for name, values in sizes.items():
        start, end = statistics.median(values[:SAMPLES]), statistics.median(values[-SAMPLES:])
        growth = max(growth, end / start - 1)
        print(
            f"{name}: {start / MEGABYTE:.0f} MB after {first} tasks, {end / MEGABYTE:.0f} MB after {seen}, "
            f"at most {max(values) / MEGABYTE:.0f} MB",
            flush=True,
        )
    return growth


def _lasting(stage: Stage) -> dict[str, psutil.Process]:
    """Prefect's server, the worker, and the process that the worker keeps to fork runs from."""
    found = {name: psutil.Process(stage.services.alive[name]) for name in ("server", "worker")}
    for child in found["worker"].children():
        with suppress(psutil.Error):  # it has ended
            if ZYGOTE in " ".join(child.cmdline()):
                found["zygote"] = child
    return found


if __name__ == "__main__":
    main()
