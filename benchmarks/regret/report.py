"""The report of a run: spending per accepted change compared with the oracle, and the notebook's data."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.regret.oracle import (
    Done,
    Expected,
    Policy,
    Sizes,
    always,
    best_model,
    cheapest_model,
    expected,
    oracle,
    played,
)
from benchmarks.regret.run import Result
from benchmarks.regret.world import KINDS, Tokens, World, make_task

POLICIES_FILE = "policies.csv"


@dataclass(frozen=True, slots=True)
class Phase:
    """A period of tasks with unchanged models, and the results of the reference policies."""

    name: str
    world: World
    results: Sequence[Result]
    policies: Mapping[str, Policy]
    sizes: Sizes

    def crew(self, begin: int = 0) -> Expected:
        """What the crew did from the phase's task `begin` on: share solved, and USD a task."""
        return _mean([Done(result.solved, result.cost_usd) for result in self.results[begin:]])

    def other(self, policy: str, begin: int = 0) -> Expected:
        """A policy's result on the same draws."""
        return _mean(
            [
                played(self.policies[policy], self.world, self.sizes, result.kind, result.number)
                for result in self.results[begin:]
            ]
        )

    def oracle(self) -> Expected:
        """The oracle's expected result."""
        return expected(self.policies["oracle"], self.world, self.sizes)

    def ratio(self, begin: int = 0) -> float:
        """The crew's spend per accepted change over the oracle's, on these draws or on average: the less."""
        least = min(self.other("oracle", begin).usd_per_accepted, self.oracle().usd_per_accepted)
        return self.crew(begin).usd_per_accepted / least

    def solved_more(self, policy: str) -> tuple[float, float]:
        """By how much the crew solved a larger share than a policy did, and the standard error of that."""
        others = (
            played(self.policies[policy], self.world, self.sizes, result.kind, result.number)
            for result in self.results
        )
        pairs = [
            float(result.solved) - float(other.solved)
            for result, other in zip(self.results, others, strict=True)
        ]
        return fmean(pairs), stdev(pairs) / len(pairs) ** 0.5

    def tried_first(self, model: str, begin: int = 0) -> float:
        """Share of tasks that a model was tried at first."""
        return fmean(result.tried[0].model == model for result in self.results[begin:] if result.tried)


def phase_of(name: str, world: World, results: Sequence[Result], sizes: Sizes) -> Phase:
    """The phase with the results of its references."""
    policies = {
        "oracle": oracle(world, sizes),
        "always-best": always(best_model(world)),
        "always-cheapest": always(cheapest_model()),
    }
    return Phase(name, world, results, policies, sizes)


def sizes_of(results: Sequence[Result]) -> Sizes:
    """What good and bad work of each kind reads and writes, by the crew's own attempts."""
    return {
        (kind, right): _tokens([
            Tokens(one.read, one.written)
            for result in results
            if result.kind is kind
            for one in result.tried
            if one.accepted is right and not one.fault
        ])
        for kind in KINDS
        for right in (True, False)
    }  # fmt: skip


def rows(phase: Phase, begin: int = 0) -> list[dict[str, object]]:
    """One row for the crew and each reference, for printing."""
    least = phase.other("oracle", begin).usd_per_accepted
    found = {"nightcrew": phase.crew(begin)} | {
        name: phase.other(name, begin) for name in phase.policies
    } | {"oracle, on average": phase.oracle()}  # fmt: skip
    return [
        {
            "phase": phase.name,
            "policy": name,
            "solved %": 100 * done.solved,
            "USD/task": f"{done.cost_usd:.4f}",
            "USD/accepted": f"{done.usd_per_accepted:.4f}" if done.solved else "-",
            "over the oracle": done.usd_per_accepted / least if done.solved else "-",
        }
        for name, done in found.items()
    ]


def write_policies(home: Path, phases: Sequence[Phase]) -> Path:
    """What the references would have done at each task: the notebook joins it with the ledger's own tasks.

    `worth_usd` is what a task left unsolved counts as: what always-best pays for an accepted change.
    """
    path = home / POLICIES_FILE
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["number", "task_id", "phase", "kind", "policy", "solved", "cost_usd", "worth_usd", "degraded"]
        )
        for phase in phases:
            best = phase.policies["always-best"]
            worth = expected(best, phase.world, phase.sizes).usd_per_accepted
            for result in phase.results:
                task_id = make_task(result.number, "any").task_id
                for name, policy in phase.policies.items():
                    done = played(policy, phase.world, phase.sizes, result.kind, result.number)
                    row = [result.number, task_id, phase.name, result.kind, name, int(done.solved)]
                    writer.writerow([*row, f"{done.cost_usd:.6f}", f"{worth:.6f}", result.degraded or ""])
    return path


# ----------------------------------------------------------------------------------------------------


def _mean(done: Sequence[Done]) -> Expected:
    return Expected(fmean(one.solved for one in done), fmean(one.cost_usd for one in done))


def _tokens(seen: Sequence[Tokens]) -> Tokens:
    if not seen:
        raise SystemExit("too few tasks: no attempt of some kind was good, or none was bad; run more tasks")
    return Tokens(fmean(one.read for one in seen), fmean(one.written for one in seen))
