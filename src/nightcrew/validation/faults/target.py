"""The file that gates break on purpose, and the tests that must notice it."""

from typing import NamedTuple

from nightcrew.task import TaskType
from nightcrew.validation.gate import not_measurable, passed
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine, name_of
from nightcrew.validation.verdict import GateResult

MOST_NAMED = 300  # tests that one command line names


class Target(NamedTuple):
    """A Python file of the patched tree, and its text."""

    path: str
    source: str


def target_or_result(room: CleanRoom, gate: str) -> Target | GateResult:
    """What to break; or the gate's result where there is nothing to break."""
    if room.task.task_type is TaskType.CODE_GENERATION and not examine(room).new_tests.items:
        return passed(gate, "The change brings no tests of its own.")
    path = _most_changed(room)
    source = room.source(path) if path else None
    if path is None or source is None or parse(source) is None:
        return not_measurable(gate, "There is no Python target to try the tests on.")
    examination = examine(room)
    if examination.base.problem or not judged_tests(examination):
        return not_measurable(gate, "There are no tests that can be run here, so none can be tried.")
    if examination.too_slow:
        return not_measurable(gate, examination.too_slow)
    return Target(path, source)


def left_to_command(room: CleanRoom, gate: str, path: str) -> GateResult | None:
    """The result for new code in which no fault can be put, because it only holds values or runs in programs
    that tests start: the task's own command decides. None where there is no such command."""
    if room.task.task_type is not TaskType.CODE_GENERATION or room.task.acceptance is None:
        return None
    return passed(gate, f"No fault can be put into {path}; the acceptance command has to show what it does.")


def _most_changed(room: CleanRoom) -> str | None:
    """The task's target, or the largest product file that the patch changes.

    Where a change edits several files, the tests may be about another one of them: the one of which they
    run most.
    """
    if room.target is not None and room.target.endswith(".py"):
        other = room.task.task_type is not TaskType.UNIT_TEST and _most_reached(room, room.target)
        return other or room.target
    files = [one for one in examine(room).product_files if room.source(one) is not None]
    return max(files, key=lambda path: (len(room.source(path) or ""), path), default=None)


def _most_reached(room: CleanRoom, target: str) -> str:
    """The changed file of which the judged tests run most; empty where they run the target."""
    examination = examine(room)
    if examination.base.problem or examination.patched.problem:
        return ""
    run, judged = examination.patched.run("all"), judged_tests(examination)
    changed = [one.path for one in room.changes if one.path in examination.product_files]
    covered = {path: examination.coverage(run, path).by_test for path in (target, *changed)}
    reached = {
        path: len({line for name in judged for line in by_test.get(name, ())})
        for path, by_test in covered.items()
    }
    return (
        ""
        if reached[target]
        else max((path for path in reached if reached[path]), key=reached.__getitem__, default="")
    )


def judged_tests(examination: Examination) -> tuple[str, ...]:
    """The judged tests: the new ones, and changed ones that reproduce a bug."""
    extra = examination.room.measured.reproducers
    return tuple(dict.fromkeys([*examination.new_tests.nodeids, *extra]))


def arguments_of(nodeids: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments for a plain run of these tests: their functions, or their files if those are too many."""
    names = tuple(dict.fromkeys(map(name_of, nodeids)))
    return names if len(names) <= MOST_NAMED else files_of(nodeids)


def files_of(nodeids: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted paths of the files that these tests are in."""
    return tuple(sorted({nodeid.split("::")[0] for nodeid in nodeids}))
