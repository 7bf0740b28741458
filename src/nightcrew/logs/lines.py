"""The form of a log line: text for people, or one JSON object for programs (`NIGHTCREW_LOG_FORMAT`)."""

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime

from nightcrew.logs.context import log_context
from nightcrew.plain_text import harmless
from nightcrew.settings import LogFormat, load_settings

NOBODY = "-"  # in the place of the task's id


class CrewFormatter(logging.Formatter):
    """Formats the log lines of the crew's processes as the settings say, whatever `dictConfig` gives.

    A text line is `time | level | attempt or task | logger - event`; further lines of the same record are
    indented, so that no logged text can pass for another record.
    """

    def __init__(self, *_: object) -> None:
        super().__init__()
        self._as_json = load_settings().log_format is LogFormat.JSON

    def format(self, record: logging.LogRecord) -> str:
        """The line, or the lines, of `record`; without harmful characters."""
        return (
            _as_json(record, self._trace(record)) if self._as_json else _as_text(record, self._trace(record))
        )

    def _trace(self, record: logging.LogRecord) -> str | None:
        if record.exc_text:  # redacted already
            return record.exc_text
        return self.formatException(record.exc_info) if record.exc_info and any(record.exc_info) else None


# ---------------------------------------------------------------------------------------------------------


def _as_text(record: logging.LogRecord, trace: str | None) -> str:
    context, time = log_context(), _time(record)
    text = "\n".join(filter(None, (record.getMessage(), trace)))
    work = context.attempt or context.task or NOBODY
    when = f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}"
    line = f"{when} | {record.levelname:<7} | {work} | {record.name} - {text}"
    return harmless(line).replace("\n", "\n    ")


def _as_json(record: logging.LogRecord, trace: str | None) -> str:
    context = asdict(log_context())
    fields = {
        "time": _time(record).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        **context,
        "run": context["run"] or getattr(record, "flow_run_id", None),
        "pid": record.process,
        "event": record.getMessage(),
        "exception": trace,
    }
    return json.dumps(fields, default=str)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
