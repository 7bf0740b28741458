"""*Empowered?* once more: what the product did while the suite ran with the change.

Python's audit events show it through any library and any indirection. An event counts where a line of the
change is on its call stack. What the file could do on base, or did there, is not reported.
"""

from collections.abc import Iterator

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change, changed_lines
from nightcrew.validation.gate import JUDGED_TESTS, Gate, answered, not_measurable
from nightcrew.validation.questions.empowered import QUESTION, BasePowers, is_asked_for, line_of
from nightcrew.validation.questions.powers import Power, Use
from nightcrew.validation.questions.repository import repository_of
from nightcrew.validation.questions.request import Request
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine
from nightcrew.validation.running.run_results import Frame, Seen
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "watched"
_HELD_BACK = {Power.NETWORK, Power.PROCESS, Power.DELETE, Power.NATIVE, Power.UNSAFE_DATA, Power.CREDENTIALS}
"""Powers that count even where a helper of the product that had them before uses them for the change."""


class Watched(Gate):
    """Finds what the change does although the task does not ask for it."""

    name = NAME
    types = JUDGED_TESTS | {TaskType.REFACTORING}

    def run(self, room: CleanRoom) -> GateResult:
        """Reports every new power and the line of the change that leads to it; passes where there is none."""
        examination = examine(room)
        if examination.base.problem or examination.patched.problem:
            return not_measurable(NAME, "The tests cannot be run, so nothing is seen of what the code does.")
        return answered(
            NAME,
            tuple(_powers(room, examination)),
            nothing="While the suite ran, the change did nothing that its files did not do before.",
            opening="Nobody asked for this, and base does not do it",
            question=QUESTION,
        )


# ------------------------------------------------------------------------------------------------------


def _powers(room: CleanRoom, examination: Examination) -> Iterator[Finding]:
    """The first line of each new power of each file."""
    base, request = BasePowers(room.once(repository_of)), Request(room.task.description)
    before = {
        (frame.path, seen.power) for seen in examination.base.run("all").powers for frame in seen.frames
    }
    changes = {one.path: one for one in room.changes if not room.is_test(one.path)}
    lines = {path: changed_lines(one.before or "", one.after) for path, one in changes.items() if one.after}
    reported: set[tuple[str, Power]] = set()
    for seen in examination.patched.run("all").powers:
        frame = next((one for one in seen.frames if one.line in lines.get(one.path, ())), None)
        power = Power[seen.power.upper()]
        if frame is None or (frame.path, power) in reported or (frame.path, seen.power) in before:
            continue
        if base.could(changes[frame.path], power) or _is_a_helpers(seen, frame, power, base):
            continue
        use = Use(power, seen.what, frame.line)
        if not is_asked_for(use, request):
            reported.add((frame.path, power))
            yield _finding(use, changes[frame.path])


def _is_a_helpers(seen: Seen, frame: Frame, power: Power, base: BasePowers) -> bool:
    """True for a minor power that another file of the product uses and had before."""
    last = seen.frames[0].path
    text = base.repository.base.python.get(last)
    known = Change(last, text, text)
    return last != frame.path and power not in _HELD_BACK and text is not None and base.could(known, power)


def _finding(use: Use, change: Change) -> Finding:
    what, line = f"it was seen to {use.power} ({use.what})", line_of(change.after or "", use.line)
    return Finding(what, change.path, use.line, after=line, severity=Severity.PERSON)
