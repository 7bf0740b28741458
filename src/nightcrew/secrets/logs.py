"""Log lines without secrets: each line of each logger of a process, traces included, whatever its handler."""

import logging
from typing import Any

from nightcrew.secrets.redaction import redact_known

_formatter = logging.Formatter()
_make_before = logging.getLogRecordFactory()


def keep_secrets_out_of_logs() -> None:
    """From now on no log line of this process shows a secret that it holds; doing it twice is harmless."""
    logging.setLogRecordFactory(_make)


# ---------------------------------------------------------------------------------------------------------


def _make(*arguments: Any, **named: Any) -> logging.LogRecord:
    """A record without secrets; one that shows none stays as it is, as some handlers read its arguments."""
    record = _make_before(*arguments, **named)
    try:
        text = record.getMessage()
    except Exception:  # the arguments do not fit: logging itself says so, and shows them
        text = f"{record.msg} {record.args}"
    if (clean := redact_known(text)) != text:
        record.msg, record.args = clean, ()
    if record.exc_info and any(record.exc_info):
        trace = _formatter.formatException(record.exc_info)
        if (clean := redact_known(trace)) != trace:
            record.exc_text = clean
    return record
