"""The selector on real outcomes: solved share and cost compared with always-best and fixed ladders.

    python -m benchmarks.replay_selector OUTCOMES.parquet [--splits 5]

Baselines and ratios come from the same run; each split learns from one part of the tasks and judges another.
Some tables leave half of the models or a category out, so that nothing rests on one lucky pool. *New models*
are unknown to training and known by list price when judging begins: the best five, or those of the table that
were first run in April 2026 or later, which is what a ladder fixed in March would have met. `most` is what
any ladder of at most four models a category could have gained over ladder-3, picked with the judged outcomes
in hand: where it is below a claim, no selector that plans four attempts can keep that claim.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.replay_bound import most_gained
from nightcrew.ledger.outcomes import read_outcomes
from nightcrew.selection.replay.figures import PolicyResult
from nightcrew.selection.replay.outcomes import Outcome
from nightcrew.selection.replay.replay import replay
from nightcrew.selection.replay.report import ReplayResult
from nightcrew.selection.replay.scenario import Scenario

COMPARED = Scenario(policies=("nightcrew", "always-best", "ladder-3"))
NOISY = replace(COMPARED, validator_fa=0.1, validator_fr=0.1)
SPRING = (
    *("claude-opus-4-8", "claude-opus-4-7", "Gemini-3.5-Flash", "GPT-5.5", "MiniMax-M3", "GPT-5.4"),
    *("Kimi-K2.6", "GLM-5.1", "Qwen3.6-Plus", "DeepSeek-V4-Pro", "Nemotron-3-Super", "Trinity-*"),
)


def _all(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return list(outcomes)


def _half(first: int) -> Callable[[Sequence[Outcome]], list[Outcome]]:
    def half(outcomes: Sequence[Outcome]) -> list[Outcome]:
        kept = set(sorted({row.model for row in outcomes})[first::2])
        return [row for row in outcomes if row.model in kept]

    return half


def _without_bug_fix(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [row for row in outcomes if row.category != "bug_fix"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question about some rows."""

    title: str
    scenario: Scenario
    rows: Callable[[Sequence[Outcome]], list[Outcome]] = field(default=_all)


QUESTIONS = (
    Question("perfect verdict", replace(COMPARED, frontier=True)),
    Question("verdict errs 10 %/10 %", replace(NOISY, frontier=True)),
    Question("every other model", replace(COMPARED, frontier=True), _half(0)),
    Question("the other models", replace(COMPARED, frontier=True), _half(1)),
    Question("without bug fixes", replace(COMPARED, frontier=True), _without_bug_fix),
    Question("drift", replace(COMPARED, drift=True)),
    Question("new models: the best five", replace(COMPARED, hide_models=("5",))),
    Question("new models: those of the spring", replace(COMPARED, hide_models=SPRING)),
    Question("drift, and the best five are new", replace(COMPARED, drift=True, hide_models=("5",))),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    outcomes, begun = read_outcomes(arguments.outcomes), time.perf_counter()
    for question in QUESTIONS:
        _report(question, question.rows(outcomes), arguments.splits)
    print(f"\n{time.perf_counter() - begun:.0f} s in all")


def _report(question: Question, outcomes: Sequence[Outcome], splits: int) -> None:
    print(f"\n{question.title}")
    print("  split  solved    best  points  of cost  ladder  points  of cost    most  ladders beaten")
    rows, found = [], []
    for seed in range(splits):
        scenario = replace(question.scenario, seed=seed)
        result = replay(outcomes, scenario=scenario)
        own, best, ladder = result.policies
        most = 100 * (most_gained(outcomes, scenario) - ladder.solved)
        rows.append((100 * own.solved, *_against(own, best), *_against(own, ladder), most))
        found.append(result)
        _print_row(str(seed), rows[-1], _beaten(result))
    _print_row("mean", [statistics.fmean(column) for column in zip(*rows, strict=True)], "")
    for line in _frontier(found):
        print(line)


def _against(own: PolicyResult, other: PolicyResult) -> tuple[float, float, float]:
    return 100 * other.solved, 100 * (own.solved - other.solved), 100 * own.cost_usd / other.cost_usd


def _print_row(name: str, row: Sequence[float], beaten: str) -> None:
    solved, best, gain, share, ladder, ladder_gain, ladder_share, most = row
    print(
        f"  {name:>5} {solved:>6.1f}% {best:>6.1f}% {gain:>+7.1f} {share:>7.0f}% "
        f"{ladder:>6.1f}% {ladder_gain:>+7.1f} {ladder_share:>7.0f}% {most:>+7.1f}  {beaten}"
    )


def _beaten(result: ReplayResult) -> str:
    """How many of the ladders some setting of the selector beats, and how many settings a ladder beats."""
    if result.frontier is None:
        return ""
    ladders = [bool(setting.beaten_by) for setting in result.frontier.ladders]
    own = sum(bool(setting.beaten_by) for setting in result.frontier.nightcrew)
    return f"{sum(ladders)} of {len(ladders)}; {own} of our settings by a ladder"


def _frontier(results: Sequence[ReplayResult]) -> list[str]:
    """By quality threshold, the means over the splits against ladder-3."""
    fronts = [result.frontier.against_ladder for result in results if result.frontier is not None]
    lines = []
    for same in zip(*fronts, strict=True):
        gain = 100 * statistics.fmean(one.solved_difference for one in same)
        share = 100 * statistics.fmean(one.cost_ratio or 0.0 for one in same)
        both = sum(one.solved_difference >= 0 and (one.cost_ratio or 0.0) <= 1 for one in same)
        lines.append(
            f"  {same[0].policy:<13} {gain:+5.1f} points at {share:4.0f}% of ladder-3, "
            f"no worse in both on {both} of {len(same)} splits"
        )
    return lines


if __name__ == "__main__":
    main()
