"""*Needed?* Each part of the change is taken away again, and a test must fail.

A part that no test misses need not be wrong, but nothing shows that it is right or wanted: the next attempt
brings a test for it or takes it out, and at last a person decides.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import decides, is_configuration, is_prose
from nightcrew.validation.change.pretence import pretences
from nightcrew.validation.effects.late import late_errors
from nightcrew.validation.faults.details import Fate
from nightcrew.validation.faults.mutant import apart, short
from nightcrew.validation.faults.notes import EVERY_ERROR, RETURNED, UNHANDLED, UNUSED
from nightcrew.validation.faults.removals import Removal, removals
from nightcrew.validation.gate import Gate, answered, counted, not_measurable
from nightcrew.validation.reading.suite import read
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import examine
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "needed"
_SHOWN = 5  # parts that one finding quotes
_CASES = {"(True)": "false", "(False)": "true"}  # of a condition, by the text that stood in its place
_HINT = (
    "For each, bring a test that fails without it: it runs the line in a case where both ways give different "
    "results, and checks the right one. Or take it out of the change."
)


class Needed(Gate):
    """Checks that a test fails without each part of the change."""

    name = NAME
    # A refactoring, which may do nothing new, is compared with base instead.
    types = (TaskType.BUG_FIX, TaskType.CODE_GENERATION, TaskType.BUILD_SCRIPT)

    def run(self, room: CleanRoom) -> GateResult:
        """Takes each part away, and reports the parts that no test misses."""
        examination = examine(room)
        elsewhere = examination.tests_for_elsewhere and not examination.own_tests
        if examination.base.problem or examination.patched.problem or elsewhere:
            return not_measurable(NAME, "The tests cannot be run, so nothing shows what they would miss.")
        shows = examination.new_tests.items or examination.changed_tests or room.measured.command_shows_work
        if not shows and room.task.task_type is not TaskType.BUG_FIX:
            return not_measurable(NAME, "Neither a test nor a command shows what the change does.")
        product = _product(room)
        found = [part for change in product for part in removals(room, examination, change)]
        open_ones = [one for one in found if one.fate is not Fate.WORDING and not one.is_detail]
        if open_ones and all(one.fate is Fate.UNTRIED for one in open_ones):
            return not_measurable(NAME, f"No part of the change could be taken away: {_listed(open_ones)}.")
        return answered(
            NAME,
            [*pretences(room, product), *_late(product), *_findings(found)],
            nothing=_passed(found),
            opening="Nothing shows that this is needed",
            hint=_HINT,
            question=_HINT,
        )


# ---------------------------------------------------------------------------------------------------------


def _product(room: CleanRoom) -> list[Change]:
    """The changed files of the product, without prose and what configures tools."""
    changed = [one for one in room.changes if one.after is not None and not room.is_test(one.path)]
    return [
        one for one in changed if room.is_data(one.path) or not (is_prose(one) or _is_for_scope(room, one))
    ]


def _is_for_scope(room: CleanRoom, change: Change) -> bool:
    """True for what configures tools: no test of the product reads it, and `scope` asks about it."""
    ours = change.path in room.config.allow or change.path == room.task.target_file
    return not ours and (decides(change.path) or is_configuration(change.path))


def _late(product: Iterable[Change]) -> Iterator[Finding]:
    """Errors of generators that come later than a caller expects."""
    for change in (one for one in product if one.path.endswith(".py")):
        for name, node in late_errors(read(change.before), read(change.after)):
            what = f"that the error of {name} comes only when its first value is asked for"
            yield Finding(what, change.path, node.lineno, severity=Severity.UNPROVEN)


def _passed(found: list[Removal]) -> str:
    """The passing result: which parts the tests miss, and which decide nothing."""
    noticed = sum(one.fate is Fate.NOTICED for one in found)
    beside = {
        "Words for a reader are": [one for one in found if one.fate is Fate.WORDING],
        "Details that no test misses are": [one for one in found if one.is_detail],
    }
    opening = (
        f"{counted(noticed, 'part')} of the change, each is missed when it is taken away."
        if noticed
        else "Nothing in the change makes the product run otherwise."
    )
    named = {words: some for words, some in beside.items() if some}
    listed = (f"{words} {counted(len(some), 'part')}: {_listed(some)}." for words, some in named.items())
    return " ".join([opening, *listed])


def _findings(found: Iterable[Removal]) -> Iterator[Finding]:
    """One finding for each statement that no test misses, and one for a whole function that no test runs."""
    nobody = [one for one in found if one.is_unshown]
    for (path, fate, elsewhere, _), group in groupby(nobody, _place):
        parts = list(group)
        verb = {Fate.UNREACHED: "runs", Fate.UNTRIED: "was seen to miss"}.get(fate, "misses")
        part = parts[0].part
        where = f" in {part.function}" if part.function else ""
        severity, only = Severity.UNPROVEN, ""
        if elsewhere:
            severity, only = Severity.PERSON, ", which only another Python, platform or program would"
        what = f"no test {verb} {_listed(parts)}{where}{only}"
        yield Finding(what, path, part.line, part.text, part.before, severity)


def _place(one: Removal) -> tuple[str, Fate, bool, str | int]:
    place = one.part.function if one.fate is Fate.UNREACHED else one.part.statement
    return one.path, one.fate, one.runs_elsewhere, place


def _listed(parts: list[Removal]) -> str:
    quoted = list(dict.fromkeys(_quoted(one) for one in parts))
    more = f" and {len(quoted) - _SHOWN} more" if len(quoted) > _SHOWN else ""
    return ", ".join(quoted[:_SHOWN]) + more


def _quoted(one: Removal) -> str:
    """The part's source text, and the text that could replace it without a test noticing."""
    part = one.part
    if part.operator == EVERY_ERROR:
        of = "" if part.before == "except" else f" of `{short(part.before)}`"
        return f"that every error{of} is caught, and not only those that it shows (line {part.line})"
    if part.operator == UNUSED:
        return f"the new parameter `{part.before}`, which {part.function} does not use (line {part.line})"
    if part.operator == UNHANDLED:
        return f"the handling of `{short(part.before)}` (line {part.line})"
    if one.fate is not Fate.UNNOTICED:
        return f"`{short(part.before or part.text)}` (line {part.line})"
    if part.operator == RETURNED:
        return f"that `{short(part.text)}` is gone (line {part.line})"
    if part.text in _CASES:
        return f"the case that `{short(part.before)}` is {_CASES[part.text]} (line {part.line})"
    before, text = apart(part.before, part.text)
    if part.text in ("", "pass"):
        return f"`{short(part.before)}` (line {part.line})"
    return f"`{before}` instead of `{text}` (line {part.line})"
