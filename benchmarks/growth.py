"""What a command costs as the crew's past grows: lists, all reports, figures, and the selector's snapshot.

    python -m benchmarks.growth [--tasks N ...] [--plot FILE]

The product's own writers record 200 tasks, in the ledger and in the state store; larger pasts are copies of
them with other ids. The compactor keeps its figures before each size is read, as it does every ten minutes.
Each command and each report is a process of its own; CPU seconds, user and system, without PostgreSQL. The
snapshot is what the selector knows after so many verdicts on 40 models. `--plot` draws the table as SVG.
"""

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.ledger_growth import RECORDED, _grow, _record
from benchmarks.plot import drawn
from benchmarks.selector_decision import _candidate, _memory
from benchmarks.support import postgres, table, verdict
from benchmarks.watching.dashboard import _grow_store, _record_tasks
from nightcrew.ledger.kept import keep_figures
from nightcrew.selection.memory import Memory
from nightcrew.settings import Settings

TREE = Path(__file__).resolve().parents[1]
REPORTS = TREE / "analytics/reports"
MODELS = 40
MOST = {"list-tasks": 1.5, "metrics": 2.0, "slowest report": 5.0, "load snapshot": 0.1}
MOST_SNAPSHOT_KB = 1000.0
_REPORT = (
    "import sys; from pathlib import Path; from nightcrew.ledger.ledger import Ledger\n"
    "with Ledger(Path(sys.argv[1])) as ledger: ledger.query(Path(sys.argv[2]).read_text())"
)

type Row = dict[str, float]


def main() -> None:
    """Grow the past, measure, and end with 1 where something takes too much of the largest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--plot", type=Path, help="where to draw it, such as docs/growth.svg")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="nightcrew-growth-"))
    try:
        with postgres() as fresh:
            rows = _measured(Settings(home=home, database_url=fresh()), options.tasks)
    finally:
        shutil.rmtree(home)
    table(rows)
    if options.plot:
        options.plot.write_text(drawn("CPU seconds by number of tasks", "tasks", rows, list(MOST)))
    last = rows[-1]
    verdict({
        **{f"{name} with {last['tasks']:,} tasks takes at most {most} CPU s": last[name] <= most
           for name, most in MOST.items()},
        f"the snapshot has at most {MOST_SNAPSHOT_KB:.0f} KB": last["snapshot KB"] <= MOST_SNAPSHOT_KB,
    })  # fmt: skip


# ----------------------------------------------------------------------------------------------------


def _measured(settings: Settings, sizes: Sequence[int]) -> list[Row]:
    _record(settings.ledger_dir)
    _record_tasks(settings)
    rows = []
    for tasks in sizes:
        _grow(settings.ledger_dir, tasks // RECORDED)
        _grow_store(settings, tasks)
        keep_figures(settings.ledger_dir)
        rows.append(
            {"tasks": tasks, **_commands(settings), **_reports(settings), **_snapshot(settings, tasks)}
        )
    return rows


def _commands(settings: Settings) -> Row:
    nightcrew = [sys.executable, "-m", "nightcrew.cli"]
    return {name: _spent(settings, [*nightcrew, name]) for name in ("list-tasks", "metrics")}


def _reports(settings: Settings) -> Row:
    """All reports together, and the slowest."""
    words = [sys.executable, "-c", _REPORT, str(settings.ledger_dir)]
    spent = [_spent(settings, [*words, str(report)]) for report in sorted(REPORTS.glob("*.sql"))]
    return {"all reports": sum(spent), "slowest report": max(spent)}


def _snapshot(settings: Settings, outcomes: int) -> Row:
    dice, place = random.Random(0), settings.home / "memory.json"
    _memory([_candidate(number, dice) for number in range(MODELS)], outcomes, dice).save(place)
    began = time.process_time()
    Memory.load(place)
    return {"load snapshot": time.process_time() - began, "snapshot KB": place.stat().st_size / 1024}


def _spent(settings: Settings, command: Sequence[str]) -> float:
    own = {"NIGHTCREW_HOME": str(settings.home), "NIGHTCREW_DATABASE_URL": str(settings.database_url)}
    env: Mapping[str, str] = {**os.environ, **own}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=env, cwd=settings.home, capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
