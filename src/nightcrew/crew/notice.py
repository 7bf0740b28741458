"""The Prefect events that people and programs may wait for: flows send them, automations pass them on."""

from enum import StrEnum


class Notice(StrEnum):
    """The events that are worth a message."""

    NEEDS_REVIEW = "nightcrew.task.needs-review"
    BUDGET_REACHED = "nightcrew.budget.reached"
    CREW_STOPPED = "nightcrew.crew.stopped"
    DIGEST = "nightcrew.digest"
    TASK_COMPLETED = "nightcrew.task.completed"
    TASK_FAILED = "nightcrew.task.failed"
    TASK_DELIVERED = "nightcrew.task.delivered"
    TASK_MERGED = "nightcrew.task.merged"


EACH_TASK = frozenset({Notice.TASK_COMPLETED, Notice.TASK_FAILED, Notice.TASK_DELIVERED, Notice.TASK_MERGED})
"""The events of each task; the other ones are for a person."""
