"""A home and a database of an older version, upgraded in place while its tasks are at work.

    python -m benchmarks.chaos.upgrade --old OLD_TREE/.venv/bin/python [--tasks N] [--faults N]

The older version works on tasks, and the power is cut. This version's `run-engine` is started on the same
home: it has to bring it up to date, to end every task, and to pass the checks of a slice of random faults,
what the older version has done and paid included.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from benchmarks.chaos.__main__ import AGAIN, checked
from benchmarks.chaos.campaign import Campaign, say
from benchmarks.chaos.faults.table import drawn
from benchmarks.chaos.record import Record, show
from benchmarks.chaos.stage import Stage, clear, stage_in, wait_for
from benchmarks.chaos.tasks import Wanted, tasks_of
from nightcrew.cli.demo.parts import AUTHOR
from nightcrew.crew.storage.database import STORE_DATABASE
from nightcrew.crew.storage.roles import ROLE
from nightcrew.execution.checkout.git import git

_ENDED = "select count(*) as n from tasks where status = 'completed'"
_AT_WORK = "select count(*) as n from tasks where status = 'running'"


def main() -> None:
    """Run the drill, and print what came of it."""
    options = _options()
    folder = Path(tempfile.gettempdir()) / "nightcrew-chaos-upgrade"
    clear(folder)
    began = time.monotonic()
    with stage_in(folder, random.Random(5), workers=options.workers, cache=options.cache) as stage:
        _without_settings(stage.repo)
        # Documentation is left out: without the example's settings a person reads it.
        drawn_tasks = tasks_of(5, 0, 4 * options.tasks, stage.repo)
        tasks = [one for one in drawn_tasks if one.fields["task_type"] != "documentation"][: options.tasks]
        stage.python = str(options.old)
        _until_running(stage)
        _submit(stage, tasks)
        wait_for(lambda: _count(stage, _ENDED) >= 2 and _count(stage, _AT_WORK) >= 1, "work", 900)
        ended, running = _count(stage, _ENDED), _count(stage, _AT_WORK)
        say(f"the older version has completed {ended} and works on {running}; the power is cut")
        stage.end_all()
        stage.python = sys.executable
        _until_running(stage)
        say("this version runs on the home")
        campaign = Campaign(stage, tasks, drawn(5, 0), options.faults, submitted=len(tasks))
        last = campaign.run()
        ends: dict[str, int] = {}
        for task in last.tasks or ():
            ends[task.status] = ends.get(task.status, 0) + 1
        checks = checked(stage, campaign, again=AGAIN)
        checks["0 leftovers"] = [left for left in checks["0 leftovers"] if not _is_empty_runtime(stage, left)]
    faults = [(made.kind.name, made.strike.about, made.recovery_seconds) for made in campaign.made]
    record = Record(5, 0, len(tasks), round(time.monotonic() - began), ends, faults, campaign.skipped, checks)
    print(ends)
    show([record])
    sys.exit(0 if record.holds else 1)


# ---------------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--old", type=Path, required=True, help="the interpreter of the older version")
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--faults", type=int, default=6)
    parser.add_argument("--workers", type=int, default=3)
    cache = Path(tempfile.gettempdir()) / "nightcrew-chaos" / "cache"
    parser.add_argument("--cache", type=Path, default=cache, help="for packages")
    return parser.parse_args()


def _without_settings(repo: Path) -> None:
    """Commit the example project without its nightcrew.toml, which an older version may not understand."""
    git("-C", repo, "rm", "--quiet", "nightcrew.toml")
    git("-C", repo, *AUTHOR, "commit", "--quiet", "--message=No settings")


def _is_empty_runtime(stage: Stage, left: str) -> bool:
    """Whether it is the user's folder with the lock of the older version's PostgreSQL library."""
    folder = stage.folder / "tmp" / f"runtime-{os.geteuid()}"
    return left == f"temporary {folder}" and not any(path.stat().st_size for path in _files_in(folder))


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def _until_running(stage: Stage) -> None:
    log = stage.folder / "engine.log"
    log.write_text("")
    stage.start_engine()
    wait_for(lambda: "Ctrl-C" in log.read_text(), "the crew", 900)


def _count(stage: Stage, sql: str) -> int:
    """A number from the store, also of a version that has not yet a role of its own."""
    for user in (ROLE, "postgres"):
        with suppress(psycopg.OperationalError), stage.connect(STORE_DATABASE, user=user) as connection:
            return int(connection.execute(sql).fetchall()[0]["n"])
    return 0


def _submit(stage: Stage, tasks: Sequence[Wanted]) -> None:
    """Submit each task by a command of its own, which every version has."""
    for task in tasks:
        given = {name: value for name, value in task.fields.items() if name in _OPTIONS}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        words += [f"--model={model}" for model in task.fields["models"]]
        done = stage.command("submit-task", *words)
        if done.returncode:
            raise SystemExit(done.stderr)


_OPTIONS = frozenset(
    ("description", "task_type", "target_file", "repo", "priority", "max_attempts", "executor", "acceptance")
)

if __name__ == "__main__":
    main()
