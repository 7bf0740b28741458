# ruff: noqa: E501
"""The corpus: every case of every subject whose own tests really pass here."""

import logging
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.verdict import bad, good, tampering
from benchmarks.verdict.case import Case, Maker
from benchmarks.verdict.packages import Subject, subjects, write_repository
from nightcrew.execution.environment import build_environment, project_paths
from nightcrew.execution.sandbox import Completed, Sandbox
from nightcrew.settings import Settings, load_target_config
from nightcrew.validation.metadata import project_metadata

log = logging.getLogger(__name__)

MAKERS: tuple[Maker, ...] = (
    good.real_tests, good.documentation, good.refactoring, bad.bad_tests, tampering.patches, tampering.existing_tests,
    tampering.product, tampering.documentation, tampering.refactoring,
)  # fmt: skip


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

    def _unfit(self, subject: Subject) -> str:
        """Why a subject cannot be used: its tests fail here, depend on their order, or do not need the target."""
        done = self.plain_run(subject, {})
        if done is None or done.returncode != 0:
            return "its own tests do not pass in its declared environment"
        backwards = self.plain_run(subject, {"backwards.py": BACKWARDS}, "-p", "backwards")
        if backwards is None or backwards.returncode != 0:
            return "its own tests depend on their order"
        broken = self.plain_run(subject, {subject.target: "raise RuntimeError('gone')\n"})
        return "" if broken is not None and broken.returncode != 0 else "its tests do not need the target"

    def _real_bugs(self, subject: Subject) -> Iterator[Case]:
        """Faults that the subject's tests notice by a failing test."""
        kept = 0
        for case in good.bug_fix(subject):
            done = self.plain_run(subject, {subject.target: case.base[subject.target]})
            if done is not None and done.returncode == 1 and kept < 2:
                kept += 1
                yield replace(case, kind="good: bug fix")

    def plain_run(self, subject: Subject, replaced: dict[str, str | None], *options: str) -> Completed | None:
        """`python -m pytest` of the subject's test file in its environment."""
        folder = self.cache / "trial"
        shutil.rmtree(folder, ignore_errors=True)
        write_repository(folder, subject, replaced)
        shutil.rmtree(folder / ".git")
        try:
            environment = build_environment(
                folder, load_target_config(folder), self.settings.environments_dir
            )
        except Exception as error:
            log.info("%s: %s", subject.package, error)
            return None
        shutil.rmtree(self.cache / "metadata", ignore_errors=True)
        metadata = project_metadata(folder, self.cache / "metadata")
        return self.sandbox.run(
            [
                str(environment.python),
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                "-o",
                "addopts=",
                *options,
                subject.tests,
            ],
            workspace=folder,
            mounts=[*environment.mounts, *metadata],
            env={
                "PYTHONPATH": ":".join([*project_paths(folder), *(one.target for one in metadata)]),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            },
        )


def choose(cases: Sequence[Case], count: int) -> list[Case]:
    """At most `count` cases with every kind in it, the same each time."""
    if count >= len(cases):
        return list(cases)
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.kind, []).append(case)
    chance = random.Random(0)
    queues = [chance.sample(group, len(group)) for _, group in sorted(groups.items())]
    chosen: list[Case] = []
    while len(chosen) < count:
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return chosen
