"""What can be done with something that runs at set times: a task, a sweep, a watched repository."""

from enum import StrEnum


class ScheduleAction(StrEnum):
    """What to do with it."""

    ADD = "add"
    LIST = "list"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"
    RUN = "run"  # now
