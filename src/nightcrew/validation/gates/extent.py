"""Extent: a fix repairs no less than the bug, and changes no more; the work of new code grows with its input.

The calls that the tests make, and similar calls, run on base and on the change. A fix that changes the
result for the reproducer's own input and for no similar one repairs only that test. A fix that rejects what
base accepted, accepts what base rejected, or whose work grows faster, does something that the task does not
ask for.
"""

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

from nightcrew.task import TaskType
from nightcrew.validation.answers import Answer, Compared
from nightcrew.validation.effects.left_out import left_out
from nightcrew.validation.effects.twins import twins
from nightcrew.validation.faults.comparison import compare
from nightcrew.validation.faults.literals import (
    deciding_literals,
    other_parameters,
    product_changes,
    shared_literals,
)
from nightcrew.validation.gate import Gate, answered, not_measurable, passed
from nightcrew.validation.gates.retold import same_as_before
from nightcrew.validation.reading.claims import promised_errors
from nightcrew.validation.reading.measures import repeats
from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import all_functions, read, tree_text, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import examine
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "extent"
LEAST_BESIDE = 4  # similar calls that must be made before "none has another result" is reported
LEAST_SWALLOWED = 3  # calls that raised on base and no longer do, before "none raises" is reported
LEAST_SAME = 20  # compared calls of a function before "its result is base's" is believed
_UNREADABLE = {"ValueError", "OverflowError", "UnicodeEncodeError", "UnicodeDecodeError"}
_SHOWN = 3
_MOST_TEXTS = 32  # whose docstrings are kept: every compared call asks for the same ones
BEYOND_LINEAR = 6.0  # times the work with four times the input; a fix may look at all of its input
_WORD = re.compile(r"'\w+'")
_HINT = "Repair the cause, and nothing else; where the difference is wanted, bring a test that shows it."


class Extent(Gate):
    """Checks that the fix changes no more and no less than the bug."""

    name = NAME
    types = (TaskType.BUG_FIX, TaskType.CODE_GENERATION)

    def run(self, room: CleanRoom) -> GateResult:
        """Compares base and the change on calls like those of the tests."""
        left = [*_left_out(room)]
        if room.task.task_type is TaskType.CODE_GENERATION:
            return _of_feature(room, left)
        examination = examine(room)
        reproducers = room.measured.reproducers
        run = examination.patched.run("all")
        reaching = Counter[str]()
        for covered in run.coverage.values():
            reaching.update({name: len(lines) for name, lines in covered.by_test.items()})
        passing = [name for name, test in run.tests.items() if name in reaching and not test.failed]
        others = sorted(passing, key=lambda name: (reaching[name], name))  # the most specific calls first
        literals = shared_literals(room)
        tests = list(dict.fromkeys([*reproducers, *others]))
        compared = compare(room, examination, tests, literals=literals)
        if compared.problem:
            return not_measurable(NAME, f"The extent of the fix is not known: {compared.problem}.")
        found = compared.calls
        room.measured.same_as_base = frozenset(_same(found))
        path = room.target or next(iter(examination.product_files), "")
        shown = [one for one in found if one.tests & set(reproducers)]
        findings = [*_too_narrow(room, literals, shown, path), *_unasked(room, found, shown, path)]
        slower = next(filter(None, (one.slower(BEYOND_LINEAR) for one in found)), "")
        beside = filter(None, (slower, compared.by_chance))
        findings += [Finding(one, path, severity=Severity.UNPROVEN) for one in beside]
        findings += [*left, *_at_twins(room)]
        if not findings:
            return passed(NAME, _summary(found, shown), compared=sum(1 + len(one.beside) for one in found))
        return answered(
            NAME,
            findings,
            opening="The fix is not of the bug's extent",
            hint=_HINT,
            question=_HINT,
        )


# ---------------------------------------------------------------------------------------------------------


def _left_out(room: CleanRoom) -> Iterator[Finding]:
    """What the task's text names, and neither the change nor a test."""
    changes = [one for one in room.changes if one.path.endswith(".py")]
    tests = (text for path, text in room.patched_tree.python.items() if room.is_test(path))
    product = "\n".join(text for path, text in room.base_tree.python.items() if not room.is_test(path))
    for name in left_out(room.task.description, changes, tests, product):
        what = f"the task names {name}, and neither the change nor a test does"
        yield Finding(what, room.target or "", severity=Severity.UNPROVEN)


def _at_twins(room: CleanRoom) -> Iterator[Finding]:
    """Places like those that the fix rewrites."""
    for one in twins([change for change in product_changes(room) if change.path.endswith(".py")]):
        what = f"{one.function} still has the code that the fix rewrites elsewhere"
        yield Finding(what, one.path, one.line, after=one.text, severity=Severity.UNPROVEN)


def _of_feature(room: CleanRoom, left: list[Finding]) -> GateResult:
    """New code may do anything that its task asks for, but not with work that grows faster than its input."""
    trees = [changed_functions(one.before, one.after) for one in product_changes(room)]
    if not left and not any(
        repeats(node, {name.rpartition(".")[2] for name in tree}) for tree in trees for node in tree.values()
    ):
        return passed(NAME, "No new code repeats work that grows with its input.")
    examination = examine(room)
    tests = [name for name in examination.own_tests if not examination.patched.run("all").tests[name].failed]
    compared = compare(room, examination, tests, only_made=True)
    slower = next(filter(None, (one.slower(BEYOND_LINEAR) for one in compared.calls)), "")
    found = [
        Finding(one, room.target or "", severity=Severity.UNPROVEN)
        for one in (slower, compared.by_chance)
        if one
    ]
    return answered(
        NAME,
        [*left, *found],
        nothing="The work of new code was not seen to grow faster than its input.",
        opening="The new code does more than it has to",
        hint="Look at each input a fixed number of times, and let no order of hashes decide a result.",
        question=_HINT,
    )


def _same(found: Sequence[Compared]) -> Iterator[str]:
    """Functions, as `Class.method`, of which many calls were compared and all give base's result."""
    for name in {one.name for one in found}:
        known = [one for call in found if call.name == name for one in call.answers if one.is_known]
        if len(known) >= LEAST_SAME and not any(one.differs for one in known):
            yield name


def _summary(found: Sequence[Compared], shown: Sequence[Compared]) -> str:
    answers = [one for one in _answers(found) if one.is_known]
    if not answers:
        return "No call of the tests could be made again, so nothing is known of inputs beside theirs."
    also = [one.sentence for call in found for one in call.beside if one.differs]
    beside = f" Also changed: {'; '.join(also[:_SHOWN])}." if also else ""
    return f"{len(answers)} calls like those of the tests were compared with base.{beside}"


def _too_narrow(
    room: CleanRoom, literals: Sequence[str], shown: Sequence[Compared], path: str
) -> Iterator[Finding]:
    """Findings where one value from the tests decides: with every other value that is tried, the calls give
    the same results as on base."""
    changed = [one for one in shown if one.made.differs]
    known = next(_known_literals(literals, changed), None)
    if known is not None:
        literal, beside = known
        yield _narrow(changed[0].made, beside, f"the tests' own {literal[:60]}", path)
        return
    others = [one for call in changed for one in call.beside if one.is_known and not one.is_twin]
    alone = len(others) >= LEAST_BESIDE and not any(one.differs for one in others)
    decides = deciding_literals(room) if alone or len(others) < LEAST_BESIDE else []
    if decides and alone:
        yield _narrow(changed[0].made, others[0], decides[0][:60], path)
    elif not alone and len(others) < LEAST_BESIDE and (held := decides or literals):
        unchanged = same_as_before(room, room.measured.reproducers, held)
        if unchanged:
            what = f"{unchanged}, all is as it was on base: the change knows {held[0][:60]}"
            yield Finding(what, path, severity=Severity.UNPROVEN)


def _known_literals(literals: Sequence[str], changed: Sequence[Compared]) -> Iterator[tuple[str, Answer]]:
    """Literals of the tests without which every call gives base's result, each with such a call."""
    for literal in literals:
        beside = [one for call in changed for one in call.beside if one.without == literal and one.is_known]
        if beside and not any(one.differs for one in beside):
            yield literal, beside[0]


def _narrow(made: Answer, beside: Answer, literal: str, path: str) -> Finding:
    what = f"{made.sentence}, but {beside.call} is answered as before: the change knows {literal}"
    return Finding(what, path, severity=Severity.UNPROVEN)


def _unasked(
    room: CleanRoom, found: Sequence[Compared], shown: Sequence[Compared], path: str
) -> Iterator[Finding]:
    """Calls that base accepted and the change rejects, or the reverse, where no test expects that."""
    tested = {one.made.turn for one in shown if one.made.differs}
    other = other_parameters(room)  # base cannot be called that way, so there is nothing to compare
    comparable = [call for call in found if not (call.name in other and call.made.turn[0] == "TypeError")]
    answers = [one for one in _answers(comparable) if one.is_known and _is_answer(room, one)]
    outer = [one for one in comparable if not one.is_inner]
    # A helper's callers decide what it gets, and their calls are compared too.
    crashes = {one for call in comparable if call.is_inner for one in call.answers if not one.is_own[1]}
    aside = _invented(room, comparable) | (crashes if outer else set())
    refused = [one for one in answers if one not in aside and not _is_tested(one, tested)]
    yield from _refused(room, refused, path)
    yield from _taken(room, answers, tested, path)


def _invented(room: CleanRoom, found: Sequence[Compared]) -> set[Answer]:
    """Calls with an invented word in place of one that names a case: one with which base's product compares
    what it gets."""
    texts = [text for path, text in room.base_tree.python.items() if not room.is_test(path)]
    compares = [one for text in texts for one in walk(read(text)) if isinstance(one, ast.Compare)]
    words = (part.value for one in compares for part in walk(one) if isinstance(part, ast.Constant))
    cases = {repr(one) for one in words if isinstance(one, str)}
    beside = [({*_WORD.findall(call.made.call)}, one) for call in found for one in call.beside]
    differing = [(made - {*_WORD.findall(one.call)}, one) for made, one in beside]
    return {one for gone, one in differing if len(gone) == 1 and gone <= cases}


def _is_tested(one: Answer, tested: Collection[tuple[str, str]]) -> bool:
    """True where tests show that turn, or that error: either of two faults may be refused first."""
    return one.turn in tested or (bool(one.turn[1]) and ("", one.turn[1]) in tested)


def _is_answer(room: CleanRoom, one: Answer) -> bool:
    """True where base gives a value or an error on purpose: a crash is nothing that could be taken away."""
    return one.is_own[0] or one.turn[0] in _promised(room)


def _refused(room: CleanRoom, answers: Sequence[Answer], path: str) -> Iterator[Finding]:
    known = _documented(room) | {""}
    refused = [one for one in answers if one.turn[1] and one.turn[0] != one.turn[1] and one.turn[0] in known]
    if not _refuses(room):  # a generated text that Python's own parsers reject shows nothing about the change
        refused = [one for one in refused if one.turn[1] not in _UNREADABLE]
    if refused:
        yield Finding(_examples("also refuses what base takes", refused), path, severity=Severity.UNPROVEN)


def _taken(
    room: CleanRoom, answers: Sequence[Answer], tested: Collection[tuple[str, str]], path: str
) -> Iterator[Finding]:
    for name in sorted({one.turn[0] for one in answers} & _documented(room)):
        raised = [one for one in answers if one.turn[0] == name]
        taken = [one for one in raised if not one.turn[1]]
        if len(taken) == len(raised) >= LEAST_SWALLOWED:
            yield Finding(_examples(f"{name} is not raised any more", taken), path)
        elif taken and (name, "") not in tested:
            what = _examples(f"the change takes what {name} refused", taken)
            yield Finding(what, path, severity=Severity.UNPROVEN)


def _refuses(room: CleanRoom) -> bool:
    """True where the change adds a `raise` of its own."""
    return any(_refusals(one.after) - _refusals(one.before) for one in product_changes(room))


def _refusals(text: str | None) -> set[str]:
    return {tree_text(one) for one in walk(read(text)) if isinstance(one, ast.Raise | ast.Assert)}


def _answers(found: Sequence[Compared]) -> Iterator[Answer]:
    for call in found:
        yield from (call.made, *call.beside)


def _examples(what: str, answers: Sequence[Answer]) -> str:
    return f"{what}: {'; '.join(one.sentence for one in answers[:_SHOWN])}"


def _promised(room: CleanRoom) -> frozenset[str]:
    """Exceptions that the changed files promise in their docstrings on base."""
    return frozenset[str]().union(*(_promised_by(one.before) for one in product_changes(room)))


@lru_cache(maxsize=_MOST_TEXTS)
def _promised_by(text: str | None) -> frozenset[str]:
    docstrings = (ast.get_docstring(one) or "" for one in all_functions(read(text)).values())
    return frozenset[str]().union(*map(promised_errors, docstrings))


def _documented(room: CleanRoom) -> frozenset[str]:
    """Exceptions that the changed files raise by name on base, or promise in their docstrings."""
    found = set(_promised(room))
    for tree in (read(one.before) for one in product_changes(room)):
        for node in walk(tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                found.add(own_name(raised))
    return frozenset(found - {""})
