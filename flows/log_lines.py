"""Assigns log lines from other threads (e.g. a gateway that serves the sandbox) to the running step.

Prefect finds the step in a context variable, which a thread does not inherit. A process works on one task
at a time, so the step that began last is the right one.
"""

import logging

from prefect.context import FlowRunContext, TaskRunContext

from nightcrew.secrets.logs import keep_secrets_out_of_logs


class StepAtWork(logging.Filter):
    """Adds the ids of flow run and step to log records that lack them; drops no record."""

    def __init__(self) -> None:
        super().__init__()
        self._flow_run_id: str | None = None
        self._task_run_id: str | None = None

    def begin(self) -> None:
        """Make the step of the current context the running one."""
        context = TaskRunContext.get()
        if context is not None:
            self._flow_run_id = str(context.task_run.flow_run_id)
            self._task_run_id = str(context.task_run.id)

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the missing ids; always True."""
        if self._flow_run_id and FlowRunContext.get() is None and TaskRunContext.get() is None:
            record.flow_run_id, record.task_run_id = self._flow_run_id, self._task_run_id
        return True


step_at_work = StepAtWork()


def follow_steps() -> None:
    """From now on, assign this process's log lines to its steps, at Prefect's own log level."""
    keep_secrets_out_of_logs()
    for name in ("nightcrew", "flows"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.getLogger("prefect").level)
        for handler in logger.handlers:
            handler.addFilter(step_at_work)
