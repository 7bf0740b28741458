"""Redacts secrets from all log records of a process, tracebacks included, for every handler."""

import logging
from typing import Any

from nightcrew.secrets.redaction import redact_known

_formatter = logging.Formatter()
_make_before = logging.getLogRecordFactory()


def keep_secrets_out_of_logs() -> None:
    """From now on, redact known secrets from every log record of this process. Idempotent."""
    logging.setLogRecordFactory(_make)


# ---------------------------------------------------------------------------------------------------------


def _make(*arguments: Any, **named: Any) -> logging.LogRecord:
    """A redacted record; one without secrets keeps its arguments, because some handlers read them."""
    record = _make_before(*arguments, **named)
    try:
        text = record.getMessage()
    except Exception:  # the arguments do not match: logging reports that itself
        text = f"{record.msg} {record.args}"
    if (clean := redact_known(text)) != text:
        record.msg, record.args = clean, ()
    if record.exc_info and any(record.exc_info):
        trace = _formatter.formatException(record.exc_info)
        if (clean := redact_known(trace)) != trace:
            record.exc_text = clean
    return record
