"""Random faults against a real crew, and what must hold afterwards.

    python -m benchmarks.chaos --seed 14 --slices 8 [--first N] [--tasks N] [--faults N] [--results FILE]

A slice starts `run-engine` with its PostgreSQL, Prefect server and worker in a home of its own on a small
disk, with the twin of OpenRouter as provider. It hands in tasks of several types, makes faults in a seeded
order, and times from each fault's end until all is well: services answer, no running task's process is dead,
and tasks that wait are worked on. At the end it compares the store, the ledger, Prefect and the provider's
books, and judges a sample of completed tasks again. Each slice is appended to the file of results; one that
is there already is not run again. The exit code is 1 when a check fails. The small disk needs root; where it
cannot be made, the full disk is left out and named. The kinds and targets of faults follow the seed, their
moments the machine.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.chaos import evidence
from benchmarks.chaos.campaign import Campaign, say
from benchmarks.chaos.checks import CHECKS
from benchmarks.chaos.faults.table import drawn
from benchmarks.chaos.look import Look, look_at
from benchmarks.chaos.record import Record, append, read, show
from benchmarks.chaos.stage import Stage, clear, stage_in, wait_for
from benchmarks.chaos.tasks import tasks_of

AGAIN = 2  # completed tasks of a slice that are judged again


def main() -> None:
    """Run the slices that are not in the file of results, and print what all of them came to."""
    options = _options()
    for number in range(options.first, options.first + options.slices):
        if any((one.seed, one.slice) == (options.seed, number) for one in read(options.results)):
            say(f"slice {number} of seed {options.seed} is done")
            continue
        record = run_slice(options, number)
        append(options.results, record)
        show([record])
    records = read(options.results)
    print("\nAll slices:")
    show(records)
    sys.exit(0 if all(record.holds for record in records) else 1)


def run_slice(options: argparse.Namespace, number: int) -> Record:
    """One slice from an empty home to its checks."""
    folder = Path(tempfile.gettempdir()) / f"nightcrew-chaos-{options.seed}-{number}"
    clear(folder)
    began = time.monotonic()
    dice = random.Random(f"targets {options.seed} {number}")
    with stage_in(folder, dice, workers=options.workers, cache=options.cache) as stage:
        stage.start_engine()
        wait_for(lambda: _is_ready(look_at(stage)), "the crew")
        say(f"slice {number}: the crew is ready after {time.monotonic() - began:.0f} s")
        tasks = tasks_of(options.seed, number, options.tasks, stage.repo)
        kinds = drawn(options.seed, number, frozenset(options.only))
        campaign = Campaign(stage, tasks, kinds, options.faults)
        last = campaign.run()
        say(f"all tasks have ended: {len(campaign.made)} faults")
        checks = checked(stage, campaign, again=AGAIN)
        ends = dict(Counter(str(task.status) for task in last.tasks or ()))
        if any(checks.values()):
            _keep(stage, options.results.with_suffix("") / f"{options.seed}-{number}")
    clear(folder)
    faults = [(made.kind.name, made.strike.about, made.recovery_seconds) for made in campaign.made]
    seconds = round(time.monotonic() - began, 1)
    return Record(options.seed, number, len(tasks), seconds, ends, faults, campaign.skipped, checks)


def checked(stage: Stage, campaign: Campaign, *, again: int) -> dict[str, list[str]]:
    """All checks: those of the books while the crew still runs, the others after its clean stop."""
    checks = {"0 stuck over 5 minutes": campaign.stuck, "run-engine goes on": stage.surprises}
    found = evidence.collect(stage, campaign)
    checks |= {name: check(found) for name, check in CHECKS.items()}
    checks["0 false completed"] += evidence.judged_again(stage, list(found.tasks), again)
    checks["spoilt files are set aside"] = evidence.poisoned_files(stage, campaign)
    stage.stopped_by_us = True
    if stage.engine is not None:
        stage.engine.terminate()
        stage.engine.wait(120)
    time.sleep(2)
    return checks | {"0 leftovers": evidence.leftovers(stage)}


# ---------------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = Path(tempfile.gettempdir()) / "nightcrew-chaos"
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--slices", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first slice")
    parser.add_argument("--tasks", type=int, default=50, help="in each slice")
    parser.add_argument("--faults", type=int, default=40, help="in each slice")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=[], help="only these kinds of faults")
    parser.add_argument("--results", type=Path, default=folder / "results.jsonl")
    parser.add_argument("--cache", type=Path, default=folder / "cache", help="for packages")
    return parser.parse_args()


def _is_ready(look: Look) -> bool:
    return not look.trouble and look.tasks is not None


def _keep(stage: Stage, place: Path) -> None:
    """Keep the logs of a slice in which a check failed."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(stage.settings.logs_dir, place, dirs_exist_ok=True)
    shutil.copy2(stage.folder / "engine.log", place)
    say(f"the logs are in {place}")


if __name__ == "__main__":
    main()
