"""What a crew costs while it has nothing to do: CPU as a share of a core, and memory.

    python -m benchmarks.idle_crew [--seconds N]

PostgreSQL, Prefect's server, the worker and the process that looks after them, as `run-engine` does, in a
home of its own, after a task has been done: everything is loaded that stays so. (The process from which
agents are forked is not there: it ends after ten minutes without one, see `forked_agents`.) CPU is of every
process by control group, memory the proportional size (PSS) of all of them. Needs root.
"""

import argparse
import time
from pathlib import Path

from benchmarks.support import table, verdict
from benchmarks.task_cost.crew import playing

MOST_SHARE, MOST_PSS_MB = 0.02, 400.0
SETTLE_SECONDS = 20.0


def main() -> None:
    """Measure, print, and end with 1 where a floor is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of doing nothing")
    seconds = parser.parse_args().seconds
    with playing("idle", Path(__file__).resolve().parents[1]) as crew:
        crew.do("direct documentation")
        crew.ask(SETTLE_SECONDS)
        before, began = crew.parts.seconds(), time.monotonic()
        crew.ask(seconds)
        spent, elapsed = crew.parts.seconds(), time.monotonic() - began
        memory = crew.parts.pss_mb()
    shares = {part: (spent[part] - before[part]) / elapsed for part in spent}
    table([
        {"part": part, "% of a core": 100 * shares[part], "PSS MB": memory[part]}
        for part in shares if memory[part] or shares[part]
    ])  # fmt: skip
    share, pss = sum(shares.values()), sum(memory.values())
    verdict({
        f"an idle crew takes at most {MOST_SHARE:.0%} of a core ({share:.2%})": share <= MOST_SHARE,
        f"and at most {MOST_PSS_MB:.0f} MB ({pss:.0f})": pss <= MOST_PSS_MB,
    })  # fmt: skip


if __name__ == "__main__":
    main()
