"""The reproducers run again with other values in them: does the change have an effect for those?

For code whose calls cannot be repeated alone: methods of large objects, files, commands.
"""

import ast
import re
from collections.abc import Sequence
from itertools import islice

from nightcrew.validation.faults.target import files_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import all_functions, read, tree_of, walk
from nightcrew.validation.rig.neighbours import near
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import name_of
from nightcrew.validation.running.runs import Session, run_sessions

MOST_VALUES, MOST_OF_A_VALUE = 3, 2
SECONDS = 120.0
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

type Outcomes = tuple[tuple[str, str, str, str, int], ...]
"""For each test: its name without parameters, outcome, message, kind of failure, and line that failed."""


def same_as_before(room: CleanRoom, reproducers: Sequence[str], decides: Sequence[str]) -> str:
    """A text that names the other values with which the reproducers have the same results on both trees.
    `decides`: values that the change contains, in Python's notation; the tests' literals that contain one are
    replaced, one after the other. Where none does, as with a digest of an input, it is what the reproducers
    give to calls. Empty where results still differ.
    """
    decides = [
        one for one in decides if any(map(str.isalnum, one.removeprefix("b")))
    ]  # not marks of a syntax
    for path in files_of(tuple(reproducers)) if decides else ():
        own = [one for one in reproducers if one.split("::")[0] == path]
        text = room.source(path) or ""
        known = _holding(text, decides)
        for value in (known or _given(text, own))[:MOST_VALUES]:
            free = (one for one in near(value) if type(one) is type(value) and not _knows(one, decides))
            others = [*islice(free, MOST_OF_A_VALUE)]
            texts = [_with_other(text, repr(value), one) for one in others]
            if texts and all(_is_same(room, path, one, own, checked="" if known else text) for one in texts):
                return f"with {', '.join(map(repr, others))} for {value!r} in the tests"
    return ""


# ---------------------------------------------------------------------------------------------------------


def _is_example(literal: str) -> bool:
    """False for a text without letters and digits: it is a mark of a syntax, and no other is like it."""
    value = ast.literal_eval(literal)
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return any(map(str.isalnum, text))


def _holding(text: str, decides: Sequence[str]) -> list[object]:
    """Strings and numbers of a file that are one of these values, or contain it."""
    found = (one for one in walk(read(text)) if isinstance(one, ast.Constant))
    values = {repr(one.value): one.value for one in found if type(one.value) in (str, bytes, int, float)}
    return [value for value in values.values() if _knows(value, decides)]


def _given(text: str, own: Sequence[str]) -> list[object]:
    """Strings and numbers that these tests give to calls, without the expected results of comparisons."""
    functions = all_functions(read(text))
    names = {name_of(one).partition("::")[2].replace("::", ".") for one in own}
    found: dict[str, object] = {}
    for name in sorted(names & functions.keys()):
        for call in (one for one in walk(functions[name]) if isinstance(one, ast.Call)):
            plain = (one.value for one in call.args if isinstance(one, ast.Constant))
            found |= {repr(one): one for one in plain if type(one) in (str, bytes, int, float) and one}
    return sorted(found.values(), key=lambda one: -len(repr(one)))


def _knows(value: object, decides: Sequence[str]) -> bool:
    return any(_holds(value, ast.literal_eval(one)) for one in decides)


def _holds(value: object, part: object) -> bool:
    if isinstance(value, str | bytes) and isinstance(part, int | float):
        value, part = str(value), str(part)
    if isinstance(value, str | bytes) and type(part) is type(value):
        return len(part) > 1 and part in value  # type: ignore[operator]
    return type(part) is type(value) and value == part


def _is_same(room: CleanRoom, path: str, text: str, own: Sequence[str], *, checked: str) -> bool:
    """True where tests with that text finish and have the same results on base and on the change; `checked`:
    and where on base each fails by the check by which it does with this text, so that the code took the other
    value and gave a result."""
    before, after = (_outcomes(room, on_base, path, text, own) for on_base in (True, False))
    if not before or before != after:
        return False
    shown = _checks(before)
    return not checked or (bool(shown) and shown == _checks(_outcomes(room, True, path, checked, own)))


def _checks(found: Outcomes) -> list[tuple[str, int]]:
    """The names of the tests and the lines of their checks that failed; nothing where one ended otherwise."""
    failed = [(name, line) for name, *_, kind, line in found if kind == "assertion"]
    return failed if len(failed) == len(found) else []


def _with_other(text: str, shown: str, other: object) -> str:
    source = SourceText(text)
    tree = tree_of(text)
    pieces = {id(part) for node in walk(tree) if isinstance(node, ast.JoinedStr) for part in walk(node)}
    places = sorted(
        (source.span(node) for node in walk(tree)
         if isinstance(node, ast.Constant) and repr(node.value) == shown and id(node) not in pieces),
        reverse=True,
    )  # fmt: skip
    for start, end in places:
        text = text[:start] + repr(other) + text[end:]
    return text


def _outcomes(room: CleanRoom, on_base: bool, path: str, text: str, own: Sequence[str]) -> Outcomes:
    """The outcomes of the tests of these names; nothing where the run does not finish."""
    texts = {one.path: one.after for one in room.changes if room.is_test(one.path) and one.after is not None}
    session = Session([Experiment("all", seconds=SECONDS)], paths=(path,), seconds=SECONDS + 30)
    tree = room.base if on_base else room.patched
    replaced = {**texts, path: text}
    (result,) = run_sessions(room, tree, [session], replaced=replaced, test_files=(path,))
    names = set(map(name_of, own))
    finished = result.run("all").tests.values()
    return tuple(
        sorted(
            (name_of(test.nodeid), test.outcome, _ADDRESS.sub("0x", test.message), test.kind, test.line)
            for test in finished
            if name_of(test.nodeid) in names
        )
    )
