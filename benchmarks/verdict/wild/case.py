"""A labelled change of a real project, and the bad ones that are derived from it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from benchmarks.verdict.wild.clones import Clone
from benchmarks.verdict.wild.labels import Label
from benchmarks.verdict.wild.mining import Kind, is_product, is_test_file
from nightcrew.task import TaskType

TYPES = {
    Kind.FIX: TaskType.BUG_FIX,
    Kind.FEATURE: TaskType.CODE_GENERATION,
    Kind.TESTS: TaskType.UNIT_TEST,
    Kind.DOCUMENTATION: TaskType.DOCUMENTATION,
    Kind.REFACTORING: TaskType.REFACTORING,
}

type Change = Mapping[str, str | None]
"""Files' texts by path, None for a deleted file."""


class Good:
    """A real change whose label holds, with the texts around it."""

    def __init__(self, clone: Clone, label: Label) -> None:
        self.clone, self.label = clone, label

    @cached_property
    def parent(self) -> str:
        """The commit that it applies to."""
        return self.clone.step(self.label.mined.commit).parent

    @cached_property
    def change(self) -> dict[str, str | None]:
        """The change itself."""
        return self.clone.change(self.label.mined.commit, self.label.mined.paths)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file before it."""
        return self.clone.paths(self.parent)

    @property
    def target(self) -> str:
        """The file that the task is about."""
        return self.label.mined.target

    @property
    def kind(self) -> Kind:
        """The kind of the change."""
        return self.label.mined.kind

    @property
    def tests(self) -> tuple[str, ...]:
        """The test files that it brings or changes."""
        return tuple(path for path, text in self.change.items() if is_test_file(path) and text is not None)

    @property
    def product(self) -> dict[str, str]:
        """Its product files after it."""
        return {path: text for path, text in self.change.items() if is_product(path) and text is not None}

    def before(self, path: str) -> str | None:
        """A file's text before it."""
        return self.clone.text(self.parent, path)

    def after(self, path: str) -> str | None:
        """A file's text after it, changed or not."""
        return self.change[path] if path in self.change else self.before(path)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of bad change: what it is made from, and how; with `passes` its tests must not notice it: of
    several the first that they do not notice is taken."""

    name: str
    of: frozenset[Kind]
    make: Callable[[Good], Change | Iterator[Change] | None]
    passes: bool = True

    def made(self, good: Good) -> Iterator[Change]:
        """The changes that can be made of a real one."""
        made = self.make(good)
        if isinstance(made, Mapping):
            yield made
        elif made is not None:
            yield from made


@dataclass(frozen=True, slots=True)
class Case:
    """One change to be judged."""

    project: str
    commit: str  # of the real change
    kind: str
    good: bool
    task_type: TaskType
    base: str
    target: str
    description: str
    acceptance: str | None
    patch: str

    @property
    def key(self) -> str:
        """Unique in the corpus."""
        return f"{self.project}@{self.commit[:12]}:{self.kind}"
