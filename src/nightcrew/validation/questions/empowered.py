"""*Empowered?* What the changed files can do that neither they nor their package could do on base.

This gate reads and runs nothing. It does not report what a file could do before, or what the task's text asks
suite of base counts. Nothing here refuses a change: a person is asked, with the line.
"""

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePosixPath

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_test
from nightcrew.validation.effects.lasting import lasting
from nightcrew.validation.gate import Gate, answered
from nightcrew.validation.questions.hidden_text import (
    disguised_name,
    hidden_among_others,
    hidden_text,
    hosts_in,
)
from nightcrew.validation.questions.powers import OF_PRODUCT, WORDS, Power, Use
from nightcrew.validation.questions.python_powers import python_powers
from nightcrew.validation.questions.repository import Repository, repository_of
from nightcrew.validation.questions.request import Request
from nightcrew.validation.questions.text_powers import text_powers
from nightcrew.validation.questions.weaker import weaker
from nightcrew.validation.reading.constants import texts_in
from nightcrew.validation.reading.suite import parse, read
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "empowered"
_DATA = {".json", ".csv", ".svg", ".xml", ".po", ".lock", ".txt", ".md", ".rst"}
_BY_WHAT = {Power.UNSAFE_DATA}  # one safe use of a loader says nothing about an unsafe one
QUESTION = (
    "Does the task need this? Accept the change if it does; otherwise have it tried again with a hint to do "
    "without."
)


class Empowered(Gate):
    """Finds powers that the change gains and that the task does not ask for."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reports every new power with its line to a person; passes where there is none."""
        return answered(
            NAME,
            tuple(powers_gained(Request(room.task.description), room.once(repository_of))),
            nothing="The change can do nothing that its files could not do before.",
            opening="Nobody asked for this, and base does not do it",
            question=QUESTION,
        )


def powers_gained(request: Request, repository: Repository) -> Iterator[Finding]:
    """The first line of each new power of each file."""
    base = BasePowers(repository)
    for change in repository.changes:
        if change.after is None:
            continue
        seen: set[tuple[Power, str]] = set()
        for use in _of_file(change, base):
            # One line for each power is enough to decide; powers that have no general word differ by what
            # they do.
            key = (use.power, "" if use.power in WORDS else use.what)
            if key not in seen and not is_asked_for(use, request):
                seen.add(key)
                what = f"it can newly {use.power} ({use.what})"
                yield Finding(
                    what,
                    change.path,
                    use.line,
                    after=line_of(change.after, use.line),
                    severity=Severity.PERSON,
                )


class BasePowers:
    """The powers that base already has."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.known: dict[str, frozenset[Power]] = {}

    def could(self, change: Change, power: Power, what: str = "") -> bool:
        """True where base had the power: the file itself, a new file's package, or a test's whole suite."""
        if what and power in _BY_WHAT and not is_test(change.path):
            return any(what in self._named(one.before) for one in (change, *self.repository.changes))
        if power in self._of_text(change.before):
            return True
        # All tests run in one process in the end, so that a power of one is within reach of all.
        if is_test(change.path):
            return self._have(power, tests=True, below="")
        # Code that moved between files brings its power along.
        moved = any(
            power in self._of_text(one.before) for one in self.repository.changes if _gave_away(one, power)
        )
        top = PurePosixPath(change.path).parent.as_posix()
        return moved or (change.is_new and top != "." and self._have(power, tests=False, below=f"{top}/"))

    def _have(self, power: Power, *, tests: bool, below: str) -> bool:
        return any(
            power in self._of_text(text)
            for path, text in self.repository.base.python.items()
            if is_test(path) == tests and path.startswith(below)
        )

    @cached_property
    def words(self) -> str:
        """All words of base's files other than code: they name what the project asks to be installed."""
        return "\n".join(self.repository.base.documents.values())

    @staticmethod
    def _named(text: str | None) -> set[str]:
        return {use.what for use in python_powers(read(text))}

    def _of_text(self, text: str | None) -> frozenset[Power]:
        known = self.known
        if text is None:
            return frozenset()
        if text not in known:
            known[text] = frozenset(use.power for use in python_powers(read(text)))
        return known[text]


def is_asked_for(use: Use, request: Request) -> bool:
    """True where the task's text asks for the power, by one of its words or by the name in the code."""
    if use.names:
        return all(request.mentions([name]) for name in use.names)
    return request.mentions(WORDS.get(use.power, ())) or (request.mentions([use.what]) and use.power in WORDS)


# ------------------------------------------------------------------------------------------------------


def _gave_away(change: Change, power: Power) -> bool:
    """True for a changed file that uses the power less often than before: the use may have moved."""
    old, new = (parse(text or "") for text in (change.before, change.after))
    if not change.path.endswith(".py") or change.before is None or old is None or new is None:
        return False
    counts = [sum(use.power is power for use in python_powers(tree)) for tree in (old, new)]
    return counts[1] < counts[0]


def _of_file(change: Change, base: BasePowers) -> Iterator[Use]:
    before, after = change.before or "", change.after or ""
    of_tests, is_python = is_test(change.path), change.path.endswith((".py", ".pyi"))
    if of_tests and not is_python:
        return  # test data: nothing runs it, and much of it is unusual on purpose
    is_code = is_python or not _is_data(change.path)
    yield from hidden_text(before, after, is_code=is_code, reads_hosts=not of_tests)
    new, old = parse(after), parse(before)
    if not is_python or new is None or old is None:
        yield from text_powers(change.path, before, after, base.words if not is_python else "")
        return
    # Looking for letters of two scripts takes a walk over the tree, which ASCII text does not need.
    disguised = None if after.isascii() else disguised_name(new)
    if disguised is not None and disguised != disguised_name(old):
        yield Use(Power.HIDDEN, f"the name {disguised}, in letters of two scripts", 1)
    for use in python_powers(new):
        if not (of_tests and use.power in OF_PRODUCT) and not base.could(change, use.power, use.what):
            yield use
    if not of_tests:
        yield from lasting(old, new)
    if not of_tests and change.before is not None:
        yield from weaker(old, new)
        yield from hidden_among_others(before, after)
    yield from _in_texts(change, old, new, base)


def _in_texts(change: Change, old: ast.Module, new: ast.Module, base: BasePowers) -> Iterator[Use]:
    """Shell commands, and hosts that base does not name, in the string literals of Python code."""
    # A string that base has, also elsewhere in the file, can do nothing new.
    known = {text for _, text in texts_in(old)}
    reaches = not is_test(change.path) and any(use.power is Power.NETWORK for use in python_powers(new))
    for line, text in texts_in(new):
        if text in known:
            continue
        for use in text_powers("command.sh", "", text, base.words) if " " in text else ():
            if use.power is not Power.CREDENTIALS:
                yield Use(use.power, use.what, line + use.line - 1)
        for host in hosts_in(text) if reaches else ():
            if host not in base.words and not any(
                host in one for one in base.repository.base.python.values()
            ):
                yield Use(Power.WEAKER, f"the host {host}, which base does not know", line)


def _is_data(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in _DATA


def line_of(text: str, number: int) -> str:
    """A line of a text, by its number from 1; empty where there is none."""
    lines = text.split("\n")
    return lines[number - 1].strip()[:200] if 0 < number <= len(lines) else ""
