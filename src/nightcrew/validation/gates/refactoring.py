"""Refactoring: the public names stay, the code's measures get no worse, and the suite would have noticed a
change in behaviour."""

import ast
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TypeGuard

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.faults.comparison import Comparison, compare
from nightcrew.validation.gate import Gate, answered, counted, failed, not_measurable, passed
from nightcrew.validation.gates.vouching import Noticed, faults_noticed, untried
from nightcrew.validation.reading.docstrings import has_same_code
from nightcrew.validation.reading.measures import Measures, measure, what_got_better, what_got_worse
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import all_functions, read, tree_of, tree_text, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "refactoring"
LEAST_NOTICED = 0.5
LEAST_WITHOUT_CALLS = 0.7  # where no call of a changed function could be made again
_MOST_CONSTANTS = 16


class Refactoring(Gate):
    """Checks that the public names and the behaviour are the same and that the code is no worse."""

    name = NAME
    types = (TaskType.REFACTORING,)

    def run(self, room: CleanRoom) -> GateResult:
        """Compares the text first, then checks what the suite can vouch for."""
        changed = [one for one in room.changes if one.path.endswith(".py")]
        # The cheapest answer comes first: it needs no environment and no test run.
        if all(has_same_code(one.before, one.after) for one in changed):
            same = "it is the same without comments" if changed else "it is no code"
            severity = Severity.UNPROVEN if changed else Severity.REFUSED
            return answered(
                NAME,
                [Finding(same, one.path, severity=severity) for one in room.changes],
                opening="No code is changed",
                hint="Change how the code is built, not only how it is laid out.",
            )
        examination = examine(room)
        worse = _worse(changed)
        if worse is not None:
            return worse
        compared = _compared(room, examination, changed)
        return _differing(room, changed, compared) or _vouched(room, examination, changed, compared)


def least_noticed(changed: Iterable[Change], known: Collection[str]) -> tuple[float, str]:
    """The share of small faults that the suite has to notice, and what makes it higher. `known`: functions
    (`Class.method`) of which a call was compared with base."""
    for one in changed:
        base = all_functions(read(one.before))
        for name in changed_functions(one.before, one.after):
            if name in base and name not in known:
                return LEAST_WITHOUT_CALLS, f", and no call of {name} could be compared with base"
    return LEAST_NOTICED, ""


def _compared(room: CleanRoom, examination: Examination, changed: list[Change]) -> Comparison:
    """Results of calls like those of the tests, and values in modules, on base and with the change."""
    both = _on_both_sides(changed)
    tests = examination.reaching([one.path for one in both])
    # Tables and limits that a module computes at import are behaviour too, and no call shows them.
    modules = sorted(_modules(room, both))
    return compare(room, examination, tests, constants=_constants(both), modules=modules, measures=True)


def _on_both_sides(changed: list[Change]) -> list[Change]:
    return [one for one in changed if one.before is not None and one.after is not None]


def _modules(room: CleanRoom, both: list[Change]) -> dict[str, str]:
    """Paths of the product's files by module."""
    return {module_name(one.path): one.path for one in both if not room.is_test(one.path)}


def _differing(room: CleanRoom, changed: list[Change], found: Comparison) -> GateResult | None:
    """A result where a call like those of the tests, or a value in a module, differs from base."""
    both = _on_both_sides(changed)
    if found.problem:
        message = f"The behaviour cannot be compared with base: {found.problem}."
        return not_measurable(
            NAME, message, "See that the tests of this code can be run one after the other."
        )
    unknown = [one.path for one in both if found.base.values.get(module_name(one.path)) is None]
    # A module that needs an import order of its own is no problem while its top level is unchanged.
    unread = next((one for one in both if one.path in unknown and not _same_statements(one)), None)
    if unread is not None and not room.is_test(unread.path):
        message = f"{unread.path} cannot be imported alone, so what it writes down cannot be compared."
        return not_measurable(NAME, message)
    found_differences = [*_other_values(found, _modules(room, both)), *_other_answers(found)]
    found_differences += [found.by_chance] if found.by_chance else []
    if not found_differences:
        return None
    hint = "Keep every answer as it was, also for inputs that no test has."
    return failed(
        NAME,
        f"The behaviour is changed: {'; '.join(found_differences[:3])}.",
        hint,
        evidence={"differences": found_differences[:20]},
    )


def _other_values(found: Comparison, modules: Mapping[str, str]) -> Iterator[str]:
    """Module values (tables, patterns, limits) that differ from base."""
    for module, path in modules.items():
        before, after = found.base.values.get(module), found.changed.values.get(module)
        # It could be imported alone before, so whoever imports it first now gets an error.
        if before is not None and after is None:
            yield f"{path} cannot be imported alone any more"
            continue
        for name in sorted((before or {}).keys() & (after or {}).keys()):
            was, now = str((before or {})[name]), str((after or {})[name])
            if was != now:
                yield f"{path}: the value of {name} was {was[:60]} and is {now[:60]}"


def _other_answers(found: Comparison) -> Iterator[str]:
    """For each function the first call with another result than on base, and work that grows faster."""
    # One difference for each function is enough; the others usually have the same cause.
    known: set[str] = set()
    for call in found.calls:
        is_private = any(part.startswith("_") and not part.endswith("__") for part in call.name.split("."))
        other = next((one for one in call.answers if one.differs), None)
        if is_private or call.name in known or not (other or call.slower()):
            continue  # a refactoring may change functions that only the code itself calls
        known.add(call.name)
        yield other.sentence if other else call.slower()


def _same_statements(change: Change) -> bool:
    """True where only functions and imports differ."""
    old, new = _statements(tree_of(change.before or "")), _statements(tree_of(change.after or ""))
    return old == new


def _statements(tree: ast.Module | ast.ClassDef) -> list[str]:
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found += [node.name, *_statements(node)]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom):
            found.append(tree_text(node))
    return found


def _constants(changed: Iterable[Change]) -> list[str]:
    """Constants of the changed functions, before or after, in Python's notation; those after come first."""
    sides = [(one.before, one.after) for one in changed]
    functions = [
        node
        # The second pass swaps the sides, so constants that the change removes are tried too.
        for before, after in [*sides, *((after, before) for before, after in sides)]
        for node in changed_functions(before, after).values()
    ]
    values = (repr(part.value) for node in functions for part in walk(node) if _is_plain(part))
    return list(dict.fromkeys(values))[:_MOST_CONSTANTS]


def _is_plain(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float, str, bytes)


def _measures(changed: list[Change]) -> tuple[Measures, Measures]:
    """The measures of base and of the change."""
    texts = [one.before for one in changed], [one.after for one in changed]
    before, after = (measure([one for one in some if one is not None]) for some in texts)
    return before, after


def _worse(changed: list[Change]) -> GateResult | None:
    before, after = _measures(changed)
    measured = {"before": asdict(before), "after": asdict(after)}
    worse = what_got_worse(before, after)
    # A trade, such as shorter functions for more lines, is a matter of taste and is left to a person.
    if worse and not what_got_better(before, after):
        return failed(
            NAME,
            f"The code got worse: {worse}.",
            "Make it simpler, smaller or less repetitive.",
            evidence=measured,
        )
    return None


def _vouched(
    room: CleanRoom, examination: Examination, changed: list[Change], compared: Comparison
) -> GateResult:
    """Checks that the suite runs every changed statement and would notice small faults in it.

    Functions that are equal by the rules of `same_code` need no such evidence, and tests have none: what they
    give is compared with base, and other gates judge what is changed in them.
    """
    changed = [change for change in changed if not room.is_test(change.path)]
    there = [change for change in changed if change.after is not None]
    unrun = next(filter(None, (_untried(room, examination, change, compared) for change in there)), None)
    if unrun is not None:
        return unrun
    noticed = [one for one in (faults_noticed(room, examination, change) for change in there) if one]
    if not noticed and any(changed_functions(one.before, one.after) for one in changed):
        return not_measurable(
            NAME, "No fault could be tried in the changed code; nothing shows that it still does the same."
        )
    if (weak := _too_weak(noticed, there, compared)) is not None:
        return weak
    share = min((one.share for one in noticed), default=None)
    answers = sum(one.is_known for call in compared.calls for one in call.answers)
    return _kept(changed, share, answers)


def _too_weak(noticed: list[Noticed], there: list[Change], compared: Comparison) -> GateResult | None:
    """A suite that misses most small faults would pass with a broken refactoring as well."""
    share = min((one.share for one in noticed), default=1.0)
    known = {call.name for call in compared.calls if any(one.is_known for one in call.answers)}
    least, why = least_noticed(there, known)
    if share >= least:
        return None
    return not_measurable(
        NAME,
        f"The suite notices only {share:.0%} of small faults in the changed code{why}, so its passing shows "
        f"little.",
        "Write tests for it first.",
        survivors=[name for one in noticed for name in one.survivors][:20],
    )


def _untried(
    room: CleanRoom, examination: Examination, change: Change, compared: Comparison
) -> GateResult | None:
    """Lines that the change removes or adds, and that neither a test nor a compared call runs."""
    found = list(untried(room, examination, change, compared))
    if not found:
        return None
    function, lines, is_gone = found[0]
    number, where = len(lines), f"of {function} in {change.path}"
    what = (
        f"{counted(number, 'line')} {where} that the change takes away (from line {lines[0]} of base on), so "
        f"nothing shows that nobody needs them."
        if is_gone
        else f"{counted(number, 'changed line')} {where} (from line {lines[0]} on), so nothing shows that it "
        f"still does the same."
    )
    return not_measurable(
        NAME,
        f"No test runs {what}",
        "Leave code alone that no test runs, or have tests written for it first.",
        functions=[one.function for one in found if one.is_gone is is_gone][:20],
    )


def _kept(changed: list[Change], share: float | None, answers: int) -> GateResult:
    """The passing result: the suite notices that share of faults, or (None) the code's form shows that it
    does the same; `answers` counts the compared calls."""
    before, after = _measures(changed)
    better = what_got_better(before, after)
    vouched = (
        "what is changed does the same on every input by its form"
        if share is None
        else f"the suite, which passes, notices {share:.0%} of small faults in the changed code"
    )
    noticed = 1.0 if share is None else share
    return passed(
        NAME,
        f"{counted(answers, 'call')} of the tests and beside theirs are answered as on base, "
        f"{better or 'no measure is worse'}, and {vouched}.",
        strength=(0.75 if better else 0.6) + 0.25 * noticed,
        # Evidence is stored as JSON, which knows no tuples: as it is read again, so it is returned.
        measures=json.loads(json.dumps({"before": asdict(before), "after": asdict(after)})),
        noticed=noticed,
    )
