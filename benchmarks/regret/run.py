"""The run: real tasks through the real pipeline, one after the other, each recorded at once."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.local_crew import rooms
from benchmarks.regret.world import World, first_world, kind_of, make_task
from nightcrew.cli.demo.parts import make_repository
from nightcrew.task import TaskStatus, TaskType
from nightcrew.testing.calls import Change
from nightcrew.testing.twin import Twin
from nightcrew.validation.verdict import VerdictKind
from nightcrew.work.foreground import do_task
from nightcrew.work.work import Work

RECENT = 50  # the latest tasks, in which the favourite is looked for


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt, from the crew's records."""

    model: str
    accepted: bool
    fault: bool
    read: int
    written: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one task."""

    number: int
    kind: TaskType
    degraded: str | None  # the model that has gone bad by then
    solved: bool
    tried: tuple[Tried, ...]

    @property
    def cost_usd(self) -> float:
        """The task's cost in USD."""
        return sum(one.cost_usd for one in self.tried)


def run(home: Path, *, seed: int, tasks: int, after: int) -> Sequence[Result]:
    """All results: `tasks` tasks, then `after` more once the favourite has gone bad; goes on where it was."""
    notes = home / "results.jsonl"
    results = _read(notes)
    world = first_world(seed)
    with Twin(world.scenario()) as twin, rooms(home, twin.base_url) as crew:
        repository = home / "stockroom"
        if not repository.exists():
            make_repository(repository)
        for number in range(len(results), tasks + after):
            if number >= tasks:
                _degrade(twin, world, results, tasks)
            bad = favourite(results, tasks) if number >= tasks else None
            results.append(_result(number, bad, do_task(crew, make_task(number, str(repository)))))
            with notes.open("a") as file:
                file.write(json.dumps(asdict(results[-1])) + "\n")
            _print_result(results[-1])
    return results


def favourite(results: Sequence[Result], tasks: int) -> str:
    """The model that was tried first most often in the latest tasks before the change."""
    recent = results[max(0, tasks - RECENT) : tasks]
    return Counter(result.tried[0].model for result in recent if result.tried).most_common(1)[0][0]


# ----------------------------------------------------------------------------------------------------


def _degrade(twin: Twin, world: World, results: Sequence[Result], tasks: int) -> None:
    bad = favourite(results, tasks)
    twin.change(Change(put_models=(world.with_degraded(bad).models[bad],)))


def _result(number: int, degraded: str | None, work: Work) -> Result:
    tried = tuple(
        Tried(
            model=trial.attempt.model,
            accepted=trial.verdict.kind is VerdictKind.ACCEPTED,
            fault=trial.is_fault,
            read=trial.attempt.input_tokens,
            written=trial.attempt.output_tokens,
            cost_usd=float(trial.attempt.cost_usd),
        )
        for trial in work.trials
    )
    solved = work.outcome is not None and work.outcome.status is TaskStatus.COMPLETED
    return Result(number, kind_of(number), degraded, solved, tried)


def _read(notes: Path) -> list[Result]:
    rows = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    return [
        Result(**row | {"kind": TaskType(row["kind"]), "tried": tuple(Tried(**one) for one in row["tried"])})
        for row in rows
    ]


def _print_result(result: Result) -> None:
    models = ", ".join(one.model.removeprefix("twin/") for one in result.tried)
    end = "accepted" if result.solved else "not solved"
    print(f"{result.number:4d}  {result.kind:<14} {end:<11} ${result.cost_usd:.4f}  {models}", flush=True)
