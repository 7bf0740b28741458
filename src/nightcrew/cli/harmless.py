"""Terminal output without control characters from untrusted text; only our own colours get through."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nightcrew.plain_text import harmless


class HarmlessConsole(Console):
    """A console that strips control characters from printed text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of `renderable`, cleaned; control segments are rich's own and pass."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
