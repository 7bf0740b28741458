"""The lines about tasks: what was asked for, and what came of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from nightcrew.queue.audit.actor import actor
from nightcrew.queue.audit.line import Act, cleaned
from nightcrew.queue.audit.log import enter, latest
from nightcrew.queue.delivery import Delivery
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import Task, TaskStatus

_ACT_OF_END = {
    TaskStatus.COMPLETED: Act.END,
    TaskStatus.FAILED: Act.END,
    TaskStatus.CANCELLED: Act.CANCEL,
    TaskStatus.NEEDS_REVIEW: Act.ASK,
}


def enter_submission(connection: Connection, task: Task, commit: str) -> None:
    """Add the line of a new task: all that was given, and the commit that it starts from."""
    given = task.model_dump(mode="json", exclude_defaults=True, exclude={"task_id"})
    enter(connection, Act.SUBMIT, task.task_id, {**given, "commit": commit})


def enter_ends(connection: Connection, changed: Iterable[QueuedTask]) -> None:
    """Add the lines of those tasks that have ended, or wait for a person."""
    for one in changed:
        if (act := _ACT_OF_END.get(one.status)) is not None:
            names = ("status", "failure_reason", "verdict", "detail")
            enter(connection, act, one.task_id, {name: getattr(one, name) for name in names})


def enter_delivery(connection: Connection, task_id: str, delivery: Delivery) -> None:
    """Add the line of a delivery that has ended: a branch, a pull request, or why there is none."""
    act, who = (Act.DELIVER, actor())
    if delivery.pull_request is not None:
        act, who = Act.PULL_REQUEST, replace(who, token=f"the token of {delivery.repo}")
    names = ("status", "repo", "branch", "commit", "url", "detail")
    enter(connection, act, task_id, {name: getattr(delivery, name) for name in names}, who=who)


def enter_answer(connection: Connection, task_id: str, attempt: int, answer: Mapping[str, object]) -> None:
    """Add the line of a person's answer, unless the command by which it was given has added it."""
    about, details = task_id, {"attempt": attempt, **answer}
    known = latest(connection, Act.ANSWER, about)
    if known is None or json.loads(known)["details"] != cleaned(details):
        enter(connection, Act.ANSWER, about, details)


def enter_round(connection: Connection, task_id: str, number: int, reasons: Sequence[str]) -> None:
    """Add the line of an accepted change that is worked on again, with the reviews and checks that say so."""
    enter(connection, Act.ROUND, task_id, {"round": number, "because": list(reasons)})
