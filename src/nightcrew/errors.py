"""The errors of Nightcrew, classified by what to do next.

NightcrewError
├── Transient            the same again, after a wait
│   └── StoreDown        the state store does not answer
├── ModelUnfit           another model
├── Rejected             a verdict, not a crash: re-plan with its reasons
└── Fatal                stop and tell a person
    ├── BadInput         the request cannot be done as asked (exit code 2)
    │   └── QueueFull    nothing was stored; try again when tasks have ended
    ├── BudgetReached    money or quota ran out before the call was made
    ├── AccountStopped   the account is refused (401, 402) or the disk is full: all tasks would fail alike
    └── SandboxUnavailable   no way to run untrusted code safely on this machine
"""


class NightcrewError(Exception):
    """Base of all errors that Nightcrew raises on purpose; its text is meant for a person."""


class Transient(NightcrewError):
    """A fault that may pass by itself: retry the same in place.

    `retry_after_seconds` is the wait the other side asked for, None where it named none.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreDown(Transient):
    """The state store cannot be reached; without its books nothing is begun."""


class ModelUnfit(NightcrewError):
    """This model cannot do this task (gone, no tool use, context too small): try another one."""


class Rejected(NightcrewError):
    """The verdict on an attempt was not *accepted*; the reasons go to the next attempt."""


class Fatal(NightcrewError):
    """No retry and no other model helps; a person has to act."""


class BadInput(Fatal):
    """What was asked for is invalid; says what is wrong and what to do."""


class QueueFull(BadInput):
    """The bound on unfinished tasks is reached; nothing was stored."""


class BudgetReached(Fatal):
    """A budget of money, requests or time does not allow the next call."""


class AccountStopped(Fatal):
    """The provider refuses the account (key invalid, no credits), or the disk is full; the crew stops."""


class SandboxUnavailable(Fatal):
    """Untrusted code cannot be confined here; the message names the choices."""
