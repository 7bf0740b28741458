"""What a slice came to: one line of JSON, and what is printed about all of them."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.support import percentile, table


@dataclass(frozen=True)
class Record:
    """A finished slice."""

    seed: int
    slice: int
    tasks: int
    seconds: float
    ends: Mapping[str, int]  # status: tasks
    faults: Sequence[tuple[str, str, float | None]]  # kind, what was struck, seconds until all was well
    skipped: Mapping[str, str]  # kinds that this machine does not allow, and why
    checks: Mapping[str, Sequence[str]]  # check: what contradicts it

    @property
    def holds(self) -> bool:
        """True if nothing contradicts a check."""
        return not any(self.checks.values())


def append(place: Path, record: Record) -> None:
    """Add a slice to the file of results."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a") as file:
        file.write(json.dumps(asdict(record)) + "\n")


def read(place: Path) -> list[Record]:
    """The slices so far."""
    return [Record(**json.loads(line)) for line in place.read_text().splitlines()] if place.exists() else []


def show(records: Sequence[Record]) -> None:
    """Print recovery times by fault, and the checks."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for record in records:
        for kind, _, took in record.faults:
            seconds[kind].append(float("inf") if took is None else took)
    rows = [
        {
            "fault": kind,
            "times": len(took),
            "median s": percentile(took, 0.5),
            "p95 s": percentile(took, 0.95),
        }
        if len(took) > 1
        else {"fault": kind, "times": 1, "median s": took[0], "p95 s": took[0]}
        for kind, took in sorted(seconds.items())
    ]
    if rows:
        table(rows)
    for kind, why in sorted({pair for record in records for pair in record.skipped.items()}):
        print(f"not made here: {kind}: {why}")
    tasks, faults = sum(record.tasks for record in records), sum(len(record.faults) for record in records)
    print(f"\n{len(records)} slices, {tasks} tasks, {faults} faults")
    for name in dict.fromkeys(name for record in records for name in record.checks):
        wrong = [line for record in records for line in record.checks.get(name, ())]
        print(f"{'FAIL' if wrong else 'ok  '}  {name}")
        for line in wrong:
            print(f"      {line}")
