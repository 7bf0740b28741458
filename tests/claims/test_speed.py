"""The original's claim: "5 workers: 15 to 20 tasks a minute". Its calls blocked each other: 1 at a time."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

import pytest

from nightcrew.settings import Settings
from nightcrew.task import Task, TaskStatus
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import open_crew
from nightcrew.work.foreground import do_task
from tests.claims.line import Line, scenario

WORKERS = 5
LATENCY_SECONDS = 10.0

pytestmark = pytest.mark.flows


def test_five_workers_finish_at_least_four_times_faster_than_one_when_the_model_is_the_bottleneck(
    line: Line,
) -> None:
    """One task alone, then five at once in five processes, each with the flow's own `Work` and a warm crew.

    The model takes 10 s an answer and a task needs one; the serial time is five times that of the task alone.
    Prefect's part (a process for each run) is not in it: `python -m benchmarks.throughput` measures that.
    """
    played = scenario()
    models = tuple(model.model_copy(update={"latency_seconds": LATENCY_SECONDS}) for model in played.models)
    with Twin(played.model_copy(update={"models": models})) as twin:
        settings = line.settings.model_copy(update={"base_url": twin.base_url})
        with _workers(settings) as workers:
            alone = _seconds(workers[:1], [_task(line, 0)])
            together = _seconds(workers, [_task(line, number) for number in range(1, WORKERS + 1)])
    assert alone > LATENCY_SECONDS
    assert WORKERS * alone >= 4 * together, f"one alone {alone:.1f} s, five at once {together:.1f} s"


def _task(line: Line, number: int) -> Task:
    return line.task(task_type="analysis", target_file="stock.py", description=f"Look at it, {number}.")


def _seconds(workers: Sequence[Connection], tasks: Sequence[Task]) -> float:
    """Wall time until the last of the workers has completed its task."""
    began = time.monotonic()
    for worker, task in zip(workers, tasks, strict=True):
        worker.send(task)
    assert [worker.recv() for worker in workers] == [TaskStatus.COMPLETED] * len(workers)
    return time.monotonic() - began


@contextmanager
def _workers(settings: Settings) -> Iterator[list[Connection]]:
    """Five processes with a crew each, ready for a task."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.claims.line", "nightcrew.work.crew"])
    pipes, processes = [], []
    try:
        for _ in range(WORKERS):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(settings, there), daemon=True)
            process.start()
            there.close()
            pipes.append(here)
            processes.append(process)
        assert [pipe.recv() for pipe in pipes] == ["ready"] * WORKERS
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(10)
            process.kill()


def _serve(settings: Settings, pipe: Connection) -> None:
    with open_crew(settings) as crew:
        crew.catalogue.refresh()
        pipe.send("ready")
        while True:
            try:
                task = pipe.recv()
            except EOFError:
                return
            pipe.send(do_task(crew, task).queued.status)
