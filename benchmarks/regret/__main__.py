"""The crew's spending compared with an oracle that knows every model's skill, in the whole pipeline.

    python -m benchmarks.regret [--tasks 200] [--after 70] [--seed 1] [--home FOLDER]

Real tasks on the example project go through catalogue, selector, gateway, sandbox, verdict, memory and
ledger; only the models are the twin's, and nobody tells the selector their skill. After `--tasks` tasks the
model that is tried first most often goes bad. The references are worked out from the true skills and from
what good and bad work was measured to read and write: an oracle ladder (for each kind of task the cheapest
way to solve as large a share as always-best), always-best, always-cheapest. A task takes 4 to 15 s, as busy
as the machine is; an interrupted run goes on where it stopped if it is given the same options. The plot of
regret over tasks:

    NIGHTCREW_HOME=FOLDER marimo run analytics/notebooks/cost_and_quality.py
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.regret.report import Phase, phase_of, rows, sizes_of, write_policies
from benchmarks.regret.run import Result, favourite, run
from benchmarks.regret.world import World, first_world
from benchmarks.support import table, verdict

MOST_OVER_ORACLE = 1.3
ADAPTS_WITHIN = 30
MOST_BELOW_BEST = 0.05  # of the share solved; 200 tasks tell it to some three points (one standard error)


def main() -> None:
    """Run, print, and report whether the claims hold."""
    options = _options()
    results = run(options.home, seed=options.seed, tasks=options.tasks, after=options.after)
    sizes, world = sizes_of(results), first_world(options.seed)
    learning = phase_of("learning", world, results[: options.tasks], sizes)
    bad = favourite(results, options.tasks)
    changed = phase_of("changed", world.with_degraded(bad), results[options.tasks :], sizes)
    path = write_policies(options.home, [learning, changed])
    print()
    table([*rows(learning), *rows(changed, ADAPTS_WITHIN)])
    print(
        f"\nphase changed: {bad} has gone bad; the tasks after the first {ADAPTS_WITHIN}. Before, it was "
        f"tried first at {100 * learning.tried_first(bad, options.tasks // 2):.0f} % of the tasks, now at "
        f"{100 * changed.tried_first(bad, ADAPTS_WITHIN):.0f} %."
    )
    for phase in (learning, changed):
        ladders = "; ".join(
            f"{kind}: {' > '.join(model.removeprefix('twin/') for model in ladder)}"
            for kind, ladder in phase.policies["oracle"].items()
        )
        print(f"The oracle's ladders, {phase.name}: {ladders}")
    print(f"Written: {path}, and the ledger beside it")
    verdict(_claims(learning, changed, bad, results, world))


def _claims(
    learning: Phase, changed: Phase, bad: str, results: Sequence[Result], world: World
) -> dict[str, bool]:
    count, ratio, after = len(learning.results), learning.ratio(), changed.ratio(ADAPTS_WITHIN)
    ours, (more, error) = learning.crew().solved, learning.solved_more("always-best")
    before, now = (
        learning.tried_first(bad, count // 2),
        changed.tried_first(bad, ADAPTS_WITHIN),
    )
    wrong = _wrong_verdicts(results, world, bad)
    return {
        f"{count} tasks, learning included, at {ratio:.2f} of the oracle's spend per accepted change "
        f"(at most {MOST_OVER_ORACLE})": ratio <= MOST_OVER_ORACLE,
        f"solved {100 * ours:.1f} %, {100 * more:+.1f} points (standard error {100 * error:.1f}) beside "
        f"always-best on the same draws (at most {100 * MOST_BELOW_BEST:.0f} less)": more >= -MOST_BELOW_BEST,
        f"{ADAPTS_WITHIN} tasks after {bad} went bad, at {after:.2f} of the new oracle's spend "
        f"(at most {MOST_OVER_ORACLE})": after <= MOST_OVER_ORACLE,
        f"by then it is tried first at {100 * now:.0f} % of the tasks, {100 * before:.0f} % before "
        "(less than half as often)": now < before / 2,
        f"the verdict was wrong about {wrong} of {sum(len(r.tried) for r in results)} attempts (none)": wrong
        == 0,
    }


def _wrong_verdicts(results: Sequence[Result], world: World, bad: str) -> int:
    after = world.with_degraded(bad)
    return sum(
        one.accepted != (after if result.degraded else world).is_right(one.model, result.kind, result.number)
        for result in results
        for one in result.tried
        if not one.fault
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=200, help="before a model goes bad")
    parser.add_argument("--after", type=int, default=70, help=f"after it; more than {ADAPTS_WITHIN}")
    parser.add_argument("--seed", type=int, default=1, help="of the models' draws")
    parser.add_argument("--home", type=Path, help="where everything is kept, to go on or to plot")
    options = parser.parse_args()
    if options.after <= ADAPTS_WITHIN or options.tasks < 2:
        parser.error(f"--after must be more than {ADAPTS_WITHIN}, --tasks at least 2")
    name = f"nightcrew-regret-{options.tasks}-{options.after}-{options.seed}"
    options.home = (options.home or Path(tempfile.gettempdir()) / name).absolute()
    return options


if __name__ == "__main__":
    main()
