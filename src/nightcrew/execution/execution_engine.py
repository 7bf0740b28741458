"""The execution engine: runs one attempt from a clean copy of base to a patch, and cleans up.

It prepares the workspace, calls an executor, and extracts the change. It does not choose models, retry or
judge.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nightcrew.errors import BudgetReached, ModelUnfit, Rejected, Transient
from nightcrew.execution.assignment import Assignment, DoorUsage, Executor, ModelDoor, Report
from nightcrew.execution.attempt import Attempt, AttemptEnd
from nightcrew.execution.checkout.base import workspace_of
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.execution.checkout.workspace import Checkout, extract_patch
from nightcrew.execution.environments.environment import build_environment
from nightcrew.execution.environments.layout import read_target
from nightcrew.execution.executors.briefing import conventions_of
from nightcrew.execution.executors.edit_format import EditFormat
from nightcrew.execution.sandbox import Limits, Sandbox
from nightcrew.logs.context import log_for_attempt
from nightcrew.plain_text import quoted
from nightcrew.settings import Settings
from nightcrew.target_config import TargetConfig
from nightcrew.task import ExecutorName, Task

__all__ = ["Assignment", "DoorUsage", "ExecutionEngine", "Executor", "ModelDoor", "Report"]

log = logging.getLogger(__name__)


class ExecutionEngine:
    """Runs attempts with the given executors."""

    def __init__(
        self, settings: Settings, sandbox: Sandbox, executors: Mapping[ExecutorName, Executor]
    ) -> None:
        self._settings, self._sandbox, self._executors = settings, sandbox, executors

    def run(
        self,
        task: Task,
        base: Checkout,
        *,
        number: int,
        executor: ExecutorName,
        model: str,
        feedback: str,
        door: ModelDoor,
        context_tokens: int = 32_000,
        formats: tuple[EditFormat, ...] = (EditFormat.TEXT,),
    ) -> Attempt:
        """Run one attempt on a copy of `base`, which is deleted at the end. A model's fault is no error.

        Raises:
            Fatal: the repository, its environment, the sandbox or the account is the problem.
            Transient: the machine or the network is, for now.
        """
        started_at, began = datetime.now(UTC), time.monotonic()
        attempt_id = f"{task.task_id}:{number}"
        try:
            with work_folder(self._settings.work_dir, f"{task.task_id}-{number}") as folder:
                checkout = workspace_of(base, folder / "tree")
                config = read_target(checkout.path, task.target_file)
                assignment = Assignment(
                    task=task,
                    attempt_id=attempt_id,
                    number=number,
                    executor=executor,
                    model=model,
                    feedback=feedback,
                    checkout=checkout,
                    environment=build_environment(checkout.path, config, self._settings, self._sandbox),
                    sandbox=self._sandbox,
                    door=door,
                    limits=Limits(wall_seconds=self._settings.attempt_seconds),
                    max_iterations=self._settings.attempt_iterations,
                    call_seconds=self._settings.call_seconds,
                    judged_by=_judged_by(task, config),
                    conventions=conventions_of(checkout.path),
                    state_dir=_made(folder / "state"),
                    context_tokens=context_tokens,
                    root=config.root,
                    formats=formats,
                )
                report, patch = self._work(assignment)
        except OSError as error:
            raise Transient(f"attempt {attempt_id} could not be run: {error}") from error
        return _attempt(assignment, started_at, time.monotonic() - began, report, patch)

    def _work(self, assignment: Assignment) -> tuple[Report, str]:
        log_for_attempt(assignment.attempt_id, assignment.model)
        log.info("attempt %s: %s with %s", assignment.attempt_id, assignment.executor, assignment.model)
        try:
            report = self._executors[assignment.executor].execute(assignment)
        except ModelUnfit as error:
            report = Report(AttemptEnd.MODEL_UNFIT, str(error))
        except BudgetReached as error:
            report = Report(AttemptEnd.BUDGET, str(error))
        except Rejected as error:
            report = Report(AttemptEnd.INVALID_OUTPUT, str(error))
        return _with_patch(report, assignment.checkout)


# ---------------------------------------------------------------------------------------------------------


def _attempt(
    assignment: Assignment, started_at: datetime, seconds: float, report: Report, patch: str
) -> Attempt:
    usage = assignment.door.usage()
    log.info(
        "attempt %s by %s ended %s: %s", assignment.attempt_id, assignment.model, report.end, report.detail
    )
    return Attempt(
        attempt_id=assignment.attempt_id,
        task_id=assignment.task.task_id,
        number=assignment.number,
        executor=assignment.executor,
        model=assignment.model,
        models_served=usage.models_served,
        started_at=started_at,
        # A clock that was set meanwhile must not make a model seem to need hours.
        ended_at=started_at + timedelta(seconds=seconds),
        end=report.end,
        detail=report.detail,
        patch=patch,
        calls=usage.calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        stop_cause=usage.stopped.cause if usage.stopped else None,
        text_was_read=report.text_was_read,
    )


def _with_patch(report: Report, checkout: Checkout) -> tuple[Report, str]:
    try:
        patch = extract_patch(checkout)
    except Rejected as error:
        return replace(report, end=AttemptEnd.INVALID_OUTPUT, detail=str(error)), ""
    if report.end is AttemptEnd.FINISHED and not patch:
        words = (
            f", and its last words were: {quoted(report.last_message)}" if report.last_message.strip() else ""
        )
        return replace(report, detail=f"{report.detail}; it changed nothing{words}"), ""
    return report, patch


def _judged_by(task: Task, config: TargetConfig) -> tuple[str, ...]:
    return (config.test,) if task.acceptance is None else (config.test, task.acceptance)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder
