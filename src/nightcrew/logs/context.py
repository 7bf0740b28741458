"""The work that a process's log lines belong to.

A process of the crew works on one task at a time, and threads of that process (such as the gateway's) log for
the same task, so the context belongs to the process and not to a thread.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LogContext:
    """The ids in a log line; None where nothing of that kind is at work."""

    task: str | None = None
    attempt: str | None = None  # task and number
    run: str | None = None  # the Prefect flow run
    model: str | None = None


_current = LogContext()


def log_context() -> LogContext:
    """The context of this process's log lines."""
    return _current


def log_for_task(task: str, run: str) -> None:
    """From now on, log lines belong to this task and flow run, and to no attempt yet."""
    global _current
    _current = LogContext(task=task, run=run)


def log_for_attempt(attempt: str, model: str) -> None:
    """From now on, log lines belong to this attempt of the task."""
    global _current
    _current = replace(_current, attempt=attempt, model=model)
