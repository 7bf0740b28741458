"""The selector on real outcomes: solved share and cost beside always-best and a plain ladder, five splits.

    python benchmarks/replay_selector.py OUTCOMES.parquet [--splits 5]

Baselines and ratios come from the same run; each split learns from one part of the tasks and judges another.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nightcrew.ledger.outcomes import read_outcomes
from nightcrew.selection.outcomes import Outcome
from nightcrew.selection.replay import Scenario, replay
from nightcrew.selection.replay_report import PolicyResult

COMPARED = ("nightcrew", "always-best", "ladder-3")
SCENARIOS = {
    "perfect verdict": Scenario(policies=COMPARED),
    "verdict errs 10 %/10 %": Scenario(policies=COMPARED, validator_fa=0.1, validator_fr=0.1),
    "at the ladder's quality": Scenario(policies=COMPARED, quality_threshold=0.93),
    "drift": Scenario(policies=COMPARED, drift=True),
    "new models (best 5 hidden)": Scenario(policies=COMPARED, hide_models=("5",)),
    "drift and new models": Scenario(policies=COMPARED, drift=True, hide_models=("5",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    arguments = parser.parse_args()
    outcomes, begun = read_outcomes(arguments.outcomes), time.perf_counter()
    for title, scenario in SCENARIOS.items():
        print(f"\n{title}")
        print("  split  solved    best  points  of cost  ladder  points  of cost")
        _report(outcomes, scenario, arguments.splits)
    print(f"\n{time.perf_counter() - begun:.0f} s in all")


def _report(outcomes: Sequence[Outcome], scenario: Scenario, splits: int) -> None:
    rows = []
    for seed in range(splits):
        own, best, ladder = replay(outcomes, scenario=replace(scenario, seed=seed)).policies
        rows.append((100 * own.solved, *_against(own, best), *_against(own, ladder)))
        _print_row(str(seed), rows[-1])
    _print_row("mean", [statistics.fmean(column) for column in zip(*rows, strict=True)])


def _against(own: PolicyResult, other: PolicyResult) -> tuple[float, float, float]:
    return 100 * other.solved, 100 * (own.solved - other.solved), 100 * own.cost_usd / other.cost_usd


def _print_row(name: str, row: Sequence[float]) -> None:
    solved, best, gain, share, ladder, ladder_gain, ladder_share = row
    print(
        f"  {name:>5} {solved:>6.1f}% {best:>6.1f}% {gain:>+7.1f} {share:>7.0f}% "
        f"{ladder:>6.1f}% {ladder_gain:>+7.1f} {ladder_share:>7.0f}%"
    )


if __name__ == "__main__":
    main()
