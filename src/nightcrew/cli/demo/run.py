"""The demo: real tasks from queue to verdict, without a key, with scripted models."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.live import Live

from nightcrew.cli.app import ExitCode
from nightcrew.cli.demo.parts import make_repository, misses, serve_twin, settled
from nightcrew.cli.demo.view import (
    print_ledger,
    print_lessons,
    print_next_steps,
    print_rescues,
    print_results,
    progress_lines,
    progress_table,
)
from nightcrew.cli.output import console, duration
from nightcrew.crew import dispatch
from nightcrew.crew.reconciliation import reconcile
from nightcrew.crew.services import adopt, running_crew
from nightcrew.ledger.ledger import open_ledger
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, give_key, load_settings
from nightcrew.testing.demo_tasks import DemoTask, shipped_tasks

WORKERS = 3
GIVE_UP_SECONDS = 900.0
POLL_SECONDS = 0.5


def run_demo(*, keep: bool) -> ExitCode:
    """Take the demo's tasks through the whole pipeline; DONE only if all of them ended as expected."""
    console.print(
        "Nightcrew demo. The models are SCRIPTED by the twin of OpenRouter that ships with Nightcrew:"
    )
    console.print(
        "no outside service is called and no money is spent. Agent, sandbox, gates and ledger are real.\n"
    )
    began = time.monotonic()
    with _home(keep) as home, serve_twin(home) as (twin_url, twin):
        settings = _demo_settings(home, twin_url)
        repository = make_repository(home / "stockroom")
        tasks = shipped_tasks()
        with running_crew(settings, workers=WORKERS, detach=keep, progress=_print_progress) as crew:
            adopt(settings, "twin", twin)
            _print_progress(f"Prefect UI while this runs: {crew.ui_url}")
            for demo_task in tasks:
                dispatch.submit(settings, demo_task.for_repo(str(repository)))
            with dispatch.open_queue(settings) as queue, open_ledger(settings) as ledger:
                ended = _watch(settings, queue, tasks)
                problems = {
                    name: misses(demo_task, ended[name], queue.attempts(name), ledger)
                    for demo_task in tasks
                    if (name := demo_task.task["task_id"])
                }
                print_results(tasks, ended)
                print_lessons(tasks, problems)
                rescued = print_rescues(ledger)
                print_ledger(ledger)
                ledger.write_ledger_file()
            console.print(f"\n{len(tasks)} tasks in {duration(time.monotonic() - began)}.")
            print_next_steps(home, ui_url=crew.ui_url, keep=keep)
    return ExitCode.DONE if rescued and not any(problems.values()) else ExitCode.FAILED


# ---------------------------------------------------------------------------------------------------------


def _print_progress(text: str) -> None:
    console.print(f"· {text}", style="dim", markup=False)


@contextmanager
def _home(keep: bool) -> Iterator[Path]:
    """A temporary home for the demo, deleted afterwards unless `keep`."""
    home = Path(tempfile.mkdtemp(prefix="nightcrew-demo-"))
    try:
        yield home
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _demo_settings(home: Path, twin_url: str) -> Settings:
    """Settings of a crew that talks to the twin; a real key in the environment is never used."""
    for name in [name for name in os.environ if name.startswith("NIGHTCREW_")]:
        del os.environ[name]
    os.environ |= {
        "NIGHTCREW_HOME": str(home),
        "NIGHTCREW_WORKERS": str(WORKERS),
        "NIGHTCREW_FREE_REQUESTS_PER_DAY": "1000",
    }
    give_key(None)
    return load_settings(base_url=twin_url, api_key=f"demo-key-{secrets.token_hex(16)}")


def _watch(settings: Settings, queue: TaskQueue, tasks: Sequence[DemoTask]) -> dict[str, QueuedTask]:
    """Show progress until every task has ended; a table on a terminal, lines elsewhere."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    current: dict[str, QueuedTask] = {}
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            seen = {task.task["task_id"]: queue.get(task.task["task_id"]) for task in tasks}
            if console.is_terminal:
                live.update(progress_table(tasks, seen), refresh=True)
            else:
                for line in progress_lines(current, seen):
                    console.print(line)
            current = seen
            if settled(current) or time.monotonic() > deadline:
                return current
            time.sleep(POLL_SECONDS)
            reconcile(settings)
