"""Replay: the production selector over a table of real outcomes, beside the policies it has to beat.

What is judged is never learned from: either the two tables are given, or one is split by task.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from nightcrew.errors import BadInput
from nightcrew.selection.beliefs import Rates
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.outcomes import (
    Outcome,
    Problem,
    Table,
    busiest_agent,
    drifted,
    shuffled,
    split,
    table_of,
)
from nightcrew.selection.replay_original import Original
from nightcrew.selection.replay_policies import (
    Nightcrew,
    Oracle,
    PerCategory,
    Policy,
    RandomChoice,
    Run,
    Score,
    Single,
    StaticLadder,
    Thompson,
    by_cost,
    by_solved,
    records,
    three_rungs,
)
from nightcrew.selection.replay_report import ReplayResult, comparisons_of, results_of
from nightcrew.selection.requirements import DEFAULT_QUALITY

POLICIES = (
    "nightcrew",
    "original",
    "always-cheapest",
    "always-best",
    "random",
    "best-per-category",
    "ladder-3",
    "thompson",
    "oracle",
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """How the replay is run."""

    policies: tuple[str, ...] = POLICIES
    validator_fa: float = 0.0
    validator_fr: float = 0.0
    seed: int = 0
    drift: bool = False  # the rungs of the plain ladder become worse after a third of the tasks
    hide_models: tuple[str, ...] = ()  # names, patterns, or one number: so many of the best
    quality_threshold: float = DEFAULT_QUALITY


def replay(
    outcomes: Sequence[Outcome], train: Sequence[Outcome] | None = None, *, scenario: Scenario | None = None
) -> ReplayResult:
    """Judge policies on `outcomes`, taught on `train`, or on a part of `outcomes` split off by task.

    Raises:
        BadInput: a policy is not known, a rate is out of range, or a table holds nothing to replay.
    """
    scenario = _as_lists(scenario or Scenario())
    _check(scenario)
    taught, judged = _tables(outcomes, train, scenario.seed)
    catalogue = {**taught.catalogue, **judged.catalogue}
    hidden = _hidden(scenario.hide_models, taught)
    taught = taught.without(hidden)
    worse = three_rungs(records(taught.problems)) if scenario.drift else ()
    if worse:
        judged = drifted(judged, worse, seed=scenario.seed)
    scores = {
        name: _run(_policy(name, scenario, catalogue), taught, judged, _verdict(scenario))
        for name in scenario.policies
    }
    return ReplayResult(
        policies=results_of(scores, seed=scenario.seed),
        paired=comparisons_of(scores, seed=scenario.seed),
        trained_on=len(taught.problems),
        judged_on=len(judged.problems),
        models=len(catalogue),
        validator_fa=scenario.validator_fa,
        validator_fr=scenario.validator_fr,
        seed=scenario.seed,
        quality_threshold=scenario.quality_threshold,
        drift=tuple(worse),
        hidden_models=tuple(hidden),
        per_category=_per_category(judged, scores),
    )


# ------------------------------------------------------------------------------------------------------


def _as_lists(scenario: Scenario) -> Scenario:
    """Names may also come in one string, with commas between them."""
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


def _tables(outcomes: Sequence[Outcome], train: Sequence[Outcome] | None, seed: int) -> tuple[Table, Table]:
    agent = busiest_agent(outcomes)
    if train is None:
        taught, judged = split(table_of(outcomes, agent), seed=seed)
    else:
        taught, judged = table_of(train, agent), table_of(outcomes, agent)
    if not taught.problems or not judged.problems:
        raise BadInput("the table holds too few tasks to learn from one part and judge on another")
    return shuffled(taught, seed=seed), shuffled(judged, seed=seed)


def _hidden(asked: Sequence[str], taught: Table) -> list[str]:
    """The models to hide: those that match a pattern, or the best so many."""
    ranked = by_solved(records(taught.problems))
    if len(asked) == 1 and asked[0].isdigit():
        hidden = ranked[: int(asked[0])]
    else:
        hidden = [model for model in ranked if any(fnmatchcase(model, pattern) for pattern in asked)]
    if asked and (not hidden or len(hidden) == len(ranked)):
        raise BadInput(f"--hide-models {','.join(asked)} leaves nothing to learn from, or hides nothing")
    return hidden


def _verdict(scenario: Scenario) -> Callable[[Problem, str], bool]:
    """The verdict on a model's work: the truth, but for errors that are the same under every policy."""

    def verdict(problem: Problem, model: str) -> bool:
        right = problem.cells[model].success
        wrong_rate = scenario.validator_fr if right else scenario.validator_fa
        if wrong_rate <= 0:
            return right
        dice = random.Random(f"{scenario.seed} {problem.category} {problem.task_id} {model}")  # noqa: S311
        return right != (dice.random() < wrong_rate)

    return verdict


def _policy(name: str, scenario: Scenario, catalogue: Mapping[str, Candidate]) -> Policy:
    verdict, rates = _verdict(scenario), Rates(scenario.validator_fa, scenario.validator_fr)
    dice = random.Random(f"{scenario.seed} {name}")  # noqa: S311
    makers: dict[str, Callable[[], Policy]] = {
        "nightcrew": lambda: Nightcrew(
            catalogue, verdict, rates, scenario.seed, quality_threshold=scenario.quality_threshold
        ),
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


def _run(
    policy: Policy, taught: Table, judged: Table, verdict: Callable[[Problem, str], bool]
) -> list[Score]:
    policy.teach(taught)
    scores = []
    for problem in judged.problems:
        run = Run(problem, verdict)
        policy.solve(run)
        scores.append(run.score())
    return scores


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
