"""The digest: what the crew did since a time, what people made of it, and what waits for a person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nightcrew.crew.status import status
from nightcrew.crew.storage.database import ensure_database
from nightcrew.plain_text import quoted
from nightcrew.queue.pulls import Pulls, PullStatus
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.redaction import redact
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus

MOST_TASKS = 5_000
_MOST_LINES = 20  # of one section


@dataclass(frozen=True, slots=True)
class Digest:
    """What happened since a time; `decided` are tasks with what people made of their pull requests."""

    since: datetime
    done: Sequence[QueuedTask]
    failed: Sequence[QueuedTask]
    waiting: Sequence[QueuedTask]  # for a person, whenever they began to
    decided: Sequence[tuple[QueuedTask, PullStatus]]
    cost_usd: Decimal  # of the tasks that ended
    dashboard_url: str = ""  # empty: no crew is running

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to report."""
        return not (self.done or self.failed or self.waiting or self.decided)

    @property
    def headline(self) -> str:
        """All of it in one line."""
        merged = sum(status is PullStatus.MERGED for _, status in self.decided)
        return (
            f"{len(self.done)} done, {merged} merged, {len(self.failed)} failed, "
            f"{len(self.waiting)} waiting for you, {self.cost_usd} USD"
        )


def read_digest(settings: Settings, since: datetime) -> Digest:
    """What happened since then, from the state store.

    Raises:
        Transient: the database cannot be reached.
    """
    services = status(settings)
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        queue = TaskQueue(store, settings.max_unfinished_tasks)
        ended = queue.ended_since(since, MOST_TASKS)
        waiting = queue.list(TaskStatus.NEEDS_REVIEW, MOST_TASKS)
        decided = Pulls(store).decided_since(since)
    return Digest(
        since=since,
        done=[one for one in ended if one.status is TaskStatus.COMPLETED],
        failed=[one for one in ended if one.status is TaskStatus.FAILED],
        waiting=waiting,
        decided=decided,
        cost_usd=sum((one.cost_usd for one in ended), Decimal(0)),
        dashboard_url=services.dashboard_url if services.running else "",
    )


def digest_text(digest: Digest) -> str:
    """The digest as plain text with links, one line for each task; without secrets."""
    lines = [f"Nightcrew since {digest.since:%Y-%m-%d %H:%M %Z}: {digest.headline}"]
    lines += _section("Waiting for you", digest, digest.waiting)
    lines += _section("Done", digest, digest.done)
    lines += _section("Failed", digest, digest.failed)
    if digest.decided:
        lines += ["", "Pull requests"]
        for queued, state in digest.decided[:_MOST_LINES]:
            lines.append(f"- {state}: {_about(queued)} {_link(digest, queued)}".rstrip())
    return redact("\n".join(lines))


# ---------------------------------------------------------------------------------------------------------


def _section(title: str, digest: Digest, tasks: Sequence[QueuedTask]) -> Iterator[str]:
    if not tasks:
        return
    yield from ("", title)
    for queued in tasks[:_MOST_LINES]:
        why = f" {queued.failure_reason}:" if queued.failure_reason else ""
        shown = f":{why} {quoted(queued.detail, 160)}" if queued.status is not TaskStatus.COMPLETED else ""
        yield f"- {_about(queued)}{shown} ({queued.cost_usd} USD) {_link(digest, queued)}".rstrip()
    if len(tasks) > _MOST_LINES:
        yield f"- and {len(tasks) - _MOST_LINES} more"


def _about(queued: QueuedTask) -> str:
    first = queued.task.description.partition("\n")[0]
    return f"{queued.task_id} {queued.task.task_type} {quoted(first, 70)}"


def _link(digest: Digest, queued: QueuedTask) -> str:
    if queued.delivery is not None and queued.delivery.url:
        return queued.delivery.url
    return f"{digest.dashboard_url}tasks/{queued.task_id}" if digest.dashboard_url else ""
