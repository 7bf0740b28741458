"""The result of a replay, as JSON and as a table for people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nightcrew.selection.replay.figures import Comparison, PolicyResult
from nightcrew.selection.replay.frontier import Frontier


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay."""

    policies: tuple[PolicyResult, ...]
    paired: tuple[Comparison, ...]
    trained_on: int
    judged_on: int
    models: int
    validator_fa: float
    validator_fr: float
    seed: int
    quality_threshold: float
    drift: tuple[str, ...]  # models that became worse
    hidden_models: tuple[str, ...]  # models without outcomes to learn from
    frontier: Frontier | None
    per_category: Mapping[str, Mapping[str, Mapping[str, float]]]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; money in USD per task, shares from 0 to 1."""
        return asdict(self)


def render(result: ReplayResult) -> str:
    """The figures as a table for people."""
    lines = [
        f"{result.judged_on} tasks judged, {result.trained_on} learned from, {result.models} models; "
        f"the verdict accepts {result.validator_fa:.0%} of wrong work and rejects "
        f"{result.validator_fr:.0%} of right work",
        "",
        f"{'policy':<18} {'solved':>7} {'95 % interval':>15} {'$/task':>8} {'$/solved':>9} {'p95 $':>8} "
        f"{'seconds':>8} {'attempts':>8}",
    ]
    for r in result.policies:
        interval = "{:.1f} to {:.1f}".format(*(100 * bound for bound in r.ci["solved"]))
        per_solved = "-" if r.cost_per_solved_usd is None else f"{r.cost_per_solved_usd:.3f}"
        lines.append(
            f"{r.policy:<18} {100 * r.solved:>6.1f}% {interval:>15} {r.cost_usd:>8.3f} "
            f"{per_solved:>9} {r.p95_cost_usd:>8.2f} {r.mean_seconds:>8.0f} {r.attempts:>8.2f}"
        )
    lines += ["", *(_sentence(comparison) for comparison in result.paired)]
    if result.frontier is not None:
        lines += ["", *_frontier(result.frontier)]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------


def _frontier(frontier: Frontier) -> list[str]:
    """One line for each setting, with the setting that beats it, if any."""
    lines = ["The frontier: the selector at several quality thresholds, and fixed three-rung ladders"]
    for kind, settings in (("nightcrew", frontier.nightcrew), ("ladder", frontier.ladders)):
        lines += [
            f"  {kind:<10} {100 * s.solved:>6.1f}% {s.cost_usd:>8.3f} $/task  {s.name}"
            + (f"  (beaten by {s.beaten_by})" if s.beaten_by else "")
            for s in settings
        ]
    return [*lines, *("  " + _sentence(comparison) for comparison in frontier.against_ladder)]


def _sentence(c: Comparison) -> str:
    low, high = c.solved_difference_ci
    ratio = "" if c.cost_ratio is None else f" at {c.cost_ratio:.0%} of the cost"
    return (
        f"{c.policy} against {c.against}: {100 * c.solved_difference:+.1f} points solved "
        f"({100 * low:+.1f} to {100 * high:+.1f}){ratio}"
    )
