"""Behaviour: tests that passed on base still pass; a bug fix adds a test that fails on base for the right
reason."""

from nightcrew.task import TaskType
from nightcrew.validation.faults.reproducer import judge_reproducer
from nightcrew.validation.gate import Gate, failed, not_measurable, passed
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine
from nightcrew.validation.running.old_tests import (
    by_chance,
    has_other_id,
    rewritten_tests,
    unreliable_on_base,
)
from nightcrew.validation.running.run_results import GOOD, TestOutcome
from nightcrew.validation.verdict import GateResult

NAME = "behaviour"


class Behaviour(Gate):
    """Runs the existing suite before and after the change, and the reproducer of a bug fix."""

    name = NAME
    types = frozenset(TaskType) - {TaskType.ANALYSIS}

    def run(self, room: CleanRoom) -> GateResult:
        """Compares base with the patched tree."""
        examination = examine(room)
        if examination.readers == ():
            return passed(NAME, "No test reads what the change edits, so that none ran.", kept=0)
        base = examination.base
        # Another gate compares the code without its docstrings, which proves more than a suite does.
        if room.task.task_type is TaskType.DOCUMENTATION and (base.problem or examination.too_slow):
            return passed(NAME, "The suite cannot be run here; that the code is unchanged is read from it.")
        if base.problem:
            return not_measurable(
                NAME,
                f"The existing suite cannot be run on base: {base.problem}.",
                "See that `test` in nightcrew.toml names the tests and `setup` installs what they need; "
                "what only runs elsewhere has to be judged by a person.",
            )
        if examination.too_slow:
            return not_measurable(NAME, examination.too_slow)
        if examination.patched.problem:
            message = f"With the change the suite cannot be run: {examination.patched.problem}."
            return failed(NAME, message, "Make sure that the whole suite runs to its end.")
        broken = _newly_broken(room, examination)
        if broken:
            nodeid, why = broken[0]
            return failed(
                NAME,
                f"Tests that passed on base or are new and do not pass with the change: {len(broken)}, the "
                f"first is {nodeid}: {why}",
                "Every test that passed before has to pass still: change the code, not the tests.",
                evidence={"broken": [list(one) for one in broken[:20]]},
            )
        kept = sum(outcome in GOOD for outcome in examination.base_outcomes.values())
        if room.task.task_type is TaskType.BUG_FIX:
            return judge_reproducer(room, examination, kept)
        return _kept(room, examination, kept)


def _kept(room: CleanRoom, examination: Examination, kept: int) -> GateResult:
    selected = "all" if examination.selected is None else f"{len(examination.selected)} that reach the change"
    product = [one.path for one in room.changes if one.path in examination.product_files]
    if room.task.task_type is TaskType.REFACTORING and kept == 0:
        return not_measurable(
            NAME, "There is no passing test on base that could show that behaviour is kept."
        )
    whose = "" if examination.readers is None else " and may read what the change edits"
    return passed(
        NAME,
        f"All {kept} tests that pass on base{whose} still do.",
        kept=kept,
        selected=selected,
        product=product,
    )


def _newly_broken(room: CleanRoom, examination: Examination) -> list[tuple[str, str]]:
    """Tests that passed on base and now fail, without those that sometimes fail on base too."""
    after = examination.patched.run("all")
    before = examination.base_outcomes
    considered = set(before) if examination.selected is None else set(examination.selected)
    rewritten = rewritten_tests(examination)
    broken: list[tuple[str, str]] = []
    for nodeid in sorted(considered):
        test = after.tests.get(nodeid)
        if before[nodeid] not in GOOD or (test is not None and test.outcome in GOOD):
            continue
        # A test that the change may rewrite is judged by its successor.
        if test is None and (nodeid in rewritten or has_other_id(nodeid, before, after.tests)):
            continue
        why = "it is not run any more" if test is None else f"{test.outcome} {test.message}".strip()
        broken.append((nodeid, why))
    broken += [(test.nodeid, test.message) for test in after.failed if _is_new_example(examination, test)]
    return _steadily(room, examination, broken) if after.done else broken


def _steadily(
    room: CleanRoom, examination: Examination, broken: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Those of the broken tests that neither pass when the suite runs with the change again, nor sometimes
    fail on base, nor now fail and now pass. Repeating costs runs, so that it is only done where something
    would be refused."""
    if broken:
        again = {name for name, test in examination.patched_again.tests.items() if test.outcome in GOOD}
        broken = [one for one in broken if one[0] not in again]
    if broken:
        unreliable = unreliable_on_base(room, [nodeid for nodeid, _ in broken])
        broken = [one for one in broken if one[0] not in unreliable]
    if broken:
        chance = by_chance(room, [nodeid for nodeid, _ in broken])
        broken = [one for one in broken if one[0] not in chance]
    return broken


def _is_new_example(examination: Examination, test: TestOutcome) -> bool:
    """True for a new docstring example, where the repository's own suite runs such examples."""
    path = test.nodeid.split("::")[0]
    return path in examination.product_files and test.nodeid not in examination.base_outcomes
