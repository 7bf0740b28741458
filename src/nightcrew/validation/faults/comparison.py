"""Base and the change compared: the calls that tests make, and similar calls, run on both.

The calls are recorded with the change, stored as opaque text, and repeated in the sandbox on both trees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nightcrew.execution.sandbox import WORKSPACE
from nightcrew.untrusted import read_json
from nightcrew.validation.answers import NO_ANSWERS, Answer, Compared, verb
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_prose
from nightcrew.validation.faults.blind_controls import HASH_SEED, holds_sets
from nightcrew.validation.faults.target import files_of
from nightcrew.validation.reading.form import bodies
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import Function, all_functions, read
from nightcrew.validation.rig.protocol import Experiment, Made, Recorded, Replay
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.run_results import RecordedCall
from nightcrew.validation.running.runs import CLOCK, Session, run_rig, run_sessions

MOST_TESTS = 150
SECONDS = 1200.0
SECONDS_ON_BASE, SECONDS_WITH_CHANGE = 0.25, 2.5  # of CPU a call: the change may take ten times as long


@dataclass(frozen=True, slots=True)
class Side:
    """The results of one tree."""

    answers: Sequence[Sequence[Made]]  # of each call
    values: Mapping[str, Mapping[str, str] | None]  # of names, by module; None: it does not import
    lines: Mapping[str, frozenset[int]]  # run by the calls, by path


@dataclass(frozen=True, slots=True)
class Comparison:
    """Base's and the change's results for the same calls."""

    calls: tuple[Compared, ...] = ()
    base: Side = field(default_factory=lambda: Side((), {}, {}))
    changed: Side = field(default_factory=lambda: Side((), {}, {}))
    problem: str = ""  # why one of them has no results
    by_chance: str = ""  # a call of which the order of hashes newly decides the result, as a sentence


def compare(
    room: CleanRoom,
    examination: Examination,
    tests: Sequence[str],
    *,
    literals: Sequence[str] = (),
    constants: Sequence[str] = (),
    modules: Sequence[str] = (),
    measures: bool = False,
    only_made: bool = False,
) -> Comparison:
    """The results of base and the change for the calls that these tests make; the first tests come first.

    `literals`: values in Python's notation; calls that contain one are also made with another value instead.
    `constants`: values that arguments of their type also get. `modules`: their plain values are compared.
    `measures`: it also notes which lines run. `only_made`: no similar calls are made.
    """
    calls, problem = _recorded(room, examination, tests)
    if problem or not (calls or modules):
        return Comparison(problem=problem)
    wanted = [0] if only_made else None
    job = Replay(
        workspace=WORKSPACE,
        paths=room.python_paths,
        calls=[Recorded(one.module, one.name, one.kept, wanted, one.marks) for one in calls],
        literals=literals,
        constants=constants,
        modules=modules,
        clock=CLOCK,
        measured=[f"{WORKSPACE}/{one.path}" for one in _python(room)] if measures else [],
        seconds_of_a_call=SECONDS_ON_BASE,
        functions={} if measures else _base_functions(room),
    )
    before = _replayed(room, room.base, job)
    after = _with_change(room, job, before) if before is not None else None
    if before is None or after is None:
        where = "on base" if before is None else "with the change"
        return Comparison(problem=f"the calls of the tests could not be made again {where}")
    answers = zip(calls, before.answers, after.answers, strict=False)
    again = _with_change(room, job, before, HASH_SEED) if any(map(_brings_sets, _python(room))) else None
    by_chance = _by_chance(after, again, calls) if again is not None else {}
    compared = tuple(_compared(call, *both) for call, *both in answers)
    fresh = _fresh(room, job, calls, before, after, by_chance) if by_chance else ""
    return Comparison(compared, before, after, by_chance=fresh)


# ---------------------------------------------------------------------------------------------------------


def _recorded(
    room: CleanRoom, examination: Examination, tests: Sequence[str]
) -> tuple[Sequence[RecordedCall], str]:
    """The calls that tests make with the change, or the reason why they are not known."""
    if not tests:
        return [], ""
    spans = {f"{WORKSPACE}/{one.path}": _changed_spans(one) for one in _python(room)}
    one = Experiment("calls", SECONDS, items=tests[:MOST_TESTS], record=spans)
    session = Session([one], paths=files_of(tuple(tests[:MOST_TESTS])), seconds=SECONDS + 60)
    (result,) = run_sessions(room, room.patched, [session], test_files=examination.all_test_files)
    run = result.run("calls")
    if not run.done:
        return [], "the tests ended before their calls were recorded"
    return run.calls, ""


def _python(room: CleanRoom) -> list[Change]:
    return [one for one in room.changes if one.path.endswith(".py")]


def _brings_sets(change: Change) -> bool:
    """True where a changed function newly makes a set whose order could matter."""
    old = all_functions(read(change.before))
    changed = changed_functions(change.before, change.after).items()
    return any(holds_sets(node) and not (name in old and holds_sets(old[name])) for name, node in changed)


def _by_chance(once: Side, again: Side, calls: Sequence[RecordedCall]) -> dict[tuple[int, int], str]:
    """Sentences on calls that other hashes give another result, but for `__hash__` itself, by their place."""
    return {
        (at, index): f"{one.call} {verb(one.result)}, and with other hashes it {verb(other.result)}"
        for at, (first, second) in enumerate(zip(once.answers, again.answers, strict=False))
        for index, (one, other) in enumerate(zip(first, second, strict=False))
        if one.result != other.result and not {one.result, other.result} & NO_ANSWERS
        if not calls[at].name.endswith("__hash__")
    }


def _fresh(
    room: CleanRoom,
    job: Replay,
    calls: Sequence[RecordedCall],
    before: Side,
    after: Side,
    by_chance: Mapping[tuple[int, int], str],
) -> str:
    """The first of these sentences that is true only since the change: not of a function that base's hashes
    decide too, nor of one that gives another result with the same hashes, as addresses differ each time."""
    functions = {calls[at].name for at, _ in by_chance}
    wanted = [at for at, call in enumerate(calls) if call.name in functions]
    job = replace(job, calls=[job.calls[at] for at in wanted])
    some = [calls[at] for at in wanted]
    on_base = Side([before.answers[at] for at in wanted], {}, {})
    changed = Side([after.answers[at] for at in wanted], {}, {})
    sides = (on_base, _replayed(room, room.base, job, HASH_SEED)), (changed, _with_change(room, job, on_base))
    again = (_by_chance(once, other, some) for once, other in sides if other is not None)
    known = {some[at].name for one in again for at, _ in one}
    return next((words for (at, _), words in by_chance.items() if calls[at].name not in known), "")


def _replayed(room: CleanRoom, tree: Path, job: Replay, hash_seed: int = 0) -> Side | None:
    """The results of one tree; None where the rig gives none, or not one for every call."""
    env = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "0", "PYTHONHASHSEED": str(hash_seed)}
    done = run_rig(room, tree, "replay", job, seconds=SECONDS, env=env)
    try:
        output = read_json(done.stdout)
        lines = {
            path.removeprefix(f"{WORKSPACE}/"): frozenset(map(int, held))
            for path, held in output["lines"].items()
        }
        side = Side(
            [[Made(*one) for one in some] for some in output["answers"]], dict(output["values"]), lines
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return side if len(side.answers) == len(job.calls) else None


def _base_functions(room: CleanRoom) -> dict[str, list[list[int]]]:
    """First and last lines, by file, of the functions of base that the change edits; empty where it may also
    reach code that runs none of them."""
    found: dict[str, list[list[int]]] = {}
    for one in room.changes:
        both = bodies(one.before, one.after) if one.path.endswith(".py") else None
        if both is not None:
            found[f"{WORKSPACE}/{one.path}"] = [_span(body.old) for body in both if body.is_edited]
        elif not (room.is_test(one.path) or is_prose(one)):
            return {}
    return found


def _with_change(room: CleanRoom, job: Replay, base: Side, hash_seed: int = 0) -> Side | None:
    """The results with the change. An answer that ran no edited function on base is the same here, and one
    that base does not give shows nothing: what does not end there may take ten times as long here."""
    wanted = [
        [at for at, one in enumerate(some) if one.entered is not False and one.result not in NO_ANSWERS]
        for some in base.answers
    ]
    calls = [replace(one, wanted=some) for one, some in zip(job.calls, wanted, strict=True) if some]
    job = replace(job, calls=calls, functions={}, seconds_of_a_call=SECONDS_WITH_CHANGE)
    side = _replayed(room, room.patched, job, hash_seed)
    if side is None:
        return None
    made = iter(side.answers)
    both = zip(base.answers, wanted, strict=True)
    answers = [_merged(old, some, next(made) if some else ()) for old, some in both]
    return replace(side, answers=answers)


def _merged(base: Sequence[Made], wanted: Sequence[int], made: Sequence[Made]) -> list[Made]:
    """A call's answers: those that were wanted as they were made, the others as on base."""
    return [
        made[at] if at in wanted else one for at, one in enumerate(base) if at < len(made) or at not in wanted
    ]


def _compared(call: RecordedCall, before: Sequence[Made], after: Sequence[Made]) -> Compared:
    both = zip(before, after, strict=False)
    answers = [
        Answer(
            str(new.call),
            str(old.result),
            str(new.result),
            str(new.without),
            (float(old.growth), float(new.growth)),
            bool(new.twin),
        )
        for old, new in both
    ]
    answers = [one if one.call else Answer("", "", "") for one in answers] or [Answer("", "", "")]
    unique = {
        (one.call, one.without, one.before, one.after): one
        for one in answers[1:]
        if one.call != answers[0].call
    }
    return Compared(call.name, answers[0], call.tests, tuple(unique.values()))


def _changed_spans(change: Change) -> list[list[int]]:
    """First and last lines of the functions that the change touches, in the new text."""
    return [_span(node) for node in changed_functions(change.before, change.after).values()]


def _span(node: Function) -> list[int]:
    return [min([node.lineno, *(one.lineno for one in node.decorator_list)]), node.end_lineno or node.lineno]
