"""Causes every fault of the recovery table during a task, and checks that it ends as documented.

    python -m benchmarks.fault_matrix [--rows FAULT ...]

The services, the flow, the OpenHands agent, the sandbox and the gates are real; the models are the twin's. A
fault that cannot be caused on this machine is listed with the reason, and never counts as ok. It takes some
twenty-five minutes on two busy cores, and ends with 1 if anything is wrong.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from sqlalchemy import select

from benchmarks.fault_matrix.cases import CASES, NOT_MEASURABLE, Case, unlisted
from benchmarks.fault_matrix.crew import Stage, running_stage
from benchmarks.fault_matrix.judge import Seen, wrong
from benchmarks.fault_matrix.machine import BY_NAME, CannotBeDone, small_disk
from benchmarks.support import quiet, table
from blocks.crew import BLOCK_NAME, CrewPolicy
from nightcrew.crew import dispatch
from nightcrew.crew.storage.database import ensure_database
from nightcrew.ledger.ledger import Ledger
from nightcrew.openrouter.books.breakers import breakers, model_key
from nightcrew.openrouter.books.budget import violations
from nightcrew.openrouter.catalogue.catalogue_tables import catalogue_models
from nightcrew.openrouter.wire.recovery import row_of
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import QueuedTask
from nightcrew.selection.memory import Memory
from nightcrew.task import TaskStatus

SHORT_ATTEMPT_SECONDS = 330  # with less than a new plan expects of an attempt, none would start


def main() -> int:
    """Cause the faults and print the results."""
    quiet()
    cases = _chosen()
    impossible = dict(NOT_MEASURABLE)
    with running_stage(cases) as stage:
        submitted = _hasty(stage, [case for case in cases if case.hasty])
        submitted |= {case: stage.submit(case) for case in cases if not (case.alone or case.hasty)}
        for case, queued in submitted.items():
            _print_outcome(case, stage.ended(queued))
        for case in (case for case in cases if case.alone):
            try:
                submitted[case] = _alone(stage, case)
                _print_outcome(case, submitted[case])
            except CannotBeDone as reason:
                impossible[case.fault] = str(reason)
        seen = {case: _look(stage, case, queued) for case, queued in submitted.items()}
        money = _violations(stage)
        false = [queued.task_id for queued in _completed(stage) if queued.verdict != "accepted"]
    return _report(seen, impossible, money, false)


# ---------------------------------------------------------------------------------------------------------


def _chosen() -> list[Case]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", metavar="FAULT", help="only these rows of the table")
    wanted = parser.parse_args().rows
    if wanted is not None and (unknown := set(wanted) - {case.fault for case in CASES}):
        parser.error(f"no case is for {', '.join(sorted(unknown))}")
    return [case for case in CASES if wanted is None or case.fault in wanted]


def _print_outcome(case: Case, queued: QueuedTask) -> None:
    print(f"{case.name}: {queued.status}: {queued.detail[:150]}", file=sys.stderr, flush=True)


def _hasty(stage: Stage, cases: Sequence[Case]) -> dict[Case, QueuedTask]:
    """Cases whose attempts have little time; they start under a special policy."""
    if not cases:
        return {}
    _set_policy(stage, attempt_seconds=SHORT_ATTEMPT_SECONDS)
    submitted = {case: stage.submit(case) for case in cases}
    for queued in submitted.values():
        stage.until(queued, lambda now: now.pid is not None or now.status.is_final)
    _set_policy(stage, attempt_seconds=None)
    return submitted


def _alone(stage: Stage, case: Case) -> QueuedTask:
    """A case that touches the whole crew, from the task's submission to its end."""
    work = BY_NAME[case.by] if case.by else None
    with small_disk(stage) if case.fault == "disk_full" else nullcontext():
        queued = stage.submit(case)
        if work is not None:
            work(stage, queued)
        return stage.ended(queued)


def _set_policy(stage: Stage, *, attempt_seconds: int | None) -> None:
    """Change the policy like an operator in the UI; a run reads it at its start."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    from nightcrew.crew.api_access import password_of

    with temporary_settings(
        {PREFECT_API_URL: stage.status.api_url, PREFECT_API_AUTH_STRING: password_of(stage.status.home)}
    ):
        CrewPolicy(attempt_seconds=attempt_seconds).save(BLOCK_NAME, overwrite=True)


def _look(stage: Stage, case: Case, queued: QueuedTask) -> Seen:
    memory = Memory.load(stage.settings.memory_path)
    slug = case.faulty.split(":")[0]
    with dispatch.open_queue(stage.settings) as queue, Ledger(stage.settings.ledger_dir) as ledger:
        calls = ledger.query(
            "select * from model_calls where task_id = ? order by started_at", [queued.task_id]
        )
        now, attempts = queue.get(queued.task_id), queue.attempts(queued.task_id)
    with StateStore(ensure_database(stage.settings)) as store, store.engine.connect() as connection:
        counted = select(breakers).where(breakers.c.key == model_key(case.faulty))
        row = connection.execute(counted).one_or_none()
        gone = select(catalogue_models.c.gone_at).where(catalogue_models.c.model == case.faulty)
        left = connection.execute(gone).scalar()
    return Seen(
        task=now,
        attempts=attempts,
        calls=calls,
        learned=sum(seen.get(slug, 0) for seen in memory.outcomes.values()),
        run_state=stage.run_states.get(queued.task_id, ""),
        stop=stage.stops.get(queued.task_id),
        breaker=row is not None and bool(row.faults or row.opened),
        gone=left is not None,
    )


def _violations(stage: Stage) -> Sequence[Mapping[str, object]]:
    with StateStore(ensure_database(stage.settings)) as store, store.engine.connect() as connection:
        return violations(connection)


def _completed(stage: Stage) -> Sequence[QueuedTask]:
    with dispatch.open_queue(stage.settings) as queue:
        return queue.list(TaskStatus.COMPLETED, limit=1000)


def _report(
    seen: Mapping[Case, Seen],
    impossible: Mapping[str, str],
    money: Sequence[Mapping[str, object]],
    false: Sequence[str],
) -> int:
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for case, what in seen.items():
        row, problems = row_of(case.fault), wrong(case, what)
        failed += [f"{case.name}: {problem}" for problem in problems]
        documented = f"{row.next}, {row.charged}, {row.rests}"
        rows.append(
            {
                "fault": case.fault,
                "made to happen by": case.how[:48],
                "class": row.fault_class,
                "next, charged, rests": documented,
                "what happened": what.outcome(),
                "": "WRONG" if problems else "OK",
            }
        )
    table(rows)
    print()
    for fault, reason in impossible.items():
        print(f"not measurable  {fault}: {reason}")
    failed += [f"{fault} is in the table, but no case causes it" for fault in sorted(unlisted())]
    failed += [f"the money invariant was broken: {dict(row)}" for row in money]
    failed += [f"{task_id} is completed without an accepted verdict" for task_id in false]
    for problem in failed:
        print(f"WRONG  {problem}")
    print(f"{len(rows)} cases, {sum(row[''] == 'OK' for row in rows)} as documented")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
