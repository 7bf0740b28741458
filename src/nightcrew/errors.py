"""The errors of Nightcrew, classified by what to do next.

NightcrewError
├── Transient            retry the same after a wait
    │   └── StoreDown        the state store cannot be reached
    ├── ModelUnfit           try another model
    ├── Rejected             a verdict, not a crash: make a new plan with its reasons
    └── Fatal                stop, and tell a person
    ├── BadInput         the request is invalid (exit code 2)
    │   └── QueueFull    nothing was stored; try again when tasks have ended
    ├── BudgetReached    money or quota ran out before the call was made
    ├── AccountStopped   the account is refused (401, 402) or the disk is full: all tasks would fail
    └── SandboxUnavailable   untrusted code cannot be run safely on this machine
"""


class NightcrewError(Exception):
    """Base of all errors that Nightcrew raises on purpose; its text is meant for a person."""


class Transient(NightcrewError):
    """A fault that may pass by itself: retry the same.

    `retry_after_seconds` is the wait that the other side asked for, or None.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreDown(Transient):
    """The state store cannot be reached; without it, no work is started."""


class ModelUnfit(NightcrewError):
    """This model cannot do this task (gone, no tool use, context too small): try another one."""


class Rejected(NightcrewError):
    """The verdict on an attempt was not *accepted*; its reasons go to the next attempt."""


class Fatal(NightcrewError):
    """Neither a retry nor another model helps; a person has to act."""


class BadInput(Fatal):
    """The request is invalid; the message says what is wrong and what to do."""


class QueueFull(BadInput):
    """The limit of unfinished tasks is reached; nothing was stored."""


class BudgetReached(Fatal):
    """A budget of money, calls or time does not allow the next call."""


class AccountStopped(Fatal):
    """The provider refuses the account (key invalid, no credits), or the disk is full; the crew stops."""


class SandboxUnavailable(Fatal):
    """Untrusted code cannot be confined on this machine; the message names the options."""
