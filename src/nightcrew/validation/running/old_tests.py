"""The existing tests as base has them, run on the new code: do their checks still pass?"""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from nightcrew.errors import Transient
from nightcrew.validation.change.additions import only_adds
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_test_module
from nightcrew.validation.reading.suite import read, tests_in
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine, name_of
from nightcrew.validation.running.reach import reached
from nightcrew.validation.running.run_results import GOOD, SessionResult, TestOutcome
from nightcrew.validation.running.runs import Session, run_sessions

REPEATS = 4


class OldTests:
    """Base's version of all test files, run on the changed product."""

    def __init__(self, room: CleanRoom) -> None:
        self.room, self.examination = room, examine(room)

    @cached_property
    def edited(self) -> tuple[Change, ...]:
        """Existing test files and helpers that the change edits, removes or moves, without those that only
        gain tests: the run with the change has shown how their old tests end."""
        return tuple(
            one
            for one in self.room.changes
            if one.before is not None and self.room.is_test(one.path) and not only_adds(one.before, one.after)
        )

    @cached_property
    def failing(self) -> dict[str, str]:
        """Tests that pass on base and whose old version fails on the new code, with its message there.

        Raises:
            Transient: base's suite cannot be run any more.
        """
        known = {name for name, outcome in self.examination.base_outcomes.items() if outcome in GOOD}
        some = reached(self.room, self.examination.base, self._product)
        known = known if some is None else known & some
        wanted = sorted(known if self._serves_all else {one for one in known if self._is_in_edited(one)})
        if not wanted or not self._product:
            return {}
        others = sorted(set(self.examination.base_outcomes) - set(wanted))
        experiment = Experiment("all", self.examination.most_seconds, exclude=others)
        paths = () if self._serves_all else tuple(sorted({one.split("::")[0] for one in wanted}))
        session = Session([experiment], paths=paths, seconds=self.examination.most_seconds + 300)
        (result,) = run_sessions(
            self.room, self.room.base, [session], test_files=self.examination.all_test_files,
            replaced={one.path: one.after for one in self._product},
        )  # fmt: skip
        failing = _failing(result, wanted, self.examination.base_outcomes)
        unsteady = unreliable_on_base(self.room, sorted(failing)) if failing else set()
        return {name: why for name, why in failing.items() if name not in unsteady}

    @property
    def _product(self) -> list[Change]:
        return [one for one in self.room.changes if not self.room.is_test(one.path)]

    @property
    def _serves_all(self) -> bool:
        """True where the change edits a file that other tests may use: fixtures, helpers, data."""
        return any(not is_test_module(one.path) for one in self.edited)

    def _is_in_edited(self, nodeid: str) -> bool:
        return nodeid.split("::")[0] in {one.path for one in self.edited}


def _failing(result: SessionResult, wanted: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The tests of these that do not pass in a session, with the message of each."""
    tests, errors = result.run("all").tests, dict(result.errors)
    failing: dict[str, str] = {}
    for name in wanted:
        test = tests.get(name)
        if test is None:
            if not has_other_id(name, known, tests):
                lost = errors.get(name.split("::")[0], result.problem or "it is not run any more")
                failing[name] = lost.strip().splitlines()[-1][:300]
        elif test.outcome not in GOOD:
            failing[name] = test.message
    return failing


def has_other_id(nodeid: str, known: Collection[str], tests: Mapping[str, TestOutcome]) -> bool:
    """True for a test whose id holds the time or chance of its run: with its name, as many ran as base has,
    some under ids that base does not have, and all of them passed."""
    name = name_of(nodeid)
    ran = [one for one in tests.values() if name_of(one.nodeid) == name]
    others = any(one.nodeid not in known for one in ran)
    return (
        others
        and len(ran) >= sum(name_of(one) == name for one in known)
        and all(one.outcome in GOOD for one in ran)
    )


def rewritten_tests(examination: Examination) -> frozenset[str]:
    """Base's tests whose id may be gone: their text has changed, or has moved to another place.

    A test that its file still has but that no longer runs does not count.
    """
    found: set[str] = set()
    run = {name_of(one) for one in examination.patched.run("all").tests}
    for nodeid in examination.base_outcomes:
        path, _, rest = nodeid.partition("::")
        change = examination.room.change(path)
        if change is None or change.before is None:
            continue
        there = tests_in(read(change.after))
        if name_of(nodeid) in run or name_of(rest).replace("::", ".") not in there:
            found.add(nodeid)
    return frozenset(found)


def unreliable_on_base(room: CleanRoom, nodeids: Sequence[str]) -> set[str]:
    """The tests of these that sometimes fail on base.

    Raises:
        Transient: base's suite cannot be run any more.
    """
    result = _repeated(room, room.base, nodeids)
    if result.problem:
        raise Transient(f"the suite ran on base a moment ago and does not now: {result.problem}")
    return _ending(result, good=False)


def by_chance(room: CleanRoom, nodeids: Sequence[str]) -> set[str]:
    """The tests of these that, run alone with the change, pass in some runs and fail in others. One that
    always passes alone may fail in the suite for what other tests newly leave behind."""
    result = _repeated(room, room.patched, nodeids)
    return _ending(result, good=True) & _ending(result, good=False)


# ---------------------------------------------------------------------------------------------------------


def _repeated(room: CleanRoom, tree: Path, nodeids: Sequence[str]) -> SessionResult:
    experiments = [Experiment(str(index), 300, items=nodeids, seed=index) for index in range(REPEATS)]
    paths = tuple(sorted({one.split("::")[0] for one in nodeids}))
    (result,) = run_sessions(room, tree, [Session(experiments, paths=paths)])
    return result


def _ending(result: SessionResult, *, good: bool) -> set[str]:
    runs = (test for run in result.runs.values() for test in run.tests.values())
    return {test.nodeid for test in runs if (test.outcome in GOOD) is good}
