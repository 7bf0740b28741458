"""Recorded calls made again, with calls beside them; what each gives, as text.

Run on base and on the change with the same calls: only what the two say otherwise means anything.
"""

import ast
import base64
import copy
import hashlib
import importlib
import inspect
import itertools
import os
import pickle
import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from .neighbours import near_calls, without_literal
from .results import tell
from .supervise import Reporter, supervise

SECONDS_OF_A_CALL, SECONDS = 1.0, 240.0
MOST_TEXT, MOST_ITEMS = 300, 50
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class TooLong(BaseException):
    """A call that does not come to an end."""


def main() -> None:
    """What became of each call of a job, in order."""
    tell(_replayed)


def _replayed(job: "dict[str, Any]", secret: int) -> "dict[str, Any]":
    os.chdir(job["workspace"])
    sys.path[:0] = job["paths"]
    literals = [ast.literal_eval(one) for one in job["literals"]]
    result = supervise(partial(_replay, job["calls"], literals), SECONDS, secret)
    return {"answers": [line["answers"] for line in result["reports"] if "answers" in line]}


def _replay(calls: "list[dict[str, Any]]", literals: "list[Any]", report: Reporter) -> None:
    for call in calls:
        answers: list[list[str]] = []
        try:
            function = _found(call["module"], call["name"])
            given, words = pickle.loads(base64.b64decode(call["kept"]))  # noqa: S301 - made in a sandbox too
            answers = list(_answers(call["name"], function, given, words, literals))
        except Exception as error:
            answers = [["", f"cannot be called: {type(error).__name__}", ""]]
        report({"answers": answers})


def _found(module: str, name: str) -> Any:
    """A function by its qualified name; of a class's `__init__`, the class."""
    thing: Any = importlib.import_module(module)
    for part in name.removesuffix(".__init__").split("."):
        thing = inspect.getattr_static(thing, part) if inspect.isclass(thing) else getattr(thing, part)
    return getattr(thing, "__func__", getattr(thing, "fget", None) or thing)


def _answers(
    name: str, function: Any, given: "list[Any]", words: "dict[str, Any]", literals: "list[Any]"
) -> "Iterator[list[str]]":
    """The call, its answer, and the literal that it is without; the call itself first."""
    calls = [((given, words), ""), *((call, "") for call in near_calls(given, words))]
    for literal in literals:
        calls += [(call, repr(literal)) for call in without_literal(given, words, literal)]
    for (some, named), without in calls:
        first = _answer(function, some, named)
        yield [_shown(name, some, named), first if first == _answer(function, some, named) else "", without]


def _answer(function: Any, given: "list[Any]", words: "dict[str, Any]") -> str:
    """What a call gives, or raises after an `!`, and what became of its arguments."""
    given, words = copy.deepcopy((given, words))
    untouched = _text([given, words])
    signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_OF_A_CALL)
    try:
        value = function(*given, **words)
        if inspect.iscoroutine(value):
            value.close()
            return ""
        if inspect.isgenerator(value):
            value = list(itertools.islice(value, MOST_ITEMS))
        left = _text([given, words])
        return _bounded(_text(value) + ("" if left == untouched else f", and leaves {left}"))
    except TooLong:
        return ""
    except BaseException as error:
        return f"!{type(error).__name__}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _bounded(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}... {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]}"


def _end(*_: Any) -> None:
    raise TooLong


def _text(value: Any) -> str:
    text = _ADDRESS.sub("", repr(value))
    default: Any = object.__repr__
    if type(value).__repr__ is default and hasattr(value, "__dict__"):
        return f"{text} {_ADDRESS.sub('', repr(vars(value)))}"
    return text


def _shown(name: str, given: "list[Any]", words: "dict[str, Any]") -> str:
    """The call as a person reads it."""
    told = [*map(_short, given), *(f"{key}={_short(value)}" for key, value in words.items())]
    return f"{name.removesuffix('.__init__')}({', '.join(told)})"


def _short(value: Any) -> str:
    text = _ADDRESS.sub("", repr(value))
    return text if len(text) <= 60 else text[:57] + "..."
