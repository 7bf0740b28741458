"""Which modules need work most: little proof that they are right, and many changes lately. Pure rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nightcrew.task import TaskType

MOST_NAMED = 8  # functions or lines that a description names


@dataclass(frozen=True, slots=True)
class Proof:
    """What was measured of one module."""

    path: str
    lines: int  # statements in its functions
    run: int  # of them, those that tests run
    public: int  # definitions
    documented: int  # of them, those with a docstring
    changes: int  # commits of the last days that changed it
    unrun: tuple[int, ...] = ()  # first lines of statements that no test runs
    undocumented: tuple[str, ...] = ()  # names
    faults: int = 0  # that were put in place, one after the other
    noticed: int = 0  # of them, by tests

    @property
    def tested(self) -> float:
        """0 (nothing shows that it is right) to 1: the share that runs, times the share of noticed faults."""
        share = self.run / self.lines if self.lines else 1.0
        return share * (self.noticed / self.faults if self.faults else 1.0)

    @property
    def explained(self) -> float:
        """The share of public definitions with a docstring, 0 to 1."""
        return self.documented / self.public if self.public else 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One piece of work, and how much it is needed (0 to 1)."""

    task_type: TaskType
    path: str
    need: float
    why: str

    @property
    def description(self) -> str:
        """What the task asks for."""
        what = "Write unit tests for" if self.task_type is TaskType.UNIT_TEST else "Document"
        return f"{what} {self.path}: {self.why}."


def choices(found: Sequence[Proof]) -> list[Choice]:
    """The work that is needed, the most needed first; where nothing is missing, there is none.

    Missing tests count twice as much as missing docstrings. A module that changed most counts twice as much
    as one that did not change.
    """
    busiest = max((one.changes for one in found), default=0) or 1
    wanted = [
        choice for one in found for choice in _of(one, 0.5 + 0.5 * one.changes / busiest) if choice.need > 0
    ]
    return sorted(wanted, key=lambda one: (-one.need, one.path, one.task_type))


# ---------------------------------------------------------------------------------------------------------


def _of(one: Proof, weight: float) -> Iterator[Choice]:
    changed = f"{one.changes} commits changed it lately"
    if one.lines:
        parts = [f"{one.lines - one.run} of {one.lines} statements in its functions are run by no test"]
        if one.unrun:
            parts.append(f"they begin at lines {_some([str(line) for line in one.unrun])}")
        if one.faults:
            parts.append(f"tests notice {one.noticed} of {one.faults} faults that were put into it")
        why = "; ".join([*parts, changed])
        yield Choice(TaskType.UNIT_TEST, one.path, (1 - one.tested) * weight, why)
    if one.undocumented:
        missing = f"{_some(one.undocumented)} have no docstring"
        why = f"{missing}; {changed}"
        yield Choice(TaskType.DOCUMENTATION, one.path, (1 - one.explained) * weight / 2, why)


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + rest
