"""`nightcrew submit-batch` and `nightcrew batch`: many tasks from one file, and what came of them."""

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.batch_file import BatchFile, BatchFormat, BatchItem, format_of, read_batch, report
from nightcrew.cli.output import console, counted, errors, money, print_json, print_table
from nightcrew.cli.task_options import check_models, make_task
from nightcrew.cli.task_view import COLUMNS, row, task_json
from nightcrew.errors import BadInput, QueueFull
from nightcrew.settings import Settings, load_settings
from nightcrew.task import Task, TaskStatus

if TYPE_CHECKING:
    from nightcrew.queue.task_queue import TaskQueue
    from nightcrew.queue.task_table import QueuedTask
    from nightcrew.selection.plan import Plan

MOST_ROWS = 10_000
_LONGEST_ID = 64


@app.command("submit-batch")
def submit_batch(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="YAML, JSON, JSON lines or CSV; - reads a pipe.")
    ],
    name: Annotated[str, typer.Option("--name", help="The batch's name; otherwise as the file says.")] = "",
    form: Annotated[BatchFormat | None, typer.Option("--format", help="If the ending does not tell.")] = None,
    budget: Annotated[str, typer.Option(metavar="USD", help="The most that all of it may cost.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print plan and expected cost; store nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return only when all tasks have ended.")] = False,
    as_json: AsJson = False,
) -> int:
    """Submit the tasks of a file. A task that was submitted before, by its name, is not submitted again."""
    settings = load_settings()
    text = _text(file)
    batch = read_batch(text, form or format_of(file, text))
    name = name or batch.name or ("" if file == "-" else Path(file).stem)
    if not name:
        raise BadInput("the batch has no name: give it one with --name")
    tasks = _tasks(settings, batch, name, budget.removeprefix("$") or batch.budget_usd)
    if dry_run:
        return _show_plans(settings, batch, tasks, as_json=as_json)
    queued, problems = _submit(settings, batch, tasks)
    if wait:
        _wait(settings, name)
        return _show(settings, name, as_json=as_json, ended=True)
    if as_json:
        receipts = [_receipt(item, one) for item, one in queued.items()]
        print_json({"batch": name, "tasks": receipts, "problems": problems})
    else:
        new = sum(one.is_new for one in queued.values())
        known = f", {len(queued) - new} known already" if len(queued) > new else ""
        console.print(f"Batch {name}: {counted(new, 'task')} submitted{known}.")
        for problem in problems:
            errors.print(problem, style="red")
        console.print(f"Follow it with: nightcrew batch {name}")
    return ExitCode.BAD_INPUT if problems else ExitCode.DONE


@app.command("batch")
def show_batch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the batch.")],
    as_json: AsJson = False,
) -> int:
    """Print the tasks of a batch, what they cost and what came of them."""
    from nightcrew.crew.runs.reconciliation import reconcile

    settings = load_settings()
    reconcile(settings)
    return _show(settings, name, as_json=as_json)


# ---------------------------------------------------------------------------------------------------------


def _text(file: str) -> str:
    try:
        return (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file} is no text in UTF-8") from None


def _tasks(settings: Settings, batch: BatchFile, name: str, budget: object) -> Mapping[str, Task]:
    """The tasks by their names; all problems are reported at once.

    Raises:
        BadInput: one of them is not valid.
    """
    tasks, problems = {}, []
    for item in batch.items:
        fields = {**item.fields, "batch": name, "task_id": _task_id(name, item.name)}
        if budget is not None:
            fields["batch_cost_usd"] = budget
        try:
            tasks[item.name] = make_task(settings, fields)
        except BadInput as error:
            problems.append(f"{item.name}: {error}")
    report(problems)
    return tasks


def _task_id(batch: str, name: str) -> str:
    """The same for the same names, so that a task is submitted once."""
    plain = f"{batch}-{name}"
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    if slug == plain and len(slug) <= _LONGEST_ID:
        return slug
    digest = hashlib.sha256(f"{batch}\0{name}".encode()).hexdigest()[:8]
    return f"{slug[: _LONGEST_ID - 9]}-{digest}".strip("-")


def _submit(
    settings: Settings, batch: BatchFile, tasks: Mapping[str, Task]
) -> "tuple[Mapping[str, QueuedTask], Sequence[str]]":
    """Store the tasks and start what can be started; the stored ones by name, and why others are not."""
    from nightcrew.crew.dispatch import dispatch_pending, open_queue

    check_models(settings)
    stored: dict[str, QueuedTask] = {}
    problems = []
    with open_queue(settings, is_for_batch=True) as queue, _progress("submitted", len(tasks)) as completed:
        for number, item in enumerate(batch.items):
            completed(number)
            try:
                stored[item.name] = _store(queue, item, tasks[item.name], stored)
            except QueueFull as error:
                problems.append(f"{item.name} and what follows: {error}; the same command goes on from there")
                break
            except BadInput as error:
                problems.append(f"{item.name}: {error}")
    dispatch_pending(settings)
    return stored, problems


def _store(
    queue: "TaskQueue", item: BatchItem, task: Task, stored: "Mapping[str, QueuedTask]"
) -> "QueuedTask":
    if missing := [before for before in item.after if before not in stored]:
        raise BadInput(f"comes after {missing[0]}, which was not submitted")
    return queue.submit(task, after=[stored[before].task_id for before in item.after])


def _wait(settings: Settings, name: str) -> None:
    """Return when all tasks of the batch have ended or wait for a person."""
    from nightcrew.cli.commands.tasks.waiting import wait_for
    from nightcrew.crew.dispatch import open_queue

    interrupted = f"the batch goes on without you. Follow it with: nightcrew batch {name}"
    with open_queue(settings) as queue:

        def read() -> Sequence[QueuedTask]:
            return queue.list(limit=MOST_ROWS, batch=name)

        with _progress("ended", len(read())) as progress:
            wait_for(settings, read, progress=progress, interrupted=interrupted)


@contextmanager
def _progress(word: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, moved by the number that is done; only a terminal shows it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(f"tasks {word}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        line = bar.add_task(word, total=total)
        yield lambda number: bar.update(line, completed=number)


def _show(settings: Settings, name: str, *, as_json: bool, ended: bool = False) -> int:
    """Print the batch; with `ended`, the exit code is 1 if a task is not completed."""
    from nightcrew.crew.dispatch import open_queue

    with open_queue(settings) as queue:
        tasks = [*reversed(queue.list(limit=MOST_ROWS, batch=name))]
    if not tasks:
        raise BadInput(f"there is no batch {name}: 'nightcrew list-tasks --json' has the batch of each task")
    if as_json:
        print_json([task_json(one) for one in tasks])
    else:
        print_table(f"Batch {name}", COLUMNS, map(row, tasks))
        for one in tasks:
            if one.detail and one.status is not TaskStatus.COMPLETED:
                console.print(f"{one.task_id}: {one.detail}")
        console.print(_summary(tasks))
    done = all(one.status is TaskStatus.COMPLETED for one in tasks)
    return ExitCode.FAILED if ended and not done else ExitCode.DONE


def _summary(tasks: "Sequence[QueuedTask]") -> str:
    counts = Counter(str(one.status).replace("_", " ") for one in tasks)
    by_status = ", ".join(f"{number} {word}" for word, number in counts.items())
    cost, budget = sum((one.cost_usd for one in tasks), Decimal()), tasks[-1].task.batch_cost_usd
    of = f" of {money(budget)}" if budget is not None else ""
    return f"{counted(len(tasks), 'task')}: {by_status}. Cost: {money(cost)}{of}."


def _receipt(name: str, queued: "QueuedTask") -> dict[str, object]:
    return {"name": name, "task_id": queued.task_id, "status": queued.status, "new": queued.is_new}


def _show_plans(settings: Settings, batch: BatchFile, tasks: Mapping[str, Task], *, as_json: bool) -> int:
    from nightcrew.cli.model_choice import open_catalogue, plan_for

    with open_catalogue(settings) as (store, catalogue):
        catalogue.check_usable()
        plans = {name: plan_for(task, settings, store, catalogue) for name, task in tasks.items()}
    if as_json:
        print_json(plans)
        return ExitCode.DONE
    after = {item.name: item.after for item in batch.items}
    columns = ("name", "type", "target", "after", "models", "chance", "expected cost")
    print_table(
        "", columns, [_plan_row(name, tasks[name], after[name], plan) for name, plan in plans.items()]
    )
    cost = sum(plan.cost_usd for plan in plans.values())
    budget = next(iter(tasks.values())).batch_cost_usd
    of = f", of at most {money(budget)}" if budget is not None else ""
    accepted = sum(plan.success for plan in plans.values())
    console.print(
        f"{counted(len(plans), 'task')} would be submitted. Expected: {accepted:.1f} accepted, "
        f"{money(cost)}{of}. Nothing was stored.",
    )
    return ExitCode.DONE


def _plan_row(name: str, task: Task, after: Sequence[str], plan: "Plan") -> Sequence[object]:
    models = "\n".join(rung.model for rung in plan.rungs) or plan.stop
    target, chance = task.target_file or "–", f"{plan.success:.2f}"
    return name, task.task_type, target, ", ".join(after) or "–", models, chance, money(plan.cost_usd)
