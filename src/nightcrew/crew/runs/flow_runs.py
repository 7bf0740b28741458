"""A task's flow run as Prefect records it, and what is known of the process that works on it."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

import psutil

from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId
from nightcrew.queue.task_table import QueuedTask

LONGEST_START = timedelta(minutes=1)  # until Prefect knows from the worker which process it started
LONGEST_AHEAD = timedelta(minutes=3)  # that the clocks of two hosts may differ
PAGE = 200
NO_DEPLOYMENT = "no longer exists, cancelled run."  # how Prefect's worker ends its word about such a run
_WAITS = ["Scheduled", "Late"]
SILENT = "no heartbeat for 90 s"  # what our automation calls a run from which no event came any more


class Life(Enum):
    """What is known of the process that works on a task."""

    ALIVE = auto()
    DEAD = auto()
    UNKNOWN = auto()  # it has not reported yet


@dataclass(frozen=True, slots=True)
class Run:
    """A task's flow run: Prefect's state of it, and its process."""

    state: str  # Prefect's type of state, or DELETED
    message: str
    age: timedelta  # of the state
    life: Life
    in_queue: bool = True  # False: somebody deleted the work queue that would start it


WAITING = Run("SCHEDULED", "", timedelta(), Life.UNKNOWN)


def life_of(queued: QueuedTask) -> Life:
    """Whether the process lives that the task names."""
    if queued.pid is None or queued.host != socket.gethostname():
        return Life.UNKNOWN
    alive = ProcessId(queued.pid, queued.pid_started or 0.0).find() is not None
    return Life.ALIVE if alive else Life.DEAD


def flow_runs(api: PrefectApi, run_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Prefect's records of these runs, by id; those that were deleted are missing.

    One request for a page of runs: a request for each would load Prefect's server every few seconds.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(run_ids), PAGE):
        page = {"flow_runs": {"id": {"any_": list(run_ids[start : start + PAGE])}}, "limit": PAGE}
        found |= {run["id"]: run for run in api.post("/flow_runs/filter", page) or []}
    return found


def open_runs(api: PrefectApi, pool: str, run_ids: Sequence[str]) -> dict[str, Mapping[str, Any] | None]:
    """The same, but None for a run that simply waits for its turn in a queue of `pool`.

    Each record costs the server 10 ms, and a long queue is looked at every few seconds: those that wait are
    only counted, and read if some are missing, have no queue, or wait for a time of a clock that was wrong.
    """
    found: dict[str, Mapping[str, Any] | None] = {}
    soon = (datetime.now(UTC) + LONGEST_AHEAD).isoformat()
    for start in range(0, len(run_ids), PAGE):
        page = list(run_ids[start : start + PAGE])
        ours = {"id": {"any_": page}}
        others = {**ours, "state": {"name": {"not_any_": _WAITS}}}
        waiting = {
            **ours,
            "state": {"name": {"any_": _WAITS}},
            "next_scheduled_start_time": {"before_": soon},
        }
        moved = {
            run["id"]: run for run in api.post("/flow_runs/filter", {"flow_runs": others, "limit": PAGE})
        }
        in_pool = {"flow_runs": waiting, "work_pools": {"name": {"any_": [pool]}}}
        if len(moved) + api.post("/flow_runs/count", in_pool) == len(page):
            found |= {**dict.fromkeys(page), **moved}
        else:
            found |= flow_runs(api, page)
    return found


def run_of(task: QueuedTask, found: Mapping[str, Any] | None, life: Life) -> Run:
    """Prefect's record of a task's run, or None if it was deleted, with what is known of its process."""
    if found is None:
        return Run("DELETED", "", timedelta(), life)
    state = found["state"] or {"type": found["state_type"], "timestamp": None}
    since = datetime.fromisoformat(state["timestamp"]) if state["timestamp"] else datetime.now(UTC)
    pid = found.get("infrastructure_pid") or ""
    # A process that has died before it could name itself in the store is known to Prefect only.
    if life is Life.UNKNOWN and task.host in {None, socket.gethostname()} and str(pid).isdigit():
        life = _life_of_worker_child(int(pid), since)
    age, in_queue = datetime.now(UTC) - since, found.get("work_queue_id") is not None
    return Run(state["type"], state.get("message") or "", age, life, in_queue)


# ---------------------------------------------------------------------------------------------------------


def _life_of_worker_child(pid: int, since: datetime) -> Life:
    """Whether the process lives that the worker started for a run, before it has reported to the store.

    It cannot be younger than the run's state; a younger one has the pid of a process that has ended. A new
    run of a postponed flow still has the pid of the one before.
    """
    if abs(datetime.now(UTC) - since) < LONGEST_START:
        return Life.UNKNOWN
    try:
        process = psutil.Process(pid)
        ours = process.uids().real == os.geteuid() and process.status() != psutil.STATUS_ZOMBIE
        return Life.ALIVE if ours and process.create_time() <= since.timestamp() + 60 else Life.DEAD
    except psutil.Error:
        return Life.DEAD
