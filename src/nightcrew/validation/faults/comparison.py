"""Base and the change side by side: calls that tests make, and calls beside them, answered by both.

The calls are recorded with the change, kept as opaque text, and made again in the sandbox on both trees.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightcrew.execution.sandbox import WORKSPACE
from nightcrew.validation.change.change import Change
from nightcrew.validation.faults.target import files_of
from nightcrew.validation.reading.same_code import same_function
from nightcrew.validation.reading.suite import all_functions, parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.runs import Session, run_rig, run_sessions

MOST_TESTS = 150
SECONDS = 300.0
_RAISED = "!"


@dataclass(frozen=True, slots=True)
class Answer:
    """One call as a person reads it, and what both say: a value's text, or an exception's name after `!`.

    Empty where it cannot be told, or is not the same twice.
    """

    call: str
    before: str
    after: str
    without: str = ""  # the literal, as Python writes it, that was made another one

    @property
    def is_known(self) -> bool:
        """True where both could be asked."""
        return bool(self.before and self.after)

    @property
    def differs(self) -> bool:
        """True where the change answers otherwise."""
        return self.is_known and self.before != self.after

    @property
    def turn(self) -> tuple[str, str]:
        """What kind of answer became what kind: the exceptions' names, empty for values."""
        return _exception(self.before), _exception(self.after)

    @property
    def told(self) -> str:
        """`parse('a') gives 1, and gave 2 on base`."""
        return f"{self.call} {_verb(self.after)}, on base it {_verb(self.before)}"


@dataclass(frozen=True, slots=True)
class Compared:
    """A call that tests make, the tests, and the calls beside it."""

    made: Answer
    tests: frozenset[str]
    beside: tuple[Answer, ...]


def compare(
    room: CleanRoom, examination: Examination, tests: Sequence[str], literals: Sequence[str] = ()
) -> tuple[Compared, ...]:
    """What base and the change answer to the calls that these tests make; the first tests come first.

    `literals`: values as Python writes them; calls that hold one are also made with another in its place.
    """
    spans = {
        f"{WORKSPACE}/{one.path}": _changed_spans(one) for one in room.changes if one.path.endswith(".py")
    }
    one = {"id": "calls", "items": list(tests[:MOST_TESTS]), "record": spans, "seconds": SECONDS}
    session = Session([one], paths=files_of(tuple(tests[:MOST_TESTS])), seconds=SECONDS + 60)
    (result,) = run_sessions(room, room.patched, [session], test_files=examination.all_test_files)
    calls = [call for call in result.run("calls").calls if {"module", "name", "kept", "tests"} <= call.keys()]
    if not calls:
        return ()
    before, after = (_replayed(room, tree, calls, literals) for tree in (room.base, room.patched))
    return tuple(_compared(call, *told) for call, *told in zip(calls, before, after, strict=False))


# ---------------------------------------------------------------------------------------------------------


def _replayed(
    room: CleanRoom, tree: Path, calls: Iterable[Mapping[str, Any]], literals: Sequence[str]
) -> list[Any]:
    wanted = [{name: str(call[name]) for name in ("module", "name", "kept")} for call in calls]
    job = {
        "workspace": WORKSPACE,
        "paths": list(room.python_paths),
        "calls": wanted,
        "literals": list(literals),
    }
    done = run_rig(room, tree, "replay", job, seconds=SECONDS)
    try:
        return list(json.loads(done.stdout)["answers"])
    except (ValueError, KeyError, TypeError):
        return []


def _compared(call: Mapping[str, Any], before: Sequence[Any], after: Sequence[Any]) -> Compared:
    answers = [
        Answer(str(second[0]), str(first[1]), str(second[1]), str(second[2]))
        for first, second in zip(before, after, strict=False)
    ]
    answers = [one if one.call else Answer("", "", "") for one in answers] or [Answer("", "", "")]
    unique = {(one.call, one.without): one for one in answers[1:] if one.call != answers[0].call}
    return Compared(answers[0], frozenset(map(str, call["tests"])), tuple(unique.values()))


def _changed_spans(change: Change) -> list[list[int]]:
    """First and last lines of the functions that the change touches, in the new text."""
    old, new = parse(change.before or ""), parse(change.after or "")
    if old is None or new is None:
        return []
    before = all_functions(old)
    return [
        [min([node.lineno, *(one.lineno for one in node.decorator_list)]), node.end_lineno or node.lineno]
        for name, node in all_functions(new).items()
        if name not in before or not same_function(before[name], node)
    ]


def _exception(answer: str) -> str:
    return answer[1:] if answer.startswith(_RAISED) else ""


def _verb(answer: str) -> str:
    return f"raises {answer[1:]}" if answer.startswith(_RAISED) else f"gives {answer[:80]}"
