"""The deliveries in the state store, and the merge queue: one delivery to a repository at a time."""

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import select, text, update

from nightcrew.queue import outbox
from nightcrew.queue.audit.tasks import enter_delivery
from nightcrew.queue.delivery import Delivery, DeliveryStatus, to_json
from nightcrew.queue.outbox import FactKind
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import QueuedTask, attempts, queued_task, tasks

MOST_OPEN = 200
POLL_SECONDS = 0.5
_LOCKS = 7_316_003


class Deliveries:
    """The deliveries in a crew's state store; `create_schema` must have created the tables."""

    def __init__(self, store: StateStore) -> None:
        self._engine = store.engine

    @contextmanager
    def turn(self, repo: str) -> Iterator[Callable[[], object]]:
        """In this block no other process of the crew delivers to the repository; waits for its turn.

        Yields a check that raises if the turn was lost, because the connection to the store was.
        """
        keys = {"kind": _LOCKS, "repo": zlib.crc32(repo.encode(errors="surrogateescape")) - 2**31}
        # Outside of a transaction, because a verdict may take minutes; the lock ends with the connection.
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not connection.scalar(text("select pg_try_advisory_lock(:kind, :repo)"), keys):
                time.sleep(POLL_SECONDS)
            try:
                yield lambda: connection.execute(text("select 1"))
            finally:
                if not connection.invalidated:
                    connection.execute(text("select pg_advisory_unlock(:kind, :repo)"), keys)

    def keep(self, task_id: str, delivery: Delivery) -> QueuedTask:
        """Store the delivery of a task; the ledger gets it once it has an end."""
        statement = update(tasks).where(tasks.c.task_id == task_id).values(delivery=to_json(delivery))
        with self._engine.begin() as connection:
            changed = queued_task(connection.execute(statement.returning(tasks)).one())
            if delivery.status is not DeliveryStatus.BEGUN:
                names = ("status", "branch", "onto", "detail")
                content = {name: getattr(delivery, name) for name in names} | {"commit_id": delivery.commit}
                outbox.enter(connection, task_id, FactKind.DELIVERED, content)
                enter_delivery(connection, task_id, delivery)
        return changed

    def take_back(
        self, task_id: str, attempt_id: str, verdict: str, summary: str, *, onto: str
    ) -> QueuedTask:
        """Store another verdict on an accepted attempt, and the commit with which the work goes on."""
        of_attempt = update(attempts).where(attempts.c.attempt_id == attempt_id)
        of_task = update(tasks).where(tasks.c.task_id == task_id)
        with self._engine.begin() as connection:
            connection.execute(of_attempt.values(verdict=verdict, summary=summary))
            changed = of_task.values(verdict=verdict, commit=onto).returning(tasks)
            return queued_task(connection.execute(changed).one())

    def in_repo(self, repo: str) -> Sequence[QueuedTask]:
        """The tasks for which a commit was made for the repository, in the order of their delivery.

        Whether their branches are there is seen in the repository: a process may have ended in between.
        """
        query = (
            select(tasks)
            .where(
                tasks.c.delivery["repo"].astext == repo,
                tasks.c.delivery["commit"].astext.isnot(None),
            )
            .order_by(tasks.c.delivery["made_at"].astext.desc(), tasks.c.sequence.desc())
            .limit(MOST_OPEN)
        )
        with self._engine.connect() as connection:
            return [queued_task(row) for row in connection.execute(query)][::-1]
