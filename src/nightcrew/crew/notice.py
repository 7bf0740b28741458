"""The Prefect events that a person should hear of: flows send them, an automation waits for them."""

from enum import StrEnum


class Notice(StrEnum):
    """The events that are worth a message to a person."""

    NEEDS_REVIEW = "nightcrew.task.needs-review"
    BUDGET_REACHED = "nightcrew.budget.reached"
    CREW_STOPPED = "nightcrew.crew.stopped"
