"""Refactoring: the public face stays, the code gets no worse, and the suite would have noticed a change
in what it does."""

import ast
import json
from dataclasses import asdict

from nightcrew.task import Task, TaskCategory
from nightcrew.validation.clean_room import CleanRoom
from nightcrew.validation.docstrings import without_docstrings
from nightcrew.validation.examination import Examination, examine
from nightcrew.validation.gate import failed, not_measurable, passed
from nightcrew.validation.gates.mutation import rates, survivors, try_mutants
from nightcrew.validation.measures import Measures, measure, public_face
from nightcrew.validation.mutants import make_mutants, sample
from nightcrew.validation.patch import Change
from nightcrew.validation.suite import all_functions, parse
from nightcrew.validation.verdict import GateResult

NAME = "refactoring"
MUTANTS = 30
LEAST_NOTICED = 0.3
SIZE_SLACK = (1.35, 12)  # factor and lines: extracting functions costs a few


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
        return _face(changed) or _worse(room, changed) or _vouched(room, examine(room), changed)


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
            if before[name] != after.get(name):
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


def _worse(room: CleanRoom, changed: list[Change]) -> GateResult | None:
    before = measure([one.before for one in changed if one.before is not None])
    after = measure([one.after for one in changed if one.after is not None])
    room.memory["measures"] = (before, after)
    told = {"before": asdict(before), "after": asdict(after)}
    worse = _what_got_worse(before, after)
    if worse:
        return failed(
            NAME,
            f"The code got worse: {worse}.",
            "Make it simpler, smaller or less repetitive.",
            evidence=told,
        )
    return None


def _what_got_worse(before: Measures, after: Measures) -> str:
    factor, slack = SIZE_SLACK
    if after.complexity_worst > before.complexity_worst:
        return (
            f"the most complex function went from {before.complexity_worst} to {after.complexity_worst} paths"
        )
    if after.complexity_mean > before.complexity_mean + 0.5:
        return (
            f"functions have {after.complexity_mean:.1f} paths each instead of {before.complexity_mean:.1f}"
        )
    if after.statements > factor * before.statements + slack:
        return f"it grew from {before.statements} to {after.statements} statements"
    if after.duplicated > before.duplicated:
        return f"{after.duplicated} statements are repeated instead of {before.duplicated}"
    return ""


def _vouched(room: CleanRoom, examination: Examination, changed: list[Change]) -> GateResult:
    """The suite runs what was changed, and would notice small faults in it."""
    run = examination.patched.run("all")
    noticed: list[float] = []
    left: list[str] = []
    for change in changed:
        if change.after is None:
            continue
        functions = _changed_functions(change)
        covered = examination.coverage(run, change.path)
        base = examination.base.run("all").coverage.get(change.path)
        reached = {name for name, lines in functions.items() if lines & covered.lines}
        missing = sorted(set(functions) - reached)
        was_run = base is not None and bool(base.lines)
        if missing and (len(missing) > len(functions) / 2 or not was_run):
            return not_measurable(
                NAME,
                f"No test runs {missing[0]} in {change.path}, so nothing shows that it still does the same.",
                "Write tests for it first.",
                functions=missing[:20],
            )
        lines = {line for span in functions.values() for line in span}
        mutants = tuple(
            one
            for one in make_mutants(change.after)
            if one.function and covered.lines & lines & {one.line, one.statement}
        )
        chosen = sample(change.after, mutants, MUTANTS, seed=f"{room.commit}:{change.path}")
        tests = tuple(test.nodeid for test in run.tests.values() if not test.failed)
        trials = (
            try_mutants(room, examination, change.path, change.after, chosen, covered, tests=tests)
            if chosen
            else []
        )
        if trials:
            noticed.append(rates(trials).killed)
            left += survivors(trials)
    if not noticed:
        return not_measurable(
            NAME, "No fault could be tried in the changed code; nothing shows that it still does the same."
        )
    share = min(noticed)
    if share < LEAST_NOTICED:
        return not_measurable(
            NAME,
            f"The suite notices only {share:.0%} of small faults in the changed code, so its "
            f"passing shows little.",
            "Write tests for it first.",
            survivors=left[:20],
        )
    before, after = room.memory["measures"]
    better = _what_got_better(before, after)
    return passed(
        NAME,
        f"The public face is unchanged, {better or 'no measure is worse'}, and the suite, which "
        f"passes, notices "
        f"{share:.0%} of small faults in the changed code.",
        strength=(0.75 if better else 0.6) + 0.25 * share,
        measures=json.loads(json.dumps({"before": asdict(before), "after": asdict(after)})),
        noticed=share,
    )


def _changed_functions(change: Change) -> dict[str, set[int]]:
    """Functions whose code differs from base's, with the lines of their bodies."""
    old, new = parse(change.before or ""), ast.parse(change.after or "")
    before = {name: ast.dump(node) for name, node in all_functions(old).items()} if old is not None else {}
    return {
        name: set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
        for name, node in all_functions(new).items()
        if before.get(name) != ast.dump(node)
    }


def _what_got_better(before: Measures, after: Measures) -> str:
    if after.complexity_worst < before.complexity_worst:
        return (
            f"the most complex function has {after.complexity_worst} paths instead of "
            f"{before.complexity_worst}"
        )
    if after.duplicated < before.duplicated:
        return f"{before.duplicated - after.duplicated} fewer statements are repeated"
    if after.statements < before.statements:
        return f"it is {before.statements - after.statements} statements shorter"
    if after.complexity_mean < before.complexity_mean:
        return (
            f"functions have {after.complexity_mean:.1f} paths each instead of {before.complexity_mean:.1f}"
        )
    return ""
