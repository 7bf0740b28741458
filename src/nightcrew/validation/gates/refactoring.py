"""Refactoring: the public face stays, the code gets no worse, and the suite would have noticed a change
in what it does."""

import ast
import json
from dataclasses import asdict
from typing import TypeGuard

from nightcrew.task import Task, TaskCategory
from nightcrew.validation.change.change import Change
from nightcrew.validation.faults.observed_calls import observed_difference
from nightcrew.validation.faults.vouching import changed_functions, faults_noticed, lines_gone, lines_not_run
from nightcrew.validation.gate import counted, failed, not_measurable, passed
from nightcrew.validation.reading.docstrings import without_docstrings
from nightcrew.validation.reading.measures import measure, public_face, what_got_better, what_got_worse
from nightcrew.validation.reading.narrowed import asks_otherwise
from nightcrew.validation.reading.same_code import differs_in_a_detail
from nightcrew.validation.reading.suite import all_functions, parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine
from nightcrew.validation.running.module_values import plain_values
from nightcrew.validation.verdict import GateResult

NAME = "refactoring"
LEAST_NOTICED = 0.3


class Refactoring:
    """Same face, same behaviour, better inside."""

    name = NAME

    def applies(self, task: Task) -> bool:
        """For refactoring tasks."""
        return task.task_type is TaskCategory.REFACTORING

    def run(self, room: CleanRoom) -> GateResult:
        """Text first, then what the suite can vouch for."""
        changed = [one for one in room.changes if one.path.endswith(".py")]
        if all(_same_code(one) for one in changed):
            return failed(
                NAME, "No code is changed.", "Change how the code is built, not only how it is laid out."
            )
        return (
            _face(changed)
            or _worse(room, changed)
            or _details(changed)
            or _values(room, changed)
            or _answers(room)
            or _vouched(room, examine(room), changed)
        )


def _same_code(change: Change) -> bool:
    old, new = parse(change.before or ""), parse(change.after or "")
    if old is None or new is None:
        return False
    return without_docstrings(old) == without_docstrings(new)


def _face(changed: list[Change]) -> GateResult | None:
    for change in changed:
        if change.before is None:
            continue
        before, after = public_face(ast.parse(change.before)), public_face(ast.parse(change.after or ""))
        for name in sorted(before):
            if before[name] != after.get(name) and not _is_generated(name, before[name], change):
                how = "is gone" if name not in after else f"was {before[name]} and is {after[name]}"
                return failed(
                    NAME,
                    f"{change.path}: the public {name} {how}.",
                    "Keep every public name and signature as it was.",
                    evidence={
                        "path": change.path,
                        "name": name,
                        "before": before[name],
                        "after": after.get(name),
                    },
                )
    return None


def _is_generated(name: str, before: str, change: Change) -> bool:
    """True for a constructor that a decorator makes now, with the same parameters in the same order."""
    holder, _, own = name.rpartition(".")
    made = next((one for one in ast.walk(ast.parse(change.after or "")) if _makes_itself(one, holder)), None)
    if own != "__init__" or made is None:
        return False
    marked = [one for one in made.body if isinstance(one, ast.AnnAssign)]
    fields = [(ast.unparse(one.target), ast.unparse(one.value) if one.value else "") for one in marked]
    function = ast.parse(f"{before.split('(')[0].strip()} f({before.split('(', 1)[1]}: pass").body[0]
    if not isinstance(function, ast.FunctionDef):
        return False
    names, defaults = function.args.args[1:], [ast.unparse(one) for one in function.args.defaults]
    told = [""] * (len(names) - len(defaults)) + defaults
    return fields == [(one.arg, default) for one, default in zip(names, told, strict=False)]


def _makes_itself(node: ast.AST, name: str) -> "TypeGuard[ast.ClassDef]":
    makers = {"dataclass", "define", "frozen", "mutable", "attrs", "s"}
    return (
        isinstance(node, ast.ClassDef)
        and node.name == name
        and any(ast.unparse(one).split("(")[0].split(".")[-1] in makers for one in node.decorator_list)
    )


def _details(changed: list[Change]) -> GateResult | None:
    """A function in which only an operator or a number is another one does something else, and so does one
    that asks something else of its inputs."""
    for change in changed:
        before = all_functions(ast.parse(change.before or ""))
        for name, node in all_functions(ast.parse(change.after or "")).items():
            if name in before and differs_in_a_detail(before[name], node):
                return failed(
                    NAME,
                    f"{change.path}: in {name} only operators or numbers differ, so it does something else.",
                    "Keep what the code does; change how it is built.",
                    evidence={"path": change.path, "function": name},
                )
            otherwise = asks_otherwise(before[name], node) if name in before else ""
            if otherwise:
                return failed(
                    NAME,
                    f"{change.path}: {name} {otherwise}.",
                    "Ask what was asked before; change how the code is built.",
                    evidence={"path": change.path, "function": name},
                )
    return None


def _answers(room: CleanRoom) -> GateResult | None:
    """Calls like those of the tests get the answers that base gives."""
    files = [one for one in room.changes if one.path.endswith(".py") and one.before and one.after]
    found = next(filter(None, (observed_difference(room, one) for one in files)), "")
    if not found:
        return None
    hint = "Keep every answer as it was, also for inputs that no test has."
    return failed(NAME, f"The behaviour is changed: {found}.", hint, evidence={"difference": found})


def _values(room: CleanRoom, changed: list[Change]) -> GateResult | None:
    """What is written down beside the functions (tables, patterns, limits) has the same value as on base."""
    for change in changed:
        if change.before is None or change.after is None or _same_statements(change):
            continue
        before, after = (plain_values(room, tree, change.path) for tree in (room.base, room.patched))
        if before is None or after is None:
            message = f"{change.path} cannot be imported alone, so what it writes down cannot be compared."
            return not_measurable(NAME, message)
        for name in sorted(before.keys() & after.keys()):
            if before[name] != after[name]:
                was, now = before[name][:60], after[name][:60]
                return failed(
                    NAME,
                    f"{change.path}: the value of {name} was {was} and is {now}.",
                    "Keep every value as it was.",
                    evidence={"path": change.path, "name": name},
                )
    return None


def _same_statements(change: Change) -> bool:
    """True where nothing but functions and imports differs."""
    old, new = _statements(ast.parse(change.before or "")), _statements(ast.parse(change.after or ""))
    return old == new


def _statements(tree: ast.Module | ast.ClassDef) -> list[str]:
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found += [node.name, *_statements(node)]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom):
            found.append(ast.dump(node))
    return found


def _worse(room: CleanRoom, changed: list[Change]) -> GateResult | None:
    before = measure([one.before for one in changed if one.before is not None])
    after = measure([one.after for one in changed if one.after is not None])
    room.memory["measures"] = (before, after)
    told = {"before": asdict(before), "after": asdict(after)}
    worse = what_got_worse(before, after)
    if worse:
        return failed(
            NAME,
            f"The code got worse: {worse}.",
            "Make it simpler, smaller or less repetitive.",
            evidence=told,
        )
    return None


def _vouched(room: CleanRoom, examination: Examination, changed: list[Change]) -> GateResult:
    """Every statement that was changed is run by the suite, and it would notice small faults in them.

    Functions that do the same by the rules of `same_code` need nobody to vouch for them.
    """
    there = [change for change in changed if change.after is not None]
    untried = next(filter(None, (_untried(room, examination, change) for change in there)), None)
    if untried is not None:
        return untried
    noticed = [one for one in (faults_noticed(room, examination, change) for change in there) if one]
    if not noticed and any(changed_functions(one) for one in changed):
        return not_measurable(
            NAME, "No fault could be tried in the changed code; nothing shows that it still does the same."
        )
    share = min((one.share for one in noticed), default=1.0)
    if share < LEAST_NOTICED:
        return not_measurable(
            NAME,
            f"The suite notices only {share:.0%} of small faults in the changed code, so its "
            f"passing shows little.",
            "Write tests for it first.",
            survivors=[name for one in noticed for name in one.survivors][:20],
        )
    return _kept(room, share if noticed else None)


def _untried(room: CleanRoom, examination: Examination, change: Change) -> GateResult | None:
    """Lines that the change takes away or brings, and that no test runs."""
    found = lines_gone(room, examination, change)
    if found:
        name, lines = found[0]
        told = (
            f"{counted(len(lines), 'line')} of {name} in {change.path} that the change takes away (from line "
            f"{lines[0]} of base on), so nothing shows that nobody needs them."
        )
    elif found := lines_not_run(room, examination, change):
        name, lines = found[0]
        told = (
            f"{counted(len(lines), 'changed line')} of {name} in {change.path} (from line {lines[0]} on), so "
            f"nothing shows that it still does the same."
        )
    else:
        return None
    return not_measurable(
        NAME,
        f"No test runs {told}",
        "Leave code alone that no test runs, or have tests written for it first.",
        functions=[name for name, _ in found][:20],
    )


def _kept(room: CleanRoom, share: float | None) -> GateResult:
    """It does the same: the suite notices that share of faults, or (None) the form of the code says so."""
    before, after = room.memory["measures"]
    better = what_got_better(before, after)
    vouched = (
        "what is changed does the same on every input by its form"
        if share is None
        else f"the suite, which passes, notices {share:.0%} of small faults in the changed code"
    )
    noticed = 1.0 if share is None else share
    return passed(
        NAME,
        f"The public face is unchanged, {better or 'no measure is worse'}, and {vouched}.",
        strength=(0.75 if better else 0.6) + 0.25 * noticed,
        measures=json.loads(json.dumps({"before": asdict(before), "after": asdict(after)})),
        noticed=noticed,
    )
