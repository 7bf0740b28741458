"""Takes a task from the queue and marks it as worked on by this process."""

import logging
import os
import signal
import socket

import psutil

from nightcrew.crew.processes import kill_all
from nightcrew.errors import NightcrewError
from nightcrew.host.process_id import ProcessId, this_process
from nightcrew.ledger.delivery import deliver
from nightcrew.queue.leases import Lease, lost
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import TaskStatus
from nightcrew.work.crew import Crew
from nightcrew.work.outcome import as_recorded
from nightcrew.work.work import Work

log = logging.getLogger(__name__)


class WorkedOnElsewhere(NightcrewError):
    """Another live process works on the task."""


def start_work(crew: Crew, queued: QueuedTask, *, flow_run_id: str | None = None) -> Work:
    """The work on a task, with earlier attempts restored; its outcome is set if the task has ended.

    Raises:
        WorkedOnElsewhere: another process is doing the same work.
    """
    deliver(crew.store, crew.collector)
    work = Work(crew, queued)
    if queued.status.is_final:
        work.outcome = as_recorded(queued)
        return work
    here = this_process()
    if is_worked_on(crew.store, queued, but_for=here):
        log.error("task %s is already worked on by process %s", queued.task_id, queued.pid)
        raise WorkedOnElsewhere(f"task {queued.task_id} is worked on by process {queued.pid}")
    work.queued = crew.queue.update(
        queued.task_id,
        status=TaskStatus.RUNNING,
        flow_run_id=flow_run_id,
        host=socket.gethostname(),
        pid=here.pid,
        pid_started=here.started,
    )
    work.lease = Lease(crew.store, work.queued, on_loss=_end_this_process)
    deliver(crew.store, crew.collector)
    work.restore()
    return work


def is_worked_on(store: StateStore, queued: QueuedTask, *, but_for: ProcessId) -> bool:
    """True if another process works on the task: a live one of this host, or of a host that may live."""
    if queued.status is not TaskStatus.RUNNING or queued.pid is None:
        return False
    if queued.host != socket.gethostname():
        return queued.flow_run_id is not None and queued.task_id not in lost(store)
    other = ProcessId(queued.pid, queued.pid_started or 0.0)
    return other != but_for and other.find() is not None


def _end_this_process() -> None:
    """End it with all that it has started, before it can record anything."""
    kill_all(psutil.Process().children(recursive=True))
    os.kill(os.getpid(), signal.SIGKILL)
