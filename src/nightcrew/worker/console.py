"""Prefect's console handler without rich: a log line is written as it was formatted.

rich would replace words such as `:warning:` by emoji, also inside a JSON object.
"""

import logging

from prefect.logging.handlers import PrefectConsoleHandler


class Console(PrefectConsoleHandler):
    """Writes each record to its stream in one piece."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the formatted record."""
        logging.StreamHandler.emit(self, record)
