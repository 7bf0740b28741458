"""Lets Prefect show how each task has ended, where its process died when the store knew and Prefect did not.

The store decides. A run that a person starts again is left: it finds its task ended, and ends like it.
"""

import logging
from datetime import timedelta

from nightcrew.crew.dispatch import FLOW, open_queue, set_state
from nightcrew.crew.runs.flow_runs import LONGEST_AHEAD, PAGE, Life, Run, flow_runs, run_of
from nightcrew.crew.runs.reconciliation import LONGEST_PENDING
from nightcrew.crew.status import status
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus

log = logging.getLogger(__name__)

A_DAY = timedelta(days=1)
LATELY = timedelta(minutes=15)
A_MOMENT = timedelta(seconds=30)  # that a living process has to report by itself
STATES = {
    TaskStatus.COMPLETED: "COMPLETED",
    TaskStatus.FAILED: "FAILED",
    TaskStatus.CANCELLED: "CANCELLED",
}
_AT_WORK = {
    "flows": {"name": {"any_": [FLOW]}},
    "flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}},
    "limit": PAGE,
}
_ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})


def agree(settings: Settings, *, since: timedelta = LATELY) -> int:
    """Correct Prefect's state of the tasks that have ended `since` then; the number of corrected runs.

    Raises:
        Transient: Prefect cannot be reached.
    """
    services = status(settings)
    if not services.running:
        return 0
    at_work = services.api().post("/flow_runs/filter", _AT_WORK) or []
    with open_queue(settings) as queue:
        # What ended while the clock was hours behind did not end lately.
        tasks = [*queue.ended(since), *queue.of_runs([run["id"] for run in at_work])]
    ended = list({task.task_id: task for task in tasks if task.flow_run_id and task.status.is_final}.values())
    found = flow_runs(services.api(), [str(task.flow_run_id) for task in ended])
    wrong = [task for task in ended if is_wrong(task, run_of(task, found.get(str(task.flow_run_id)), _LIFE))]
    for task in wrong:
        log.warning("task %s is %s, and Prefect did not show it", task.task_id, task.status)
        set_state(services.api(), str(task.flow_run_id), STATES[task.status], _name(task), task.detail)
    return len(wrong)


def is_wrong(task: QueuedTask, run: Run) -> bool:
    """True if Prefect's state of an ended task will stay another one than the task's."""
    if run.state == STATES[task.status] or abs(run.age) < A_MOMENT:
        return False
    if run.state == "SCHEDULED":  # for a time of a clock that was set back since
        return run.age < -LONGEST_AHEAD
    if run.state == "PENDING":  # a worker died that had taken what a person started again
        return abs(run.age) > LONGEST_PENDING and run.life is not Life.ALIVE
    return run.state in _ENDED or (run.state in {"RUNNING", "CANCELLING"} and run.life is Life.DEAD)


# ---------------------------------------------------------------------------------------------------------

_LIFE = Life.UNKNOWN  # the store forgets the process of a task that has ended; Prefect still knows it


def _name(task: QueuedTask) -> str:
    return STATES[task.status].capitalize()
