"""What the terminal is given: our own colours and cursor moves, and nobody else's."""

import logging
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nightcrew.plain_text import harmless


class HarmlessConsole(Console):
    """A console on which the text of strangers is only shown."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of `renderable`; those that move the cursor are rich's own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


class HarmlessFormatter(logging.Formatter):
    """Log lines with the text of strangers in them, made harmless."""

    def format(self, record: logging.LogRecord) -> str:
        """The formatted line."""
        return harmless(super().format(record))
