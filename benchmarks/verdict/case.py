"""A labelled case: a repository's base, a change, its kind, and whether it should be accepted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.verdict.packages import Subject
from nightcrew.task import TaskType


@dataclass(frozen=True, slots=True)
class Case:
    """`base` and `change` are files by path (None: absent); `raw` is a patch that git would not write."""

    kind: str
    good: bool
    subject: Subject
    task_type: TaskType
    base: Mapping[str, str | None]
    change: Mapping[str, str | None] = field(default_factory=dict)
    raw: str | None = None

    @property
    def name(self) -> str:
        """Unique in the corpus."""
        return f"{self.subject.package}:{self.subject.target}:{self.kind}"


type Maker = Callable[[Subject], Iterable[Case]]
