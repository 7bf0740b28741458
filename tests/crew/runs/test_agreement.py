"""Prefect shows each task as it ended, also where its process died before Prefect knew."""

from datetime import UTC, datetime, timedelta

import pytest

from nightcrew.crew.runs.agreement import is_wrong
from nightcrew.crew.runs.flow_runs import Life, Run
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import Task, TaskStatus

NOW, LATE = timedelta(seconds=5), timedelta(minutes=2)


@pytest.mark.parametrize(
    ("status", "state", "age", "life", "wrong"),
    [
        ("completed", "COMPLETED", LATE, Life.UNKNOWN, False),
        ("completed", "CRASHED", LATE, Life.DEAD, True),
        ("completed", "CRASHED", NOW, Life.DEAD, False),  # its process may be about to report
        ("completed", "RUNNING", LATE, Life.DEAD, True),
        ("completed", "RUNNING", -LATE, Life.DEAD, True),  # the clock was ahead when it began
        ("completed", "RUNNING", LATE, Life.ALIVE, False),
        ("completed", "SCHEDULED", LATE, Life.UNKNOWN, False),  # a person starts it again
        ("completed", "SCHEDULED", -2 * LATE, Life.UNKNOWN, True),  # for when the clock was ahead
        ("completed", "PENDING", 3 * LATE, Life.DEAD, True),  # taken again, and its worker died
        ("completed", "PENDING", LATE, Life.UNKNOWN, False),  # a worker may be slow
        ("cancelled", "CANCELLING", LATE, Life.DEAD, True),
        ("cancelled", "CRASHED", LATE, Life.UNKNOWN, True),
        ("failed", "CRASHED", LATE, Life.DEAD, True),
        ("failed", "DELETED", LATE, Life.UNKNOWN, False),
    ],
)
def test_what_will_stay_wrong_is_corrected(
    status: str, state: str, age: timedelta, life: Life, wrong: bool
) -> None:
    task = Task.model_validate({"description": "tidy up", "repo": "https://example.org/r.git"})
    queued = QueuedTask(task, "c", TaskStatus(status), datetime.now(UTC))
    assert is_wrong(queued, Run(state, "", age, life)) is wrong
