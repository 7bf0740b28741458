"""The demo: real tasks from queue to verdict, without a key, with scripted models."""

import time
from collections.abc import Sequence

from rich.live import Live

from nightcrew.cli.app import ExitCode
from nightcrew.cli.demo.parts import (
    WORKERS,
    demo_home,
    demo_settings,
    make_repository,
    misses,
    print_progress,
    serve_twin,
    settled,
)
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
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.services import adopt, running_crew
from nightcrew.ledger.ledger import open_ledger
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.testing.demo_tasks import DemoTask, shipped_tasks

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
    with demo_home(keep) as home, serve_twin(home) as (twin_url, twin):
        settings = demo_settings(home, twin_url)
        repository = make_repository(home / "stockroom")
        tasks = shipped_tasks()
        with running_crew(settings, workers=WORKERS, detach=keep, progress=print_progress) as crew:
            adopt(settings, "twin", twin)
            print_progress(f"Prefect UI while this runs: {crew.ui_url}")
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
