"""What base and the change answer to one call that tests make, and to similar calls, in readable form."""

import re
from dataclasses import dataclass

_ENDLESS = 1000.0  # growth of a call that takes too long to be measured, which alone shows nothing
_FASTER_GROWTH = 2.0  # times the growth on base, from one input to one four times as long
_RAISED = "!"
_NOT_CALLED = "cannot be called"  # base has no such function
_USED_UP = re.compile(r"<(?:generator object|\w*iterator object|map object|filter object|zip object)")
_UNSTEADY = "something else each time"
NO_ANSWERS = {
    "",
    "!the end of the process",
    "!what does not end",
    "!what needs the network",
    "!what waits until the time limit",
    _UNSTEADY,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One call in readable form, and both results: a value's text, or an exception's name after `!`.
    A result is empty where it is not known.
    """

    call: str
    before: str
    after: str
    without: str = ""  # the literal, in Python's notation, that was replaced
    growth: tuple[float, float] = (0.0, 0.0)  # of the work, with four times the input; 0: not known
    is_twin: bool = False  # its values are equal to those of the call that it varies

    @property
    def is_known(self) -> bool:
        """True where both trees ran the call and base's result is the same each time: what an iterator gives
        depends on earlier reads."""
        once = _USED_UP.search(self.call) is not None
        is_new = self.before.startswith(_NOT_CALLED)
        return bool(self.after) and not (once or is_new or self.before in NO_ANSWERS)

    @property
    def differs(self) -> bool:
        """True where the change gives another result."""
        return self.is_known and self.before != self.after

    @property
    def is_own(self) -> tuple[bool, bool]:
        """For both results: whether a `raise` of the product gives it, and not Python in the middle of it."""
        return _is_own(self.before), _is_own(self.after)

    @property
    def turn(self) -> tuple[str, str]:
        """The kinds of both results: the exceptions' names, empty for values."""
        return _exception(self.before), _exception(self.after)

    @property
    def sentence(self) -> str:
        """`parse('a') gives 1, and gave 2 on base`."""
        return f"{self.call} {verb(self.after)}, on base it {verb(self.before)}"


@dataclass(frozen=True, slots=True)
class Compared:
    """A call that tests make, those tests, and similar calls."""

    name: str  # `Class.method`
    made: Answer
    tests: frozenset[str]
    beside: tuple[Answer, ...]

    @property
    def is_inner(self) -> bool:
        """True for a function that only the product itself should call."""
        return any(one.startswith("_") and not one.endswith("__") for one in self.name.split("."))

    def slower(self, least: float = 0.0) -> str:
        """How the call's work grows by more than `least` (where base has no such function, above 0) with four
        times the input, and faster than on base, as a sentence; empty where it does not."""
        before, after = self.made.growth
        grows = f"{self.made.call}, with four times the input, does {after:.0f} times the work"
        if self.made.before.startswith(_NOT_CALLED):
            return grows if 0 < least < after < _ENDLESS else ""
        if min(before, after) <= 0 or after <= max(_FASTER_GROWTH * before, least):
            return ""
        return f"{grows} instead of {before:.0f} times"

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Results of the call itself, and of the similar calls."""
        return (self.made, *self.beside)


def verb(answer: str) -> str:
    """What a call does, as part of a sentence."""
    if answer in NO_ANSWERS:
        return f"gives {answer.removeprefix(_RAISED)}"
    return f"raises {answer[1:]}" if answer.startswith(_RAISED) else f"gives {answer[:80]}"


# ---------------------------------------------------------------------------------------------------------


def _exception(answer: str) -> str:
    return answer[1:].partition(":")[0] if answer.startswith(_RAISED) else ""


def _is_own(answer: str) -> bool:
    """True for a value, and for an error with a message: the rig keeps those of the product's own `raise`."""
    return not answer.startswith(_RAISED) or ":" in answer or answer in NO_ANSWERS
