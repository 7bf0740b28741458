"""The options of a replay, and the tables to teach and to judge that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from nightcrew.errors import BadInput
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.replay.outcomes import (
    Outcome,
    Table,
    busiest_agent,
    drifted,
    shuffled,
    split,
    table_of,
)
from nightcrew.selection.replay.policies import three_rungs
from nightcrew.selection.replay.run import by_solved, records
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
    """The options of a replay."""

    policies: tuple[str, ...] = POLICIES
    validator_fa: float = 0.0
    validator_fr: float = 0.0
    seed: int = 0
    # The models of the usual ladder lose 60 % of their successes after a third of the tasks.
    drift: bool = False
    # Names, patterns, or one number N for the N best. No policy is taught about them: they are new when
    # judging begins, and only their list prices are known.
    hide_models: tuple[str, ...] = ()
    quality_threshold: float = DEFAULT_QUALITY
    frontier: bool = False  # also run at other quality thresholds, and with other ladders


class Tables(NamedTuple):
    """The tables of outcomes that follow from a scenario."""

    taught: Table
    judged: Table
    catalogue: Mapping[str, Candidate]  # of both
    hidden: tuple[str, ...]  # models that no policy is taught about
    worse: tuple[str, ...]  # models that become worse


def tables_of(outcomes: Sequence[Outcome], train: Sequence[Outcome] | None, scenario: Scenario) -> Tables:
    """The tables that a scenario teaches and judges.

    Raises:
        BadInput: there are too few tasks, or the models to hide are none or all of them.
    """
    agent = busiest_agent(outcomes)
    if train is None:
        taught, judged = split(table_of(outcomes, agent), seed=scenario.seed)
    else:
        taught, judged = table_of(train, _same_agent(train, agent)), table_of(outcomes, agent)
    catalogue = {**taught.catalogue, **judged.catalogue}
    hidden = _hidden(scenario.hide_models, taught, catalogue)
    taught = shuffled(taught.without(hidden), seed=scenario.seed)
    judged = shuffled(judged, seed=scenario.seed)
    if not taught.problems or not judged.problems:
        raise BadInput("the table has too few tasks to learn from one part and judge on another")
    worse = three_rungs(records(taught.problems)) if scenario.drift else ()
    if worse:
        judged = drifted(judged, worse, seed=scenario.seed)
    return Tables(taught, judged, catalogue, hidden, worse)


# ------------------------------------------------------------------------------------------------------


def _same_agent(train: Sequence[Outcome], agent: str) -> str:
    """The judged agent's name in the training table; one of the two tables may lack names."""
    known = {outcome.agent for outcome in train}
    if agent in known:
        return agent
    if known and "" not in {agent, *known}:
        raise BadInput(f"the table to learn from has no row of {agent}, the agent to be judged")
    return busiest_agent(train)


def _hidden(asked: Sequence[str], taught: Table, catalogue: Mapping[str, Candidate]) -> tuple[str, ...]:
    """The models to hide: those that match a pattern, or the N best."""
    ranked = by_solved(records(taught.problems))
    if len(asked) == 1 and asked[0].isdigit():
        hidden = ranked[: int(asked[0])]
    else:
        hidden = [name for name in catalogue if any(fnmatchcase(name, pattern) for pattern in asked)]
    if asked and (not hidden or set(ranked) <= set(hidden)):
        raise BadInput(f"--hide-models {','.join(asked)} leaves nothing to learn from, or hides nothing")
    return tuple(hidden)
