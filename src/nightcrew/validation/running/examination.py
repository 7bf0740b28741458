"""The runs that several gates look at, each made once: base, the patched tree, and the new tests in many
worlds."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from nightcrew.task import TaskType
from nightcrew.validation.change.paths import is_test_module
from nightcrew.validation.change.tree import Tree
from nightcrew.validation.reading.suite import parse, texts_of_tests
from nightcrew.validation.reading.variants import function_lines
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.base_faults import base_fault, crashing_files, with_remedy
from nightcrew.validation.running.base_runs import run_base
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.marks import marks_in, marks_without_passing_test
from nightcrew.validation.running.reach import reached, readers, with_base
from nightcrew.validation.running.run_results import Collected, Covered, NewTests, Run, SessionResult
from nightcrew.validation.running.runs import Session, make_job, run_sessions

SHUFFLES = 3
ALONE = 60
STRATA = 16
AGAIN = 30  # tests that run again although the change cannot reach them
PAST_ENDS = 3  # tests that may end the process of the suite; it is not done where more do
LARGE = 2000  # tests; in a larger suite only those that reach the change run again
BASE_SECONDS = 900.0
LEAST_SECONDS, SLOWER = 120.0, 10.0  # a suite so many times slower than base counts as endless
MOST_SECONDS = 2400.0
FAR_AWAY = ((400.4, ""), (765.37, "Pacific/Kiritimati"), (31.71, "America/St_Johns"))
"""Days from now, and time zones: past any licence or fixture, other hours and weekdays, extreme zones."""
CLOCKS = tuple(500.0625 + 29.1326 * index for index in range(8))
"""Dates for tests that read a clock: all weekdays, every third hour, different minutes, eight months."""
_READS_CLOCK = re.compile(r"^[ \t]*(?:import|from)\s+(?:datetime|time|calendar)\b", re.MULTILINE)


class Examination:
    """The runs and measures of one patch."""

    def __init__(self, room: CleanRoom) -> None:
        self.room = room

    @cached_property
    def product_files(self) -> tuple[str, ...]:
        """Python files of the product that the patch changes, and the target."""
        changed = {
            one.path
            for one in self.room.changes
            if one.path.endswith(".py") and not self.room.is_test(one.path)
        }
        target = self.room.task.target_file
        if target is not None and target.endswith(".py"):
            changed.add(target)
        return tuple(sorted(changed))

    @cached_property
    def test_files(self) -> tuple[str, ...]:
        """Python test files that the patch adds or changes."""
        return tuple(
            one.path
            for one in self.room.changes
            if one.path.endswith(".py") and self.room.is_test(one.path) and one.after is not None
        )

    @cached_property
    def readers(self) -> tuple[str, ...] | None:
        """For a change of words, the only test files that may read them; None: all."""
        return readers(self.room) if self.room.task.task_type is TaskType.DOCUMENTATION else None

    @cached_property
    def base(self) -> SessionResult:
        """The suite on base; kept as long as nothing changes that could affect its result."""
        result = self._run_base(self.room)
        if result.problem:
            return result
        # Without base's result, nothing that fails with the change can be blamed on the change.
        if result.run("all").timed_out:
            return replace(result, problem=f"it takes longer than {BASE_SECONDS:.0f} s", timed_out=True)
        fault = base_fault(self.room, result)
        return replace(result, problem=with_remedy(self.room, fault, self._run_base)) if fault else result

    def _run_base(self, room: CleanRoom) -> SessionResult:
        # The lines that base's tests reach decide which of them must run again with the change.
        whole = Experiment("all", BASE_SECONDS, past_ends=PAST_ENDS, cover=True, watch_powers=True)
        session = Session([whole], paths=self.readers or (), seconds=BASE_SECONDS + 100, imports=True)
        job = make_job(
            room, room.base, [session], measured=self.product_files, test_files=self._tests_of(room.base_tree)
        )
        return run_base(room, job, room.cache)

    @cached_property
    def base_outcomes(self) -> Mapping[str, str]:
        """Outcome by nodeid on base."""
        return {name: test.outcome for name, test in self.base.run("all").tests.items()}

    @cached_property
    def selected(self) -> tuple[str, ...] | None:
        """For a large suite, the existing tests that reach the changed code; None means all tests."""
        run = self.base.run("all")
        if len(run.tests) < LARGE or self._unreached:
            return None
        running = {name for covered in run.coverage.values() for name in covered.by_test}
        return tuple(name for name in run.tests if name in running)

    @cached_property
    def patched(self) -> SessionResult:
        """The whole suite and the new tests on the patched tree, in many worlds."""
        experiments = [self._everything, *(self._worlds(self._known) if self.test_files else ())]
        (result,) = run_sessions(
            self.room,
            self.room.patched,
            [Session(experiments, paths=self.readers or (), seconds=self.most_seconds + 1500, imports=True)],
            measured=self.product_files,
            test_files=self.all_test_files,
        )
        return with_base(self.room, result, self.base, self._unreached)

    @cached_property
    def patched_again(self) -> Run:
        """The suite with the change once more, in the same order: what passes now failed by chance."""
        session = Session([self._everything], paths=self.readers or (), seconds=self.most_seconds + 300)
        (result,) = run_sessions(self.room, self.room.patched, [session], test_files=self.all_test_files)
        return result.run("all")

    @property
    def _everything(self) -> Experiment:
        left_out = (
            set(self._known) - set(self.selected) if self.selected is not None else set(self._unreached)
        )
        return Experiment(
            "all", self.most_seconds, exclude=sorted(left_out), decisive=True, past_ends=PAST_ENDS,
            cover=True, watch_powers=True,
        )  # fmt: skip

    @property
    def _known(self) -> list[str]:
        return sorted(item.nodeid for item in self.base.collected)

    @cached_property
    def _unreached(self) -> tuple[str, ...]:
        """Tests of base that the change cannot reach, which need not run again. Some of them do, from all
        over the suite: they would show that another test breaks what all share."""
        some = reached(self.room, self.base, self.room.changes)
        left = [name for name in self.base_outcomes if some is not None and name not in some]
        again = set(left[:: max(1, -(-len(left) // AGAIN))])
        return tuple(name for name in left if name not in again)

    def _worlds(self, known: list[str]) -> Iterator[Experiment]:
        """Runs of the new tests alone, in other orders, at other times, with other random numbers."""
        new = Experiment("new", 300, exclude=known, own=self.test_files)
        # Optional runs are left out where the new tests do so much that the session's budget is used up.
        beside = replace(new, optional=True)
        yield replace(new, aim=True, watch_chance=True, watch_code=True)
        yield replace(new, id="reversed", order="reversed")
        yield from (replace(beside, id=f"shuffled-{seed}", order=seed) for seed in range(SHUFFLES))
        yield replace(beside, id="alone", order="alone", limit=ALONE)
        for index, (days, zone) in enumerate(FAR_AWAY):
            yield replace(new, id=f"away-{index}", days=days, zone=zone)
        # `datetime.now().hour < 12` passes in half of all runs; a test that reads no clock cannot differ.
        for index, days in enumerate(CLOCKS if self._read_clocks else (), len(FAR_AWAY)):
            yield replace(beside, id=f"away-{index}", days=days)
        for index in range(STRATA):
            yield replace(beside, id=f"chance-{index}", strata=index, if_chance=True)

    @property
    def most_seconds(self) -> float:
        """The limit for the suite with the change, in seconds of wall time."""
        # Base's time holds the speed of this machine, on which a good change must not count as endless.
        return min(LEAST_SECONDS + SLOWER * self.base.run("all").wall_seconds, MOST_SECONDS)

    def cpu_seconds(self, nodeids: Iterable[str], least: float = 3.0) -> float:
        """A limit of many times what these tests take with the change: only code that does not end takes
        longer. `least` is for what the first of them starts."""
        known = self.patched.run("all").tests
        return round(least + 10 * sum(known[name].seconds for name in nodeids if name in known), 1)

    @property
    def too_slow(self) -> str:
        """Why the patched tree could not be measured within the limit; empty where it could, and where the
        change itself keeps its tests from ending."""
        run, limit = self.patched.run("all"), self.most_seconds
        if run.timed_out and limit == MOST_SECONDS:
            return f"The suite takes longer than {limit:.0f} s with the change; it is slow without it too."
        if run.done and (self.patched.timed_out or any(one.is_slow for one in self.patched.runs.values())):
            return "The new tests could not be run in every order and world in time; they are too slow."
        return ""

    @cached_property
    def _read_clocks(self) -> bool:
        """True where the new tests read a clock themselves."""
        return any(_READS_CLOCK.search(self.room.source(path) or "") for path in self.test_files)

    @cached_property
    def all_test_files(self) -> tuple[str, ...]:
        """Every Python test file of the patched tree."""
        return self._tests_of(self.room.patched_tree)

    def _tests_of(self, tree: Tree) -> tuple[str, ...]:
        return tuple(filter(self.room.is_test, tree.python))

    @cached_property
    def new_tests(self) -> NewTests:
        """Tests that base does not have and that can run here."""
        elsewhere = set(self.tests_for_elsewhere)
        return NewTests(tuple(item for item in self._fresh if item.nodeid not in elsewhere))

    @cached_property
    def tests_for_elsewhere(self) -> tuple[str, ...]:
        """New tests that fail with a mark (`network`) under which no test of base passes, in which the
        product crashes as in tests of base, or that crash as all of their file do there."""
        on_base, failed = self.base.run("all").failed, self.patched.run("all").failed
        crashes = {one.message for one in on_base if one.kind == "crash"}
        crashed = {one.nodeid for one in failed if one.kind == "crash" and one.message in crashes}
        ailing = crashing_files(self.base.run("all").tests)
        files = [(one, ailing.get(one.nodeid.split("::")[0], "")) for one in failed]
        crashed |= {one.nodeid for one, message in files if message and one.message == message}
        names = {one.nodeid for one in failed}
        marks = {item: self._marks(item) for item in self._fresh if item.nodeid in names}
        lacking: frozenset[str] = frozenset()
        if any(marks.values()):
            lacking = marks_without_passing_test(
                self.base.collected, self.base_outcomes, lambda path: self.room.source(path, base=True) or ""
            )
        return tuple(one.nodeid for one, own in marks.items() if own & lacking or one.nodeid in crashed)

    def _marks(self, item: Collected) -> frozenset[str]:
        return marks_in(self.room.source(item.path) or "").get(item.function, frozenset())

    @cached_property
    def _fresh(self) -> tuple[Collected, ...]:
        known, ours = {item.nodeid for item in self.base.collected}, set(self.test_files)
        fresh = (item for item in self.patched.collected if item.nodeid not in known)
        return tuple(item for item in fresh if item.path in ours and item.nodeid.startswith(item.path))

    @cached_property
    def changed_tests(self) -> frozenset[str]:
        """Tests that base has with another text or another table of cases, as `path::Class::name`."""
        found: set[str] = set()
        for path in self.test_files:
            change = self.room.change(path)
            if change is None or change.before is None or change.after is None:
                continue
            old, new = parse(change.before), parse(change.after)
            if old is None or new is None:
                continue
            before, after = texts_of_tests(old), texts_of_tests(new)
            for name in before.keys() & after.keys():
                if before[name] != after[name]:
                    found.add(f"{path}::{name.replace('.', '::')}")
        return frozenset(found)

    @cached_property
    def own_tests(self) -> tuple[str, ...]:
        """Nodeids of the tests that the patch adds or changes."""
        collected = (item.nodeid for item in self.patched.collected)
        changed = (nodeid for nodeid in collected if name_of(nodeid) in self.changed_tests)
        return (*self.new_tests.nodeids, *changed)

    @cached_property
    def data_tests(self) -> tuple[str, ...]:
        """Nodeids of the tests that run the changed code, where the patch adds or changes what tests read:
        snapshots, cases in files, helpers."""
        paths = [
            one.path for one in self.room.changes if one.after is not None and self.room.is_test(one.path)
        ]
        if all(map(is_test_module, paths)):
            return ()
        reaching = self.reaching(self.product_files)
        return tuple(one for one in reaching if self.room.is_test(one.split("::")[0]))

    def coverage(self, run: Run, path: str) -> Covered:
        """Lines that ran inside a file's function bodies; lines run at import show nothing about tests."""
        covered = run.coverage.get(path, Covered())
        text = self.room.source(path) or ""
        inside = function_lines(text) if parse(text) is not None else frozenset[int]()
        if not inside:
            return covered
        return Covered(
            covered.lines & inside,
            frozenset(arc for arc in covered.arcs if arc[0] in inside or arc[1] in inside),
            {name: lines & inside for name, lines in covered.by_test.items() if lines & inside},
        )

    def reaching(self, paths: Iterable[str]) -> list[str]:
        """Tests that pass with the change and run code of one of these files."""
        run = self.patched.run("all")
        reached = {name for path in paths for name in self.coverage(run, path).by_test}
        return [name for name, test in run.tests.items() if name in reached and not test.failed]


def examine(room: CleanRoom) -> Examination:
    """The examination of a room, which all gates share."""
    return room.once(Examination)


def name_of(nodeid: str) -> str:
    """A test's nodeid without parameters."""
    return re.sub(r"\[.*\]$", "", nodeid)
