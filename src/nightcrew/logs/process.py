"""Makes a process of the crew write log lines only, also for what is printed in it and what ends it."""

import io
import logging
import sys
from contextlib import suppress
from types import TracebackType

from nightcrew.logs.lines import CrewFormatter


def log_as_the_crew(level: int = logging.WARNING) -> None:
    """Log to standard error in the form of the settings, where Prefect does not set logging up."""
    handler = logging.StreamHandler()
    handler.setFormatter(CrewFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    log_what_ends_it()


def log_what_ends_it() -> None:
    """Log an error that nobody catches, Python's warnings, and lines that a handler could not pass on, which
    would be written as they are."""
    sys.excepthook = _log_uncaught
    logging.Handler.handleError = _log_unsent  # type: ignore[assignment, method-assign]
    logging.captureWarnings(True)


class Printed(io.TextIOBase):
    """In the place of standard output: what is printed becomes log lines of `logger`, one for each line."""

    def __init__(self, logger: str) -> None:
        self._log = logging.getLogger(logger)
        self._begun = ""

    def writable(self) -> bool:
        """It is written to only."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that are complete with `text`; a begun one waits for its end."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.strip():
                self._log.info("%s", line)
        return len(text)


# ---------------------------------------------------------------------------------------------------------


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger(__name__).critical("the process ends: %s", error, exc_info=(kind, error, trace))


def _log_unsent(_: logging.Handler, record: logging.LogRecord) -> None:
    """As when a process ends before one of its threads, whose line Prefect's server does not get any more."""
    text, given = "a line of %s is not passed on: %s", (record.name, sys.exception())
    instead = logging.getLogRecordFactory()(__name__, logging.WARNING, __file__, 0, text, given, None)
    with suppress(OSError, ValueError, AttributeError):  # nobody reads it
        sys.stderr.write(f"{CrewFormatter().format(instead)}\n")
