# ruff: noqa: E501
"""The corpus: every case of every subject whose own tests really pass here."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.verdict import bad, cunning, fixes, good, habits, tampering
from benchmarks.verdict.baselines import covered_lines
from benchmarks.verdict.case import Case, Maker
from benchmarks.verdict.packages import PACKAGES, Subject, subjects, write_repository
from nightcrew.execution.environments.environment import build_environment, project_paths
from nightcrew.execution.sandbox import Completed, Sandbox
from nightcrew.settings import Settings
from nightcrew.target_config import load_target_config
from nightcrew.validation.running.metadata import project_metadata

log = logging.getLogger(__name__)

MAKERS: tuple[Maker, ...] = (
    good.real_tests, good.documentation, good.refactoring, bad.bad_tests, cunning.cunning_tests, fixes.narrow_fixes, tampering.patches, tampering.existing_tests,
    tampering.product, tampering.documentation, tampering.refactoring, habits.careless_tests,
    habits.careless_products,
)  # fmt: skip


ADDED = "good: added to a file"
PASSED_OR_NONE: set[int | None] = {0, 5}  # pytest's exit codes
BACKWARDS = "def pytest_collection_modifyitems(items):\n    items.reverse()\n"


class Corpus:
    """Builds cases; keeps its repositories in a folder of its own."""

    def __init__(self, cache: Path, settings: Settings, sandbox: Sandbox) -> None:
        self.cache, self.settings, self.sandbox = cache, settings, sandbox
        self.skipped: dict[str, str] = {}

    def cases(self, packages: Sequence[str]) -> Iterator[Case]:
        """Every case of the packages."""
        for package in packages:
            try:
                found = subjects(package, self.cache)
            except Exception as error:
                self.skipped[package] = str(error)
                continue
            for subject in found:
                reason = self._unfit(subject)
                if reason:
                    self.skipped[f"{package}:{subject.target}"] = reason
                    continue
                for maker in MAKERS:
                    yield from maker(subject)
                yield from self._real_bugs(subject)

    def is_what_it_says(self, case: Case) -> bool:
        """True where the label holds, which the way in which the case was made does not guarantee.

        Good: the subject's tests pass with the change in a plain run, forwards and backwards. Bad by changed
        behaviour: they do not, for some faults put into code change nothing. Bad by order: one of the two fails.
        Bad because a test is missing: no other test notices the fault that was to be fixed. Good as added
        tests: they run lines of the target that the other tests do not run.
        """
        texts = {**case.base, **case.change}
        if not case.good:
            if "order" in case.kind and "flaky" in case.kind and "set" not in case.kind:
                reversed_too = {**texts, "backwards.py": BACKWARDS}
                both = [self.exit_code(case.subject, texts)]
                both.append(self.exit_code(case.subject, reversed_too, "-p", "backwards"))
                return 1 in both
            if case.kind in {"bad: fix without a test", "bad: fix with a vacuous test"}:
                return self.exit_code(replace(case.subject, tests="."), dict(case.base)) in PASSED_OR_NONE
            return "changes behaviour" not in case.kind or self.exit_code(case.subject, texts) == 1
        if case.kind == ADDED and not self.adds_lines(case):
            return False
        own = all(text == case.subject.text(path) for path, text in texts.items() if text is not None)
        if own and None not in texts.values():
            return True  # the published version was already run when the subject was chosen
        backwards = {**texts, "backwards.py": BACKWARDS}
        return (
            self.exit_code(case.subject, texts) == 0
            and self.exit_code(case.subject, backwards, "-p", "backwards") == 0
        )

    def _unfit(self, subject: Subject) -> str:
        """Why a subject cannot be used: its tests fail here, depend on their order, or do not need the target."""
        if self.exit_code(subject, {}) != 0:
            return "its own tests do not pass in its declared environment"
        if self.exit_code(subject, {"backwards.py": BACKWARDS}, "-p", "backwards") != 0:
            return "its own tests depend on their order"
        broken = self.exit_code(subject, {subject.target: "raise RuntimeError('gone')\n"})
        return "its tests do not need the target" if broken in {0, None} else ""

    def _real_bugs(self, subject: Subject) -> Iterator[Case]:
        """Faults that the subject's tests notice by a failing test."""
        kept = 0
        for case in good.bug_fix(subject):
            broken = {subject.target: case.base[subject.target]}
            if kept < 2 and self.exit_code(subject, broken) == 1:
                kept += 1
                yield replace(case, kind="good: bug fix")

    def adds_lines(self, case: Case) -> bool:
        """Whether the subject's tests run a line of the target that none of the suite on base runs."""
        subject, found = case.subject, list[set[int]]()
        for texts, tests in ((case.base, None), (case.change, subject.tests)):
            with TemporaryDirectory(prefix="trial-", ignore_cleanup_errors=True) as name:
                folder = Path(name) / "tree"
                write_repository(folder, subject, dict(texts))
                lines = covered_lines(self.settings, self.sandbox, folder, tests, subject.target)
                found.append(lines or set())
        return bool(found[1] - found[0])

    def exit_code(self, subject: Subject, replaced: dict[str, str | None], *options: str) -> int | None:
        """The exit code of `plain_run`, None where it could not run; stored in the cache."""
        parts = json.dumps([subject.package, PACKAGES.get(subject.package), subject.tests, replaced, options])
        place = self.cache / "trials" / hashlib.sha256(parts.encode()).hexdigest()[:24]
        if not place.is_file():
            done = self.plain_run(subject, replaced, *options)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(done.returncode if done is not None else None))
        code: int | None = json.loads(place.read_text())
        return code

    def plain_run(self, subject: Subject, replaced: dict[str, str | None], *options: str) -> Completed | None:
        """`python -m pytest` of the subject's test file in its environment."""
        with TemporaryDirectory(prefix="trial-", ignore_cleanup_errors=True) as name:
            folder = Path(name) / "tree"
            write_repository(folder, subject, replaced)
            shutil.rmtree(folder / ".git")
            try:
                environment = build_environment(
                    folder, load_target_config(folder), self.settings, self.sandbox
                )
            except Exception as error:
                log.info("%s: %s", subject.package, error)
                return None
            metadata = project_metadata(folder, Path(name) / "metadata")
            command = [str(environment.python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
            return self.sandbox.run(
                [*command, "-o", "addopts=", *options, subject.tests],
                workspace=folder,
                mounts=[*environment.mounts, *metadata],
                env={
                    "PYTHONPATH": ":".join([*project_paths(folder), *(one.target for one in metadata)]),
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                },
            )


LEAST_GOOD = 0.28
"""Share of good cases: with fewer among some hundred a false reject rate of 3 % cannot be shown."""


def choose(cases: Sequence[Case], count: int) -> list[Case]:
    """At most `count` cases with every kind in it, more than a quarter of them good, the same each time.

    Kinds take turns, so that any beginning of the list is a smaller corpus of the same mixture.
    """
    good = _in_turns([case for case in cases if case.good])
    bad = _in_turns([case for case in cases if not case.good])
    chosen: list[Case] = []
    while len(chosen) < count and (good or bad):
        behind = sum(case.good for case in chosen) < LEAST_GOOD * (len(chosen) + 1)
        chosen.append((good if (behind and good) or not bad else bad).pop(0))
    return chosen


def _in_turns(cases: Sequence[Case]) -> list[Case]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.kind, []).append(case)
    turns = zip_longest(*(sorted(group, key=_chance) for _, group in sorted(groups.items())))
    return [case for turn in turns for case in turn if case is not None]


def _chance(case: Case) -> str:
    """An order that does not depend on the packages, and that stays when cases are added."""
    return hashlib.sha256(case.name.encode()).hexdigest()
