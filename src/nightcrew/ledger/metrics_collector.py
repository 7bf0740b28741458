"""The Metrics Collector: records what happens to tasks, as it happens.

It does not import DuckDB: it appends a line to its own file. Recording the same fact twice is harmless.

If the disk cannot be written (full, gone, read-only), recording methods still return, because accepted work
must not be lost over its bookkeeping. The fact stays in memory, an error is logged, and every later fact
tries again. `flush()`, the last call of the record step, raises `Transient` while anything is missing, so
that the step is retried and not reported as done. Facts still missing at `close()` are logged as journal
lines.
"""

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from nightcrew.errors import Transient
from nightcrew.execution.attempt import Attempt, ModelCall
from nightcrew.ledger.events import (
    AttemptFinished,
    AttemptStarted,
    DecisionMade,
    Event,
    GateFinding,
    LeftOut,
    PlannedRung,
    PullFollowed,
    TaskDelivered,
    TaskFinished,
    TaskStarted,
    TaskSubmitted,
    VerdictGiven,
    encode,
)
from nightcrew.ledger.journal import Journal, utc_now
from nightcrew.ledger.version import claim_version
from nightcrew.secrets.redaction import redact_object
from nightcrew.selection.plan import Plan, Rung
from nightcrew.task import ExecutorName, FailureReason, Task, TaskStatus
from nightcrew.validation.verdict import Verdict

log = logging.getLogger(__name__)


class MetricsCollector:
    """Records facts in the ledger folder for one owner (a flow run, a command).

    A context manager, or `close()` it. Thread-safe.

    Raises:
        BadInput: a newer version of Nightcrew has written to the ledger.
    """

    def __init__(self, ledger_dir: Path, owner: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        with suppress(OSError):  # the first fact will meet the same disk, and waits for it
            claim_version(ledger_dir)
        self._journal = Journal(ledger_dir / "journal", owner, clock=clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def task_submitted(self, task: Task, *, at: datetime | None = None) -> None:
        """`task` was submitted, `at` that time; None: now."""
        self._record(
            TaskSubmitted(
                task_id=task.task_id,
                task_type=task.task_type,
                priority=task.priority,
                complexity=task.complexity,
                repo=without_credentials(task.repo),
                base=task.base,
                target_file=task.target_file,
                quality_threshold=task.quality_threshold,
                max_cost_usd=task.max_cost_usd,
                max_attempts=task.max_attempts,
                max_seconds=task.max_seconds,
                executor=task.executor,
                description_chars=len(task.description),
                description_sha256=digest(task.description),
            ),
            at,
        )

    def task_started(
        self,
        task_id: str,
        *,
        base_commit: str | None = None,
        flow_run_id: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """A worker took the task; `base_commit` is the full id of its base."""
        self._record(TaskStarted(task_id=task_id, base_commit=base_commit, flow_run_id=flow_run_id), at)

    def decision(self, task_id: str, number: int, plan: Plan) -> None:
        """`plan` was made before attempt `number`."""
        self._record(
            DecisionMade(
                decision_id=f"{task_id}:{number}",
                task_id=task_id,
                number=number,
                policy=plan.policy,
                explanation=plan.explanation,
                rungs=tuple(_planned(rung) for rung in plan.rungs),
                alternatives=tuple(_planned(rung) for rung in plan.alternatives),
                filtered=tuple(LeftOut(model=left.model, reason=left.reason) for left in plan.filtered),
            )
        )

    def attempt_started(
        self, task: Task, attempt_id: str, number: int, executor: ExecutorName, model: str
    ) -> None:
        """Attempt `number` at `task` started; until its end is recorded, it is shown as *unfinished*."""
        self._record(
            AttemptStarted(
                attempt_id=attempt_id, task_id=task.task_id, number=number, executor=executor, model=model
            )
        )

    def model_call(self, call: ModelCall) -> OSError | None:
        """A request to a model ended; fits `RecordCall`, so the gateway takes it as it is."""
        return self._record(call)

    def attempt_finished(self, attempt: Attempt) -> None:
        """The attempt ended; its tokens and cost are those of its calls."""
        self._record(
            AttemptFinished(
                attempt_id=attempt.attempt_id,
                task_id=attempt.task_id,
                number=attempt.number,
                executor=attempt.executor,
                model=attempt.model,
                models_served=attempt.models_served,
                started_at=attempt.started_at,
                ended_at=attempt.ended_at,
                attempt_end=attempt.end,
                detail=attempt.detail,
                patch_lines=changed_lines(attempt.patch),
                patch_sha256=digest(attempt.patch) if attempt.patch else None,
                stop_cause=attempt.stop_cause,
            )
        )

    def verdict(self, attempt_id: str, task_id: str, verdict: Verdict) -> None:
        """The attempt was judged; its evidence stays in the results folder."""
        self._record(
            VerdictGiven(
                attempt_id=attempt_id,
                task_id=task_id,
                verdict=verdict.kind,
                score=verdict.score,
                summary=verdict.summary,
                sandbox=verdict.sandbox,
                gates=tuple(
                    GateFinding(
                        gate=gate.name,
                        outcome="unproven" if gate.is_unproven else gate.outcome,
                        message=gate.message,
                        hint=gate.hint,
                        strength=gate.strength,
                    )
                    for gate in verdict.gates
                ),
            )
        )

    def task_finished(
        self,
        task_id: str,
        status: TaskStatus,
        failure_reason: FailureReason | None = None,
        detail: str = "",
        change_path: Path | str | None = None,
        *,
        at: datetime | None = None,
    ) -> None:
        """The task ended or waits for a person; of several facts the latest counts."""
        self._record(
            TaskFinished(
                task_id=task_id,
                status=status,
                failure_reason=failure_reason,
                detail=detail,
                change_path=None if change_path is None else str(change_path),
            ),
            at,
        )

    def task_delivered(
        self,
        task_id: str,
        *,
        status: str,
        branch: str | None = None,
        commit_id: str | None = None,
        onto: str | None = None,
        detail: str = "",
        at: datetime | None = None,
    ) -> None:
        """The accepted change was delivered, or could not be."""
        self._record(TaskDelivered(task_id, status, branch, commit_id, onto, detail), at)

    def pull_followed(
        self,
        task_id: str,
        *,
        status: str,
        pull_request: int | None,
        rounds: int,
        at: datetime | None = None,
    ) -> None:
        """People merged, closed, reverted or took over a pull request of ours."""
        self._record(PullFollowed(task_id, status, pull_request, rounds), at)

    def flush(self) -> None:
        """Write everything recorded so far to disk.

        Raises:
            Transient: the disk still cannot be written; nothing is lost, call it again.
        """
        with self._lock:
            problem = self._drain()
        if problem is not None:
            raise Transient(f"the ledger cannot be written: {problem}; its facts are kept in memory")

    def close(self) -> None:
        """Write the waiting facts and close the file; those that cannot be written are logged."""
        with self._lock:
            self._drain()
            for line in self._waiting:
                log.critical("not in the ledger: %s", line.decode("ascii").rstrip())
            self._waiting.clear()
            self._journal.close()

    # --- private ------------------------------------------------------------------------------------------

    def _record(self, event: Event, at: datetime | None = None) -> OSError | None:
        line = encode(redact_object(event), at or self._clock())
        with self._lock:
            self._waiting.append(line)
            problem = self._drain()
        if problem is not None:
            log.error(
                "the ledger cannot be written: %s; %d facts are kept in memory", problem, len(self._waiting)
            )
        return problem

    def _drain(self) -> OSError | None:
        """Write the waiting facts, oldest first; returns the error that stopped it, or None."""
        while self._waiting:
            try:
                self._journal.append(self._waiting[0])
            except OSError as error:
                return error
            del self._waiting[0]
        return None


def _planned(rung: Rung) -> PlannedRung:
    return PlannedRung(
        executor=rung.executor,
        model=rung.model,
        slug=rung.slug,
        success=rung.success,
        expected_cost_usd=Decimal(str(rung.cost_usd)),
        expected_seconds=rung.seconds,
        evidence=rung.evidence,
    )


def digest(text: str) -> str:
    """The SHA-256 of a text that the ledger does not store."""
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()


def changed_lines(patch: str) -> int:
    """The number of lines that a unified diff adds or removes, without headers."""
    lines, in_hunk = 0, False
    for line in patch.splitlines():
        if line.startswith(("@@", "diff ")):
            in_hunk = line.startswith("@@")
        elif in_hunk:
            lines += line.startswith(("+", "-"))
    return lines


def without_credentials(repo: str) -> str:
    """A repository's path or URL without user name, password and query."""
    if "://" not in repo:
        return repo
    try:
        parts = urlsplit(repo)
    except ValueError:
        return "(unreadable URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
