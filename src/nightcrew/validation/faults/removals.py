"""The tests' results while a part of the change is taken away: do they notice that it is missing?

Parts inside functions are taken away in a process that has collected the tests, parts that run at import
before collection. Parts that no test reaches in this process, and files other than Python, are taken away on
disk, where other programs see them too. The limits count parts and tests, never seconds.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import PurePosixPath

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_for_developers
from nightcrew.validation.faults.details import Details, Fate
from nightcrew.validation.faults.hunks import MOST_HUNKS, hunks_of
from nightcrew.validation.faults.mutant import Mutant, compiles, function_spans
from nightcrew.validation.faults.mutation_trials import MOST_TESTS, covering_tests, few, spread, try_mutants
from nightcrew.validation.faults.notes import BY_READING, MESSAGE, TOGETHER, WHOLE
from nightcrew.validation.faults.parts import parts_of
from nightcrew.validation.faults.target import files_of
from nightcrew.validation.formalities.new_names import (
    brings_new_names,
    constant_of,
    is_of_interface,
    is_same_import,
)
from nightcrew.validation.questions.python_powers import python_powers
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.run_results import Covered
from nightcrew.validation.running.runs import Session, run_sessions
from nightcrew.validation.tables import Table

MOST_INSIDE, MOST_AT_IMPORT = 160, 20  # parts of one file that are tried; real fixes rarely have more
MOST_ON_DISK = 8  # runs on disk, where other programs see the change without some of its parts
MOST_COMMANDS = 24  # runs of the task's own command, which is often all that shows the work
MOST_OTHERS = 600  # tests that run on disk
SECONDS = 600.0
_COMPILED = Table("text_powers").words("suffixes", "native")  # it is not built here
_SHELL = re.compile(r"#!.*\b(?:ba|da|k|z)?sh\b")
_PROGRAMS = re.compile(
    r"subprocess|multiprocessing|Popen|os\.(?:fork|system|exec|spawn)|pexpect|pytester|runpy"
)


@dataclass(frozen=True, slots=True)
class Removal:
    """One part of the change to `path`, and what happened without it."""

    path: str
    part: Mutant
    fate: Fate

    is_detail: bool = False
    runs_elsewhere: bool = False  # only another Python, platform or program would reach it

    @property
    def is_unshown(self) -> bool:
        """True for a part that may do something new and that no test is known to miss."""
        tried_with_others = self.fate is Fate.UNTRIED and self.part.operator == TOGETHER
        shown = self.fate in (Fate.NOTICED, Fate.INSIDE, Fate.WORDING)
        return not (shown or self.is_detail or tried_with_others)


def removals(room: CleanRoom, examination: Examination, change: Change) -> list[Removal]:
    """The result for every part of one changed file of the product, in the order of the text."""
    trials = _Trials(room, examination, change)
    trials.run()
    found = map(trials.removal, trials.fates)
    return [one for one in found if one.part.operator != TOGETHER or one.is_unshown]


# ---------------------------------------------------------------------------------------------------------


class _Trials:
    """The parts of one file, and what is known about each."""

    def __init__(self, room: CleanRoom, examination: Examination, change: Change) -> None:
        self.room, self.examination, self.change = room, examination, change
        self.path, self.source = change.path, change.after or ""
        run = examination.patched.run("all")
        self.own = {*examination.own_tests, *room.measured.reproducers}
        passing = [name for name, test in run.tests.items() if not test.failed]
        self.tests = tuple(sorted(passing, key=lambda name: name not in self.own))
        self.covered = run.coverage.get(change.path, Covered())
        self.fates: dict[Mutant, Fate] = {}

    def run(self) -> None:
        """Tries the parts by reading, in this process, on disk, and last with the task's own command."""
        parts = self._parts()
        self.fates = dict.fromkeys(parts, Fate.UNTRIED)
        if parts and parts[0].operator == WHOLE:
            self.fates = dict.fromkeys(parts, Fate.UNREACHED)
        elif parts:
            self._in_process(parts)
        self._on_disk()
        self._by_command()

    def removal(self, part: Mutant) -> Removal:
        """What is known about the part."""
        return Removal(self.path, part, self.fates[part], self.is_detail(part), self.runs_elsewhere(part))

    def is_detail(self, part: Mutant) -> bool:
        """True for a part that no test has to miss."""
        aside = self.fates[part] is Fate.UNREACHED and self._is_helper
        if brings_new_names(self.path, part, self.room.changes):
            return True
        texts, details = self.room.patched_tree.python, self._details
        if is_same_import(self.path, part, texts):
            return True
        if is_of_interface(part, details.tree, details.text, texts.values()):
            return True
        return (aside and not python_powers(ast.parse(self.source))) or self._details.holds(part)

    def runs_elsewhere(self, part: Mutant) -> bool:
        """True for a part that no test here could reach."""
        is_compiled = PurePosixPath(self.path).suffix in _COMPILED
        return is_compiled or self._is_helper or self._details.runs_elsewhere(part)

    @cached_property
    def _is_helper(self) -> bool:
        return is_for_developers(self.room.base, self.path)

    @cached_property
    def _details(self) -> Details:
        return Details(
            self.change.before or "",
            self.source,
            self.fates,
            self.room.measured.same_as_base,
            is_feature=self.room.task.task_type is TaskType.CODE_GENERATION,
            values=partial(constant_of, self.path, self.room.patched_tree.python),
        )

    def _parts(self) -> tuple[Mutant, ...]:
        if self.path.endswith((".py", ".pyi")):
            return parts_of(self.change.before or "", self.source) if self.path.endswith(".py") else ()
        is_script = self.path.endswith(".sh") or _SHELL.match(self.source) is not None
        return hunks_of(self.change.before or "", self.source, is_script=is_script)

    def _in_process(self, parts: Sequence[Mutant]) -> None:
        spans = function_spans(self.source)
        for part in parts:
            if part.operator == MESSAGE:
                self.fates[part] = Fate.WORDING
            elif part.operator in BY_READING:  # no test could show it, or each that passes it would seem to
                self.fates[part] = Fate.UNNOTICED
            elif part.function and not covering_tests(part, self.covered, self.tests):
                self.fates[part] = Fate.UNREACHED
        tried = (Fate.UNTRIED, Fate.UNREACHED)
        fit = [one for one in parts if self.fates[one] in tried and compiles(self.source, one, spans)]
        reached = [one for one in fit if self.fates[one] is Fate.UNTRIED]
        chosen = [
            *spread([part for part in reached if part.function], MOST_INSIDE),
            *spread([part for part in reached if not part.function], MOST_AT_IMPORT),
        ]
        self._try({part: part for part in chosen})
        # A part that cannot be taken from a live function is taken away before the file is imported; so is
        # one that runs while test files are imported, as a decorator does.
        early = [part for part in fit if self.fates[part] is Fate.UNTRIED or self._runs_early(part)]
        self._try({replace(part, function=""): part for part in spread(early, MOST_AT_IMPORT)})

    def _try(self, parts: Mapping[Mutant, Mutant]) -> None:
        """Tries the first of each pair, which stands for the second."""
        if not parts or not self.tests:
            return
        trials = try_mutants(
            self.room, self.examination, self.path, self.source, tuple(parts), self.covered,
            tests=self.tests, first=self.own, at_import=self._reaching(), crashes=1,
        )  # fmt: skip
        for trial in trials:
            self.fates[parts[trial.mutant]] = Fate.NOTICED if trial.killed_by else Fate.UNNOTICED

    def _reaching(self) -> tuple[str, ...]:
        """Tests that run anything of the file, the new ones first; all where the import of tests runs it."""
        found = [name for name in self.tests if name in self.covered.by_test]
        return tuple(few(found or (self.tests if self._imported else ()), MOST_TESTS, self.own))

    def _runs_early(self, part: Mutant) -> bool:
        """True for a part of a function that runs while files of tests are imported, and is not missed."""
        missed = part.function and self.fates[part] in (Fate.UNNOTICED, Fate.UNREACHED)
        return bool(missed) and not self._imported.isdisjoint((part.line, part.statement))

    @cached_property
    def _imported(self) -> frozenset[int]:
        result = self.examination.patched
        own = result.imported_lines if self.path == self.room.target else frozenset()
        return own | result.imported.get(self.path, frozenset())

    def _on_disk(self) -> None:
        """Tries parts on disk: a program started by a test may run them, and values may be used elsewhere."""
        left = self._left()
        everywhere = any(not part.function for part in left)
        tried = set(self._reaching())
        tests = [
            name
            for name in self.tests
            if (everywhere and name not in tried)
            or _PROGRAMS.search(self.room.source(name.split("::")[0]) or "")
        ]
        if tests:
            self._look(
                left, lambda some: notices(self.room, self._without(some), few(tests, MOST_OTHERS, self.own))
            )

    def _by_command(self) -> None:
        """Tries what is left with the task's command, which may be all that shows the work: then also the
        parts inside those that it notices."""
        command = self.room.task.acceptance
        if command is None:
            return
        inside: set[Mutant] = set()
        parts, runs = self._left(), MOST_COMMANDS
        while parts and runs > 0:
            used, untried = self._look(
                parts, lambda some: _fails(self.room, command, self._without(some)), runs
            )
            runs -= used
            self.fates |= dict.fromkeys((one for one in untried if one in inside), Fate.INSIDE)
            parts = self._left(Fate.INSIDE) if runs > 0 else []
            inside = set(parts)
            self.fates |= dict.fromkeys(parts, Fate.UNNOTICED)

    def _left(self, *fates: Fate) -> list[Mutant]:
        """The parts that no test has noticed so far; an outer part stands for all parts inside it."""
        wanted = fates or (Fate.UNREACHED, Fate.UNNOTICED)
        found: list[Mutant] = []
        missed = (part for part, fate in self.fates.items() if fate in wanted and not self.is_detail(part))
        for part in (one for one in missed if one.operator not in BY_READING):
            if not found or part.start >= found[-1].end:
                found.append(part)
        return found

    def _look(
        self, parts: list[Mutant], is_noticed: Callable[[Sequence[Mutant]], bool], most: int = MOST_ON_DISK
    ) -> tuple[int, list[Mutant]]:
        """Tries parts together, and each half of them while the tests notice the whole; returns the number of
        runs, and the parts that the last run did not reach."""
        waiting, looks = [parts] if parts else [], 0
        most = max(most, 2 * MOST_HUNKS if parts and parts[0].operator == WHOLE else 0)
        while waiting and looks < most:
            some = waiting.pop(0)
            looks += 1
            if is_noticed(some):
                middle = len(some) // 2
                if middle:
                    waiting += [some[:middle], some[middle:]]
                else:
                    self._noticed(some[0])
        return looks, [part for some in waiting for part in some]

    def _noticed(self, outer: Mutant) -> None:
        for part in self.fates:
            # What runs at import was not reached either where no test of this process runs the file.
            unrun = self.fates[part] is Fate.UNREACHED or not (part.function or self.covered.by_test)
            if outer.start <= part.start and part.end <= outer.end and unrun:
                self.fates[part] = Fate.INSIDE
        self.fates[outer] = Fate.NOTICED

    def _without(self, parts: Iterable[Mutant]) -> dict[str, str | None]:
        text = self.source
        for part in sorted(parts, key=lambda one: -one.start):  # from the end on: positions before stay valid
            text = part.apply(text)
        return {self.path: None if self.change.is_new and not text else text}


def notices(room: CleanRoom, texts: Mapping[str, str | None], tests: Sequence[str]) -> bool:
    """True where one of the tests, all of which pass with the change, fails with these texts of files
    (None: without the file)."""
    one = Experiment("all", SECONDS, items=tests, failures_only=True, stop=1)
    session = Session([one], paths=files_of(tuple(tests)), seconds=SECONDS + 60)
    (result,) = run_sessions(room, room.patched, [session], replaced=texts)
    found = {item.nodeid for item in result.collected}
    return bool(result.problem) or not result.run("all").passed or not found.issuperset(tests)


def _fails(room: CleanRoom, command: str, texts: Mapping[str, str | None]) -> bool:
    done = run_command(room, room.patched, command, replaced=texts)
    return done.returncode != 0 or done.killed_by is not None
