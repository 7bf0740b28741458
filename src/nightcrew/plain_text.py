"""Escapes untrusted text for terminals, logs and Markdown pages.

Task descriptions, file names, patches, and messages of tools and providers are untrusted. On a terminal,
control characters could set the clipboard or hide a line; on a page, markup could load an image.
"""

import logging
import re

# C0 without tab and line feed, DEL, C1; bidirectional controls; line separators.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)//|(?<=www)\.", re.IGNORECASE)


def harmless(text: str) -> str:
    """`text` with every harmful character as `\\uXXXX`, as in JSON."""
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def quoted(text: str, characters: int = 300) -> str:
    """The start of `text` in quotes, on one line and harmless."""
    line = harmless(" ".join(text.split()))
    return f'"{line}"' if len(line) <= characters else f'"{line[:characters]}…"'


def markdown_text(text: str) -> str:
    """`text` as one line of Markdown that shows it verbatim: without markup, HTML, images and links."""
    return _MARKUP.sub(lambda match: f"\\{match[0]}", harmless(" ".join(text.split())))


def code_span(text: str) -> str:
    """`text` as inline code in Markdown, with any backticks in it."""
    shown = harmless(" ".join(text.split()))
    ticks = "`" * (_longest_run_of_backticks(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}" if shown else ""


def code_block(text: str, language: str = "") -> str:
    """`text` as a code block in Markdown that it cannot close."""
    shown = harmless(text)
    fence = "`" * max(3, _longest_run_of_backticks(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


class HarmlessFormatter(logging.Formatter):
    """A formatter of log lines without harmful characters."""

    def format(self, record: logging.LogRecord) -> str:
        """The formatted line."""
        return harmless(super().format(record))


# ---------------------------------------------------------------------------------------------------------


def _longest_run_of_backticks(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
