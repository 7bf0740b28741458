"""Assertions: before anything runs, it reads that every new test has a check that can fail, and that none
repeats the code."""

import re
from collections.abc import Sequence

from nightcrew.task import TaskType
from nightcrew.validation.gate import Gate, counted, failed, passed
from nightcrew.validation.reading.checks import TestFunction
from nightcrew.validation.reading.idle_tests import idle_test, only_sizes, replaced_target
from nightcrew.validation.reading.smells import (
    copies_of_implementation,
    long_sleep,
    new_test_functions,
    unsteady_check,
)
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import GateResult

NAME = "assertions"
MOST_UNCHECKED = 0.34
_SAYS_SO = re.compile(r"raise |True$|\w[\w.]*\(True\)$")
"""Checks that only mark a place: nobody believes that they could fail."""


class Assertions(Gate):
    """Reads what the new tests claim to check; the controls and the mutants find out whether they do."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Refuses tests without a check and copied implementations; else passes."""
        tests = new_test_functions(room)
        problem = _unchecked(room, tests) or _misused(room) or _replacing(room)
        if problem is not None:
            return problem
        checks = sum(test.count for test in tests)
        message = (
            f"{counted(len(tests), 'new or changed test')} with {counted(checks, 'check')} that can fail."
            if tests
            else "No new tests."
        )
        return passed(NAME, message, tests=len(tests), checks=checks)


# ------------------------------------------------------------------------------------------------------


def _unchecked(room: CleanRoom, tests: Sequence[TestFunction]) -> GateResult | None:
    """A result where too many tests lack a check that can fail."""
    unchecked = [test for test in tests if test.count == 0]
    if room.task.task_type in {TaskType.BUG_FIX, TaskType.CODE_GENERATION}:
        # A test that fails on base and passes with the change shows its purpose; a check that cannot
        # fail does not.
        unchecked = [test for test in unchecked if test.empty]
    one_of_two = len(unchecked) == 1 < len(tests)  # some tests only check that the code does not raise
    if tests and len(unchecked) / len(tests) > MOST_UNCHECKED and not one_of_two:
        empty = next((one for test in unchecked for one in test.empty), "")
        what = f"; {empty!r} cannot fail" if empty else ""
        return failed(
            NAME,
            f"{len(unchecked)} of {len(tests)} new tests have no assertion that can fail{what}.",
            "Assert the exact value that the code should give for each input, in every test.",
            evidence={"unchecked": [test.name for test in unchecked][:20]},
        )
    hollow = [(test.name, one) for test in tests for one in test.empty if not _SAYS_SO.match(one)]
    if hollow and room.task.task_type is TaskType.UNIT_TEST:
        name, check = hollow[0]
        hint = (
            "Let each check fail where the code gives something else; compare values, and catch no failure."
        )
        return failed(NAME, f"{name}: {check!r} cannot fail.", hint)
    return None


def _misused(room: CleanRoom) -> GateResult | None:
    """Tests that repeat the code, check nothing useful, depend on chance, or wait."""
    found = ((look(room), hint) for look, hint in _MISUSES.items())
    return next((failed(NAME, f"{what}.", hint) for what, hint in found if what), None)


def _replacing(room: CleanRoom) -> GateResult | None:
    """A result where tests of a file replace what is in it, or look only at sizes; beside a fix, they fail
    without the fix."""
    if room.task.task_type is not TaskType.UNIT_TEST:
        return None
    replaced, sized = replaced_target(room), only_sizes(room)
    hint = "Call the real code; replace only what is outside of it (the network, the clock)."
    if not replaced:
        hint = "Compare what the code gives with the whole value that it should give."
    return failed(NAME, f"{replaced or sized}.", hint) if replaced or sized else None


_MISUSES = {
    copies_of_implementation: "Write expected values by hand; do not repeat the code under test.",
    idle_test: "Let each test call the code with an input of its own and check its result.",
    unsteady_check: "Check what the code gives for its inputs; nothing else is the same on every run.",
    long_sleep: "Do not wait for time to pass; give the code the time it should see.",
}
"""What finds a misuse in the new tests, in words, with a hint for the next attempt."""
