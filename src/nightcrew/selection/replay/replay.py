"""Replay: runs the production selector and other policies on a table of real outcomes.

Policies never learn from the tasks they are judged on: two tables are given, or one is split by task.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from nightcrew.errors import BadInput
from nightcrew.selection.beliefs import Rates
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.replay.figures import comparisons_of, results_of
from nightcrew.selection.replay.frontier import QUALITIES, Frontier, frontier_of, good_ladders
from nightcrew.selection.replay.original import Original
from nightcrew.selection.replay.outcomes import (
    Outcome,
    Problem,
    Table,
)
from nightcrew.selection.replay.policies import (
    Oracle,
    PerCategory,
    RandomChoice,
    Single,
    StaticLadder,
    Thompson,
)
from nightcrew.selection.replay.production import Nightcrew
from nightcrew.selection.replay.report import ReplayResult
from nightcrew.selection.replay.run import Policy, Run, Score, by_cost, by_solved
from nightcrew.selection.replay.scenario import POLICIES, Scenario, Tables, tables_of


def replay(
    outcomes: Sequence[Outcome], train: Sequence[Outcome] | None = None, *, scenario: Scenario | None = None
) -> ReplayResult:
    """Judge policies on `outcomes`, taught on `train` or else on a part of `outcomes`, split by task.

    Raises:
        BadInput: a policy is unknown, a rate is out of range, or a table has no usable row.
    """
    scenario = _as_lists(scenario or Scenario())
    _check(scenario)
    tables = tables_of(outcomes, train, scenario)
    taught, judged = tables.taught, tables.judged
    scores = {
        name: _run(_policy(name, scenario, tables.catalogue), taught, judged, _verdict(scenario))
        for name in scenario.policies
    }
    return ReplayResult(
        policies=results_of(scores, seed=scenario.seed),
        paired=comparisons_of(scores, seed=scenario.seed),
        trained_on=len(taught.problems),
        judged_on=len(judged.problems),
        models=len(tables.catalogue),
        validator_fa=scenario.validator_fa,
        validator_fr=scenario.validator_fr,
        seed=scenario.seed,
        quality_threshold=scenario.quality_threshold,
        drift=tables.worse,
        hidden_models=tables.hidden,
        frontier=_frontier(scenario, tables) if _has_frontier(scenario) else None,
        per_category=_per_category(judged, scores),
    )


# ------------------------------------------------------------------------------------------------------


def _as_lists(scenario: Scenario) -> Scenario:
    """Split strings that contain several names, separated by commas."""
    policies, hidden = (
        tuple(part.strip() for name in names for part in name.split(",") if part.strip())
        for names in (scenario.policies, scenario.hide_models)
    )
    return replace(scenario, policies=tuple(dict.fromkeys(policies)), hide_models=hidden)


def _check(scenario: Scenario) -> None:
    unknown = [name for name in scenario.policies if name not in POLICIES]
    if unknown or not scenario.policies:
        raise BadInput(f"unknown policy {', '.join(unknown) or '(none)'}; known are {', '.join(POLICIES)}")
    if not (0 <= scenario.validator_fa < 0.5 and 0 <= scenario.validator_fr < 0.5):
        raise BadInput("the verdict's error rates must be at least 0 and below 0.5")


def _verdict(scenario: Scenario) -> Callable[[Problem, str], bool]:
    """The verdict on a model's work: the truth with random errors, which are the same for every policy."""

    def verdict(problem: Problem, model: str) -> bool:
        right = problem.cells[model].success
        wrong_rate = scenario.validator_fr if right else scenario.validator_fa
        if wrong_rate <= 0:
            return right
        dice = random.Random(f"{scenario.seed} {problem.category} {problem.task_id} {model}")  # noqa: S311
        return right != (dice.random() < wrong_rate)

    return verdict


def _policy(name: str, scenario: Scenario, catalogue: Mapping[str, Candidate]) -> Policy:
    verdict = _verdict(scenario)
    dice = random.Random(f"{scenario.seed} {name}")  # noqa: S311
    makers: dict[str, Callable[[], Policy]] = {
        "nightcrew": lambda: _nightcrew(scenario, catalogue),
        "original": lambda: Original(catalogue),
        "always-cheapest": lambda: Single(by_cost),
        "always-best": lambda: Single(by_solved),
        "random": lambda: RandomChoice(dice),
        "best-per-category": PerCategory,
        "ladder-3": StaticLadder,
        "thompson": lambda: Thompson(dice, verdict),
        "oracle": Oracle,
    }
    return makers[name]()


def _nightcrew(scenario: Scenario, catalogue: Mapping[str, Candidate]) -> Nightcrew:
    rates = Rates(scenario.validator_fa, scenario.validator_fr)
    return Nightcrew(catalogue, _verdict(scenario), rates, scenario.seed, scenario.quality_threshold)


def _run(
    policy: Policy, taught: Table, judged: Table, verdict: Callable[[Problem, str], bool]
) -> list[Score]:
    policy.teach(taught)
    return _judge(policy, judged, verdict)


def _judge(policy: Policy, judged: Table, verdict: Callable[[Problem, str], bool]) -> list[Score]:
    scores = []
    for problem in judged.problems:
        run = Run(problem, verdict)
        policy.solve(run)
        scores.append(run.score())
    return scores


def _has_frontier(scenario: Scenario) -> bool:
    return scenario.frontier and {"nightcrew", "ladder-3"} <= set(scenario.policies)


def _frontier(scenario: Scenario, tables: Tables) -> Frontier:
    taught, judged = tables.taught, tables.judged
    verdict, settings = _verdict(scenario), {}
    taught_once = _nightcrew(scenario, tables.catalogue)
    taught_once.teach(taught)
    for quality in sorted({*QUALITIES, scenario.quality_threshold}):
        policy = replace(taught_once, quality_threshold=quality, memory=deepcopy(taught_once.memory))
        settings[quality] = _judge(policy, judged, verdict)
    ladders = {
        rungs: _run(StaticLadder(rungs), taught, judged, verdict) for rungs in good_ladders(taught.problems)
    }
    return frontier_of(settings, ladders, seed=scenario.seed)


def _per_category(
    judged: Table, scores: Mapping[str, Sequence[Score]]
) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for category in sorted({problem.category for problem in judged.problems}):
        places = [i for i, problem in enumerate(judged.problems) if problem.category == category]
        found[category] = {
            policy: {
                "tasks": float(len(places)),
                "solved": sum(own[i].solved for i in places) / len(places),
                "cost_usd": sum(own[i].cost_usd for i in places) / len(places),
            }
            for policy, own in scores.items()
        }
    return found
