"""What the crew has learned from its verdicts: success weights, usage, and the verdict's own error rates.

It is one JSON file, replaced atomically under a lock, so that readers never see half of it and no process
overwrites another's update. It is a snapshot for decisions, not an archive: its size depends on the number of
models, not of outcomes; the outcomes themselves are in the ledger, from which it can be rebuilt.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from nightcrew.errors import BadInput
from nightcrew.selection import snapshot
from nightcrew.selection.beliefs import Gaussian, Moments, Rates
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.cost_model import CostModel, Running, Usage, cost_of, size_of
from nightcrew.selection.success_model import EASE, SuccessModel
from nightcrew.selection.verdict_rates import VERDICT_RATES
from nightcrew.task import Complexity

log = logging.getLogger(__name__)

FORMAT = 3
_DAMAGED = (ValueError, KeyError, TypeError, IndexError, AttributeError)  # what reading such a file ends with


class TrialEnd(StrEnum):
    """How an attempt ended, as far as the choice of the next model is concerned."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAULT = "fault"  # says nothing about skill: infrastructure, cancelled, not measurable
    UNFIT = "unfit"  # the model cannot do this task; says nothing about its skill either

    @property
    def is_verdict(self) -> bool:
        """True if the model's work was judged."""
        return self in {TrialEnd.ACCEPTED, TrialEnd.REJECTED}


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished attempt at the current task."""

    executor: str
    slug: str
    end: TrialEnd
    input_tokens: int = 0  # its usage tells how large the task is; 0: unknown
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """The usage of one attempt, as the gateway counted it."""

    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    seconds: float = 0.0
    cost_usd: Decimal | None = None  # billed; None: unknown


@dataclass(slots=True)
class Memory:
    """The learned state: `load` it to read, or `record` a verdict while `updating` the file."""

    success: SuccessModel = field(default_factory=SuccessModel)
    cost: CostModel = field(default_factory=CostModel)
    rates: dict[str, Rates] = field(default_factory=dict)  # task_type, or "*" for all
    outcomes: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # task_type/executor -> slug -> verdicts

    @classmethod
    def load(cls, path: Path, rebuild: "Rebuild | None" = None) -> "Memory":
        """The memory in `path`. One that is missing, damaged or of an earlier format is made by `rebuild`
        and saved; without that it is a fresh one. A damaged file is kept beside it.

        Raises:
            BadInput: a newer version of Nightcrew wrote the file.
        """
        try:
            return cls.from_json(json.loads(path.read_text()))
        except (FileNotFoundError, *_DAMAGED):
            with snapshot.locked(path):
                return cls._restored(path, rebuild)

    def save(self, path: Path) -> None:
        """Replace `path` with this memory atomically."""
        snapshot.write(path, self.to_json())

    @classmethod
    @contextmanager
    def updating(cls, path: Path, rebuild: "Rebuild | None" = None) -> "Iterator[Memory]":
        """The memory in `path` for changing, saved at the end; other processes wait meanwhile."""
        with snapshot.locked(path):
            memory = cls._restored(path, rebuild)
            yield memory
            memory.save(path)

    def record(
        self,
        *,
        task_type: str,
        executor: str,
        candidate: Candidate,
        end: TrialEnd,
        spent: Spent,
        complexity: Complexity = Complexity.MODERATE,
        before: Sequence[Trial] = (),
    ) -> None:
        """Learn from one attempt; `before` are the earlier attempts at the task. Faults are ignored."""
        if not end.is_verdict:
            return
        if not any(trial.end.is_verdict for trial in before):
            self.success.begin_task()
        ease = self._ease_after(task_type, complexity, before)
        self.learn(
            task_type=task_type,
            executor=executor,
            candidate=candidate,
            accepted=end is TrialEnd.ACCEPTED,
            spent=spent,
            complexity=complexity,
            ease=ease,
            rejections=rejections_of(candidate.slug, before),
        )

    def learn(
        self,
        *,
        task_type: str,
        executor: str,
        candidate: Candidate,
        accepted: bool,
        spent: Spent,
        complexity: Complexity = Complexity.MODERATE,
        ease: Gaussian = EASE,
        rejections: int = 0,
    ) -> Gaussian:
        """Learn from one verdict on a task of known `ease`; returns the updated ease."""
        counts = self.outcomes.setdefault(f"{task_type}/{executor}", {})
        counts[candidate.slug] = counts.get(candidate.slug, 0) + 1
        self._learn_usage(task_type, executor, complexity, candidate, spent)
        return self.success.update(
            task_type=task_type,
            executor=executor,
            complexity=complexity,
            traits=candidate.traits,
            accepted=accepted,
            rates=self.rates_of(task_type),
            ease=ease,
            rejections=rejections,
        )

    def score_of(
        self, task_type: str, complexity: Complexity, trial: Trial, before: Sequence[Trial]
    ) -> Moments:
        """The score of a trial's model, as it was after the trials before it on the same task."""
        known = self.success.traits_of(trial.slug)
        score = self.success.score(task_type, trial.executor, complexity, known)
        return self.success.score_again(score, trial.executor, rejections_of(trial.slug, before))

    def rates_of(self, task_type: str) -> Rates:
        """The verdict's measured error rates for a task type."""
        return self.rates.get(task_type) or self.rates.get("*") or VERDICT_RATES

    def evidence(self, task_type: str, executor: str, slug: str) -> int:
        """The number of our own verdicts behind a prediction."""
        return self.outcomes.get(f"{task_type}/{executor}", {}).get(slug, 0)

    def relative_size(self, task_type: str, executor: str) -> float:
        """The mean usage for a task type over the mean of all attempts with this executor."""
        own = self.cost.base.get(f"{task_type}/{executor}")
        if own is None:
            return 1.0
        counts = {
            place: sum(seen.values())
            for place, seen in self.outcomes.items()
            if place.endswith(f"/{executor}") and place in self.cost.base
        }
        total = sum(count * size_of(self.cost.base[place]) for place, count in counts.items())
        return size_of(own) * sum(counts.values()) / total if total else 1.0

    def to_json(self) -> dict[str, Any]:
        """The whole memory as plain JSON."""
        cost = self.cost
        return {
            "format": FORMAT,
            "tick": self.success.tick,
            "weights": self.success.tables,
            "surprise": self.success.surprise,
            "inputs": self.success.inputs,
            "base": {key: [run.count, *run.values] for key, run in cost.base.items()},
            "own": _nested(cost.own),
            "appetite": _nested(cost.appetite),
            "bill": {key: [run.count, *run.values] for key, run in cost.bill.items()},
            "rates": self.rates,
            "outcomes": self.outcomes,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The memory that `to_json` wrote."""
        if data["format"] > FORMAT:
            raise BadInput(
                f"the selector's memory has format {data['format']}, and this version of Nightcrew knows "
                f"formats up to {FORMAT}: install the version that wrote it; nothing was changed"
            )
        if data["format"] < FORMAT:
            raise ValueError(f"format {data['format']} is older than {FORMAT}")
        tables = {
            table: {key: Gaussian(float(m), float(v)) for key, (m, v) in weights.items()}
            for table, weights in data["weights"].items()
        }
        cost = CostModel()
        cost.base, cost.bill = _runs(data["base"]), _runs(data["bill"])
        cost.own = {place: _runs(rows) for place, rows in data["own"].items()}
        cost.appetite = {executor: _runs(rows) for executor, rows in data["appetite"].items()}
        success = SuccessModel(tables, int(data["tick"]), data["surprise"])
        success.inputs = {slug: (float(c), float(p)) for slug, (c, p) in data.get("inputs", {}).items()}
        return cls(
            success=success,
            cost=cost,
            rates={task_type: Rates(*rates) for task_type, rates in data["rates"].items()},
            outcomes=data["outcomes"],
        )

    @classmethod
    def _restored(cls, path: Path, rebuild: "Rebuild | None") -> "Memory":
        """As `load`, for the process that holds the lock."""
        try:
            return cls.from_json(json.loads(path.read_text()))
        except FileNotFoundError:
            pass
        except _DAMAGED as error:
            aside = path.with_suffix(".unreadable")
            log.warning("the selector's memory %s cannot be used (%s): kept as %s", path, error, aside)
            path.replace(aside)
        memory = (rebuild or cls)()
        memory.save(path)
        return memory

    def _ease_after(self, task_type: str, complexity: Complexity, before: Sequence[Trial]) -> Gaussian:
        ease, rates = EASE, self.rates_of(task_type)
        for number, trial in enumerate(before):
            if trial.end.is_verdict:
                score = self.score_of(task_type, complexity, trial, before[:number])
                ease = self.success.ease_after(score, trial.end is TrialEnd.ACCEPTED, rates, ease)
        return ease

    def _learn_usage(
        self, task_type: str, executor: str, complexity: Complexity, candidate: Candidate, spent: Spent
    ) -> None:
        if spent.calls == 0:
            return
        usage = Usage(spent.input_tokens, spent.output_tokens, spent.calls, spent.seconds)
        self.cost.learn(
            task_type=task_type, executor=executor, complexity=complexity, slug=candidate.slug, usage=usage
        )
        price = candidate.price
        if spent.cost_usd is not None and price.known and not candidate.free:
            billed = float(spent.cost_usd)
            self.cost.learn_bill(candidate.slug, billed_usd=billed, list_usd=cost_of(usage, price))


type Rebuild = Callable[[], Memory]


def rejections_of(slug: str, trials: Sequence[Trial]) -> int:
    """How often a model's work was rejected in these trials."""
    return sum(trial.slug == slug and trial.end is TrialEnd.REJECTED for trial in trials)


# ------------------------------------------------------------------------------------------------------


def _nested(tables: dict[str, dict[str, Running]]) -> dict[str, dict[str, list[float]]]:
    return {key: {slug: [r.count, *r.values] for slug, r in rows.items()} for key, rows in tables.items()}


def _runs(rows: dict[str, list[float]]) -> dict[str, Running]:
    return {key: Running(float(count), [float(v) for v in values]) for key, (count, *values) in rows.items()}
