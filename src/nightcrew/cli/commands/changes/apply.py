"""`nightcrew apply`: take over accepted changes, into the checkout or as branches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.address import Protocol, folder_of, protocol_of
from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.moment import moment
from nightcrew.cli.output import console, errors, print_json
from nightcrew.errors import BadInput
from nightcrew.settings import DeliveryKind, Settings, load_settings
from nightcrew.task import TaskStatus

if TYPE_CHECKING:
    from nightcrew.queue.task_table import QueuedTask

MOST_TASKS = 10_000


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one task's change."""

    task_id: str
    done: bool
    detail: str


@app.command("apply")
def apply(
    task_id: Annotated[
        str | None, typer.Argument(metavar="TASK_ID", help="The task.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All accepted changes, oldest first.")] = False,
    since: Annotated[
        str | None,
        typer.Option(help="With --all: only tasks that ended since then: today, yesterday, 12h, 3d, a date."),
    ] = None,
    branch: Annotated[
        bool, typer.Option("--branch", help="Make a branch of the repository; the checkout stays as it is.")
    ] = False,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Make a branch and a pull request on GitHub.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option(help="The checkout, if it is not the repository of the task.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Take over accepted changes. They go into the files of your checkout, or become branches."""
    if (task_id is None) is not everything or (since and not everything):
        raise BadInput("name one task by its id, or use --all, which --since narrows")
    if branch + pull_request + (to is not None) > 1:
        raise BadInput(
            "use one of --branch and --pull-request, which are made in the task's repository, and --to"
        )
    settings = load_settings()
    tasks = _ended(settings, task_id, moment(since) if since else None)
    if branch or pull_request:
        kind = DeliveryKind.PULL_REQUEST if pull_request else DeliveryKind.BRANCH
        applied = _as_branches(settings, tasks, kind)
    else:
        applied = [_applied(settings, one, to) for one in tasks]
    if as_json:
        print_json(applied)
    else:
        for one in applied:
            (console if one.done else errors).print(f"{one.task_id}: {one.detail}")
        if not applied:
            console.print("There are no such accepted changes.")
    return ExitCode.DONE if all(one.done for one in applied) else ExitCode.FAILED


# ---------------------------------------------------------------------------------------------------------


def _ended(settings: Settings, task_id: str | None, since: datetime | None) -> Sequence["QueuedTask"]:
    """The completed tasks with a change that were asked for, the oldest first."""
    from nightcrew.crew import dispatch

    with dispatch.open_queue(settings) as queue:
        if task_id is None:
            tasks = [one for one in queue.list(TaskStatus.COMPLETED, MOST_TASKS) if one.change_path]
            return [one for one in tasks if since is None or (one.ended_at and one.ended_at >= since)][::-1]
        queued = queue.get(task_id)
    queued.require_change()
    return [queued]


def _applied(settings: Settings, queued: "QueuedTask", to: Path | None) -> Applied:
    from nightcrew.crew.storage.acts import apply_change

    try:
        if to is None and protocol_of(queued.task.repo) is not Protocol.FILE:
            raise BadInput(f"{queued.task.repo} is on a server: name your checkout of it with --to")
        folder = (to or folder_of(queued.task.repo)).expanduser().resolve()
        changed = apply_change(settings, queued, folder, _change(queued))
    except BadInput as error:
        return Applied(queued.task_id, False, str(error))
    if not changed:
        return Applied(queued.task_id, True, f"{folder} has the change already")
    return Applied(queued.task_id, True, f"applied to {', '.join(changed)} in {folder}")


def _change(queued: "QueuedTask") -> str:
    try:
        return queued.read_change()
    except OSError as error:
        raise BadInput(f"its change {queued.change_path} cannot be read: {error.strerror}") from None


def _as_branches(settings: Settings, tasks: Sequence["QueuedTask"], kind: DeliveryKind) -> Sequence[Applied]:
    from nightcrew.queue.delivery import DeliveryStatus
    from nightcrew.work.crew import open_crew
    from nightcrew.work.delivering import deliver_ended

    applied = []
    with open_crew(settings) as crew:
        for queued in tasks:
            delivery = deliver_ended(crew, queued, kind)
            done = delivery.status is DeliveryStatus.DELIVERED
            applied.append(Applied(queued.task_id, done, delivery.detail))
    return applied
