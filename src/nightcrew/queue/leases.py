"""Leases: a process's claims to its task, renewed in the state store for as long as it works.

Each host knows which of its own processes live. Of a process on another host, only the lease tells: one that
was not renewed for two minutes is lost, and the task is given to another run. A process that was cut off
finds that out when it is back, before it records anything, so that no task is done twice. Times are the
database's: no clock of a host counts.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import and_, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import QueuedTask, tasks
from nightcrew.task import TaskStatus

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
UP_SINCE = text("pg_postmaster_start_time()")
LOST_AFTER = timedelta(minutes=2)
_IS_RUNNING = tasks.c.status == TaskStatus.RUNNING


def renew(store: StateStore, held: QueuedTask) -> bool:
    """Renew the lease on a task; False if another run or process has the task now."""
    ours = and_(tasks.c.task_id == held.task_id, tasks.c.flow_run_id == held.flow_run_id)
    by_us = and_(tasks.c.host == held.host, tasks.c.pid == held.pid, tasks.c.pid_started == held.pid_started)
    with store.engine.begin() as connection:
        beat = update(tasks).where(ours, by_us, _IS_RUNNING).values(beat=func.now())
        if connection.execute(beat).rowcount:
            return True
        status = connection.scalar(select(tasks.c.status).where(ours))
    # A task that this run itself has ended or put back is no longer running, and still has its flow run.
    return status is not None and status != TaskStatus.RUNNING


def lost(store: StateStore) -> frozenset[str]:
    """The ids of running tasks whose lease was not renewed for `LOST_AFTER`, although the store was there."""
    is_late = func.greatest(tasks.c.beat, UP_SINCE) < func.now() - LOST_AFTER
    with store.engine.connect() as connection:
        return frozenset(connection.scalars(select(tasks.c.task_id).where(_IS_RUNNING, is_late)))


class Lease:
    """This process's lease on a task that it has just begun; only tasks with a flow run have one."""

    def __init__(self, store: StateStore, held: QueuedTask, *, on_loss: Callable[[], object]) -> None:
        self._store, self._held, self._on_loss = store, held, on_loss
        self._ended = threading.Event()
        if held.flow_run_id is not None:
            threading.Thread(target=self._keep, name="lease", daemon=True).start()

    def end(self) -> None:
        """Stop renewing it."""
        self._ended.set()

    def ensure(self) -> None:
        """Renew it now; `on_loss` is called if another run has the task."""
        if self._held.flow_run_id is not None and not renew(self._store, self._held):
            log.error("task %s is worked on by another run: this one ends", self._held.task_id)
            self._on_loss()

    # --- private ------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                self.ensure()
            except SQLAlchemyError as error:  # nobody can take the task over without the store either
                log.warning("the lease on task %s waits for the state store: %s", self._held.task_id, error)
