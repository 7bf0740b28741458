"""How the work of a call grows with its input, counted in lines and comparisons and not in time."""

import contextlib
import itertools
import signal
import sys
from collections.abc import Iterator
from typing import Any

SMALL, LARGE = 10, 40  # factor by which the input grows
MOST_ITEMS = 100_000
ITEMS = 10  # of a lazy result for each time that the input is repeated: it may have no end
TIMES_IN_COMPILED_CODE = 4  # the time of a call, after which one that cannot be interrupted ends its process
_work = [0]


class TooLong(BaseException):
    """A call that does not end in time."""


@contextlib.contextmanager
def limited(seconds: float) -> "Iterator[None]":
    """Ends what runs after so many seconds of CPU by raising TooLong."""
    signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    # Python cannot interrupt compiled code, so that this signal ends the process.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds * TIMES_IN_COMPILED_CODE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _end(*_: Any) -> None:
    raise TooLong


class Number(int):
    """An int that counts how often it is compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        _work[0] += 1
        return int.__eq__(self, other)

    def __lt__(self, other: int) -> bool:
        _work[0] += 1
        return int.__lt__(self, other)

    def __hash__(self) -> int:
        return int.__hash__(self)


class Text(str):
    """A str that counts how often it is compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        _work[0] += 1
        return str.__eq__(self, other)

    def __lt__(self, other: str) -> bool:
        _work[0] += 1
        return str.__lt__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def growth(function: Any, given: "list[Any]", words: "dict[str, Any]") -> float:
    """By which factor a call's work grows with four times the input; 0 where it cannot be measured."""
    small, large = (
        counted(function, [_longer(one, times) for one in given], words, times * ITEMS)
        for times in (SMALL, LARGE)
    )
    return large[0] / small[0] if small[0] > 0 and small[1] and large[1] else 0.0


def counted(
    function: Any, given: "list[Any]", words: "dict[str, Any]", most: int = MOST_ITEMS
) -> "tuple[int, bool]":
    """The work of a call, in lines and comparisons, and whether it ends without an exception. Of a lazy
    result `most` items count."""
    _work[0] = 0

    def trace(*_: Any) -> Any:
        _work[0] += 1
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        value = function(*given, **words)
        if hasattr(value, "__next__"):
            list(itertools.islice(value, most))
    except (Exception, SystemExit):
        return _work[0], False
    finally:
        sys.settrace(old)
    return _work[0], True


def _longer(value: Any, times: int) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_other(one, at) for at in range(times) for one in value)
    if type(value) is dict:
        return {_other(key, at): held for at in range(times) for key, held in value.items()}
    return value * times if type(value) in (str, bytes) else value


def _other(value: Any, at: int) -> Any:
    if type(value) is int:
        return Number(value + 1000 * at)
    if type(value) is str:
        return Text(f"{value}{at}" if at else value)
    return value + at if type(value) is float else value
