"""Puts log lines of the core's own threads (a gateway serving the sandbox) on the step that is at work.

Prefect finds the step in a context variable, which a thread does not inherit. A process works on one task
at a time, so the step that began last is the right one.
"""

import logging

from prefect.context import FlowRunContext, TaskRunContext

from nightcrew.secrets.logs import keep_secrets_out_of_logs


class StepAtWork(logging.Filter):
    """Names flow run and step on lines that would otherwise reach no run; lets every line pass."""

    def __init__(self) -> None:
        super().__init__()
        self._flow_run_id: str | None = None
        self._task_run_id: str | None = None

    def begin(self) -> None:
        """The step of the current context is now at work."""
        context = TaskRunContext.get()
        if context is not None:
            self._flow_run_id = str(context.task_run.flow_run_id)
            self._task_run_id = str(context.task_run.id)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the line pass, with the ids it lacks."""
        if self._flow_run_id and FlowRunContext.get() is None and TaskRunContext.get() is None:
            record.flow_run_id, record.task_run_id = self._flow_run_id, self._task_run_id
        return True


step_at_work = StepAtWork()


def follow_steps() -> None:
    """From now on this process's log lines follow its steps, at the level of Prefect's own."""
    keep_secrets_out_of_logs()
    for name in ("nightcrew", "flows"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.getLogger("prefect").level)
        for handler in logger.handlers:
            handler.addFilter(step_at_work)
