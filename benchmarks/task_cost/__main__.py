"""What a task costs in CPU seconds, by part, beside Prefect's process worker and another version of the code.

    python -m benchmarks.task_cost [--before TREE] [--tasks N] [--kinds "direct documentation" ...]

The services are the real ones (PostgreSQL, Prefect server, worker, sandbox, gates); the model is the twin's
and answers after a second. Every process of a crew is in a control group of its part (`parts.py`), so that
nothing is missed that ends or is orphaned; the twin is not counted. What the crew takes while nothing is to
be done is measured before and left out. One task runs at a time; the first of each kind, which builds
environments and measures base, is not counted. `TREE` is a checkout of another version with its own `.venv`,
such as c4e3cd1: its crew has a home and ports of its own and takes turns with ours. Needs root. Floors: the
CPU seconds of a task of each kind, and half of the other version's.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.support import table, verdict
from benchmarks.task_cost.crew import playing

MOST = {
    "direct documentation": 1.6,
    "direct unit_test": 3.5,
    "direct bug_fix": 4.0,
    "openhands bug_fix": 6.5,
}
MOST_RATIO = 0.5


def main() -> None:
    """Measure, print, and end with 1 where a floor is missed."""
    options = _options()
    trees = {"ours": Path(__file__).resolve().parents[2]}
    if options.before is not None:
        trees["before"] = options.before.resolve()
    costs: dict[tuple[str, str], list[dict[str, float]]] = {}
    with ExitStack() as resources:
        players = [resources.enter_context(playing(name, tree)) for name, tree in trees.items()]
        for player in players:
            for kind in options.kinds:
                player.do(kind)
            player.rest()
            print(f"{player.name}: idle {sum(player.idle.values()):.1%} of a core", flush=True)
        for number in range(options.tasks):
            for kind in options.kinds:
                for player in players if number % 2 else players[::-1]:
                    costs.setdefault((kind, player.name), []).append(player.do(kind))
        stock = players[0]
        stock.ask("stock")
        stock.rest()
        for kind in options.kinds:
            costs[kind, "stock worker"] = [stock.do(kind) for _ in range(options.tasks)]
    _report(options, costs)


# ----------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.task_cost", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--before", type=Path, help="a checkout with a .venv, such as one of c4e3cd1")
    parser.add_argument("--tasks", type=int, default=5, help="of each kind, by each")
    parser.add_argument("--kinds", nargs="+", choices=MOST, default=list(MOST))
    return parser.parse_args()


def _report(
    options: argparse.Namespace, costs: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]
) -> None:
    parts = list(dict.fromkeys(part for tasks in costs.values() for one in tasks for part in one))
    totals = {key: statistics.median(sum(one.values()) for one in tasks) for key, tasks in costs.items()}
    columns = {
        key: {part: statistics.mean(one.get(part, 0.0) for one in tasks) for part in parts}
        for key, tasks in costs.items()
    }
    print(f"\nCPU seconds a task, {options.tasks} of each; means by part, medians of the whole\n")
    table([
        {"task": key[0], "crew": key[1], **column, "median": totals[key]}
        for key, column in columns.items()
    ])  # fmt: skip
    checks = {}
    for kind in options.kinds:
        ours, stock = totals[kind, "ours"], totals[kind, "stock worker"]
        figures = f"{ours:.2f}; {ours / stock:.2f} of Prefect's process worker"
        checks[f"{kind}: at most {MOST[kind]} CPU s ({figures})"] = ours <= MOST[kind]
        if (kind, "before") in totals:
            ratio = ours / totals[kind, "before"]
            checks[f"{kind}: at most {MOST_RATIO} of the other version ({ratio:.2f})"] = ratio <= MOST_RATIO
    verdict(checks)


if __name__ == "__main__":
    main()
