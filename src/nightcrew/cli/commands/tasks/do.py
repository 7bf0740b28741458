"""`nightcrew do`: do one task in the foreground, without Prefect's server and worker."""

from typing import Any

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json
from nightcrew.cli.task_options import check_models, make_task, with_task_options
from nightcrew.cli.task_view import exit_code, print_task, task_json
from nightcrew.settings import load_settings


@app.command("do")
@with_task_options()
def do(fields: dict[str, Any], as_json: AsJson = False) -> int:
    """Do one task in the foreground. It selects a model, executes, validates and records without a crew.

    Exit codes: 0 accepted, 1 failed, 2 bad input, 3 waits for a person, 4 infrastructure fault.
    """
    from nightcrew.work.crew import open_crew
    from nightcrew.work.foreground import do_task

    settings = load_settings()
    task = make_task(settings, fields)
    check_models(settings)
    with open_crew(settings) as crew:
        work = do_task(crew, task, report=(lambda line: None) if as_json else _print_line)
        attempts = crew.queue.attempts(work.task.task_id)
    if as_json:
        print_json(task_json(work.queued))
    else:
        print_task(work.queued, attempts)
    return exit_code(work.queued)


def _print_line(line: str) -> None:
    console.print(f"· {line}", style="dim")
