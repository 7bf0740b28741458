"""What reading the ledger costs as it grows: `nightcrew metrics` over more and more attempts.

    python -m benchmarks.ledger_growth [--attempts N ...]

The product's own writer records 200 attempts with four model calls each and compacts them; larger ledgers
are copies of that part with other ids. Then the compactor keeps its figures, and each size is read, both by a
process of its own; 200 parts are opened beside one. CPU seconds are user and system; memory is the largest
resident size.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks.support import table, verdict
from nightcrew.execution.attempt import Attempt, AttemptEnd, ModelCall
from nightcrew.ledger.compactor import compact
from nightcrew.ledger.files import connect, publish_part
from nightcrew.ledger.kept import keep_figures
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.merging import merge_parts
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.task import ExecutorName, FailureReason, Task, TaskStatus, TaskType
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

RECORDED, CALLS, MODELS = 200, 4, 12
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOST_SECONDS, MOST_MEGABYTES, MOST_OPEN = 5.0, 500.0, 1.0
MANY_PARTS = 500


def main() -> None:
    """Write the ledgers, read each, and end with 1 where the largest takes too much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    for name in _PARTS:
        parser.add_argument(f"--{name}", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name, act in _PARTS.items():
        if (place := getattr(options, name)) is not None:
            act(place)
            return
    folder = Path(tempfile.mkdtemp(prefix="nightcrew-ledger-"))
    try:
        _record(folder)
        rows = []
        for attempts in options.attempts:
            _grow(folder, attempts // RECORDED)
            rows.append(_measured(folder))
        many, few, parts = _opened(folder)
    finally:
        shutil.rmtree(folder)
    table(rows)
    last = rows[-1]
    verdict({
        f"metrics of {last['attempts']:,} attempts takes at most {MOST_SECONDS} CPU s": (
            last["CPU s"] <= MOST_SECONDS
        ),
        f"and at most {MOST_MEGABYTES:.0f} MB": last["MB"] <= MOST_MEGABYTES,
        "every attempt and every cent is there": all(row["exact"] for row in rows),
        f"after merging, opening takes at most {MOST_OPEN} CPU s ({few:.2f}; {many:.2f} with "
        f"{parts} parts)": few <= MOST_OPEN,
    })  # fmt: skip


def _opened(folder: Path) -> tuple[float, float, int]:
    """CPU seconds to open a ledger of many parts, and the same after they are merged; how many parts."""
    (first,) = folder.glob("archive/part-2*")
    for old in folder.glob("archive/part-9*"):
        shutil.rmtree(old)
    for number in range(MANY_PARTS):
        moment = BEGIN + timedelta(hours=number)
        shutil.copytree(first, first.with_name(f"part-{moment:%Y%m%dT%H%M%S}-{number:08x}"))
    many = _asked("open", folder)["CPU s"]
    merge_parts(folder, BEGIN + timedelta(days=90))
    return many, _asked("open", folder)["CPU s"], MANY_PARTS


def _record(folder: Path) -> None:
    """200 tasks with one attempt each, of which every third is rejected."""
    moment = BEGIN
    with MetricsCollector(folder, "crew", clock=lambda: moment) as crew:
        for number in range(RECORDED):
            moment = BEGIN + timedelta(seconds=number)
            _record_task(crew, f"t-{number}", moment, good=number % 3 != 0, model=f"maker/{number % MODELS}")
    compact(folder, now=datetime.now(UTC) + timedelta(days=1))
    compact(folder, now=datetime.now(UTC) + timedelta(days=2))


def _record_task(crew: MetricsCollector, task_id: str, moment: datetime, *, good: bool, model: str) -> None:
    task = Task(
        task_id=task_id, task_type=TaskType.BUG_FIX, description="do it", repo="https://example.org/shop.git",
        target_file="shop/cart.py",
    )  # fmt: skip
    attempt_id = f"{task_id}:1"
    crew.task_submitted(task)
    crew.task_started(task_id, base_commit="a" * 40)
    crew.attempt_started(task, attempt_id, 1, ExecutorName.DIRECT, model)
    for sequence in range(CALLS):
        crew.model_call(_call(task_id, attempt_id, sequence, model, moment))
    crew.attempt_finished(
        Attempt(
            attempt_id=attempt_id, task_id=task_id, number=1, executor=ExecutorName.DIRECT, model=model,
            models_served=(model,), started_at=moment, ended_at=moment + timedelta(seconds=20),
            end=AttemptEnd.FINISHED, detail="finished", patch="diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n",
            calls=CALLS, input_tokens=400, output_tokens=80, cost_usd=Decimal("0.004"),
        )
    )  # fmt: skip
    kind = VerdictKind.ACCEPTED if good else VerdictKind.REJECTED
    outcome = GateOutcome.PASS if good else GateOutcome.FAIL
    gates = tuple(GateResult(f"gate {index}", outcome, "as it should be", "", {}, 0.5) for index in range(12))
    crew.verdict(attempt_id, task_id, Verdict(kind, 0.9, gates, f"The change is {kind}.", ""))
    status, reason = (TaskStatus.COMPLETED, None) if good else (TaskStatus.FAILED, FailureReason.REJECTED)
    crew.task_finished(task_id, status, reason, "ended")


def _call(task_id: str, attempt_id: str, sequence: int, model: str, moment: datetime) -> ModelCall:
    return ModelCall(
        call_id=f"{attempt_id}:{sequence}", attempt_id=attempt_id, task_id=task_id, sequence=sequence,
        asked_model=model, served_model=model, provider="provider", started_at=moment, duration_ms=2000.0,
        first_token_ms=200.0, http_status=200, input_tokens=100, output_tokens=20, cached_tokens=0,
        reasoning_tokens=0, cost_usd=Decimal("0.001"), input_price_usd=Decimal("0.00000015"),
        output_price_usd=Decimal("0.0000006"), finish_reason="stop", fault=None, generation_id="gen",
        streamed=True, quota_window=None, rescues=None,
    )  # fmt: skip


def _grow(folder: Path, copies: int) -> None:
    """Adds copies of the first part, in ten parts, until there are `copies` of it."""
    first, step = next(folder.glob("archive/part-2*")), max(1, copies // 10)
    for old in folder.glob("archive/part-9*"):
        shutil.rmtree(old)
    with connect() as connection:
        for start in range(1, copies, step):
            numbers = f"range({start}, {min(copies, start + step)})"
            queries = {file.stem: _copied(file, numbers) for file in first.glob("*.parquet")}
            publish_part(folder / "archive" / f"part-9-{start:06d}", queries, connection)


def _copied(file: Path, numbers: str) -> str:
    """A query for copies of all rows of a file, with other ids."""
    with connect() as connection:
        columns = {str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()}
    ids = sorted(columns & {"event_id", "task_id", "attempt_id", "call_id", "decision_id"})
    changed = ", ".join(f"{name} || '#' || copy AS {name}" for name in ids)
    return f"SELECT * EXCLUDE (copy) REPLACE ({changed}) FROM '{file}', {numbers} AS copies(copy)"


def _measured(folder: Path) -> dict[str, float]:
    size = sum(file.stat().st_size for file in folder.glob("archive/*/*.parquet")) / 1e6
    kept = _asked("keep", folder)
    return {
        **_asked("read", folder),
        "Parquet MB": size,
        "kept in CPU s": kept["CPU s"],
        "kept in MB": kept["MB"],
    }


def _asked(act: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ledger_growth", f"--{act}", str(folder)]
    done = subprocess.run(command, capture_output=True, check=True, env=dict(os.environ))
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _spent(began: float) -> dict[str, float]:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"CPU s": time.process_time() - began, "MB": int(status["VmHWM"].split()[0]) / 1024}


def _keep(folder: Path) -> None:
    began = time.process_time()
    keep_figures(folder)
    print(json.dumps(_spent(began)))


def _open(folder: Path) -> None:
    began = time.process_time()
    with Ledger(folder) as ledger:
        ledger.query("SELECT count(*) FROM deliveries")
    print(json.dumps(_spent(began)))


def _read(folder: Path) -> None:
    began = time.process_time()
    with Ledger(folder) as ledger:
        found = ledger.summary()
    spent = _spent(began)
    exact = (
        found.cost_usd == found.attempts * CALLS * Decimal("0.001") and found.calls == CALLS * found.attempts
    )
    print(json.dumps({"attempts": found.attempts, **spent, "exact": exact and found.tasks == found.attempts}))


_PARTS = {"read": _read, "keep": _keep, "open": _open}


if __name__ == "__main__":
    main()
