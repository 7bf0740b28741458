"""Existing tests that the change edits: the old version must pass on the new code, or a person decides."""

from collections.abc import Sequence
from dataclasses import replace

from nightcrew.task import TaskType
from nightcrew.validation.gate import Gate, answered
from nightcrew.validation.reading.edited_tests import EditKind, TestEdit, edited_tests
from nightcrew.validation.reading.grown_lists import grown_lists
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import examine, name_of
from nightcrew.validation.running.old_tests import OldTests
from nightcrew.validation.running.run_results import GOOD
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "existing_tests"
_MOST_SHOWN = 4_000  # characters of a test's text


class ExistingTests(Gate):
    """An edit may add to a test. An edit that removes a check is refused; a person decides on one that
    reverses a check."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reads the edits, and runs the old tests where the text does not decide."""
        old = OldTests(room)
        edits = edited_tests([one for one in room.changes if room.is_test(one.path)])
        findings = [_finding(one, "") for one in edits if one.kind is EditKind.BLINDED]
        if old.edited and not findings:
            failing = {} if examine(room).base.problem else old.failing
            grown = grown_lists(room) if failing else frozenset()
            kept = {one: why for one, why in failing.items() if one.split("::")[0] not in grown}
            findings = _by_running(edits, kept, _failing_on_base(room, edits))
        return answered(
            NAME,
            findings,
            nothing="What existing tests demand still holds."
            if old.edited
            else "No existing test is edited.",
            opening="The change weakens existing tests"
            if any(one.severity is not Severity.PERSON for one in findings)
            else "Existing tests demand something else than they did",
            hint="Leave every existing test that passes as it is; add checks and tests beside them.",
            question="Did the old tests hold the bug as expected, or are they bent to fit the change?",
        )


# ------------------------------------------------------------------------------------------------------


def _failing_on_base(room: CleanRoom, edits: Sequence[TestEdit]) -> set[str]:
    """Edited tests, by pytest's name, that no run of base passes, where a task for tests alone edits them."""
    if room.task.task_type is not TaskType.UNIT_TEST or examine(room).base.problem:
        return set()
    outcomes = examine(room).base_outcomes
    passing = {name_of(one) for one, outcome in outcomes.items() if outcome in GOOD}
    return {_place(one) for one in edits} & {*map(name_of, outcomes)} - passing


def _by_running(edits: Sequence[TestEdit], failing: dict[str, str], wrong: set[str]) -> list[Finding]:
    """Results of the old tests on the new code; for those that pass, the checks that the new text removes.
    A person decides on tests that were `wrong` on base."""
    by_test = {_place(edit): edit for edit in edits}
    found = [_failing(test, why, by_test.get(test)) for test, why in _first_of_each(failing).items()]
    still = [one for one in edits if not _fails(one, failing)]
    for one in still:
        if one.kind is EditKind.WEAKER and _place(one) in wrong:
            found.append(replace(_finding(one, "and it fails on base"), severity=Severity.PERSON))
        elif one.kind is EditKind.WEAKER:
            found.append(_finding(one, "although its old version passes on the new code"))
    gone = [one for one in still if one.kind is EditKind.GONE]
    return found + [replace(_finding(one, ""), severity=Severity.PERSON) for one in gone]


def _place(edit: TestEdit) -> str:
    """The test's name in pytest's form."""
    return f"{edit.path}::{edit.name.replace('.', '::')}"


def _fails(edit: TestEdit, failing: dict[str, str]) -> bool:
    """True where the old version fails; for a table, where any test of its file fails."""
    own = edit.name.split(".")[-1].startswith("test")
    place = _place(edit) if own else f"{edit.path}::"
    return any(name_of(one) == place if own else one.startswith(place) for one in failing)


def _first_of_each(failing: dict[str, str]) -> dict[str, str]:
    """The first edit of each test, with its parameters ignored."""
    return {name_of(one): message for one, message in sorted(failing.items(), reverse=True)}


def _finding(edit: TestEdit, although: str) -> Finding:
    what = f"{edit.name}: {edit.why}"
    return Finding(
        f"{what}, {although}" if although else what,
        edit.path,
        before=edit.before[:_MOST_SHOWN],
        after=edit.after[:_MOST_SHOWN],
    )


def _failing(test: str, message: str, edit: TestEdit | None) -> Finding:
    path, _, name = test.partition("::")
    less = f", and in its new version {edit.why}" if edit is not None and edit.why else ""
    return Finding(
        f"{name.replace('::', '.')} as it was does not pass on the new code: {message[:200]}{less}",
        path,
        before=edit.before[:_MOST_SHOWN] if edit is not None else "",
        after=edit.after[:_MOST_SHOWN] if edit is not None else "",
        severity=Severity.PERSON,
    )
