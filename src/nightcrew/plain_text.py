"""Escapes untrusted text for terminals, logs and Markdown pages.

Task descriptions, file names, patches, and messages of tools and providers are untrusted. On a terminal,
control characters could set the clipboard or hide a line; on a page, markup could load an image.
"""

import logging
import re

# C0 without tab and line feed, DEL, C1; bidirectional controls; line separators; what is not seen at all; and
# surrogates, which no output can encode.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_CALLS = re.compile(r"@|#(?=[0-9])|\bGH-(?=[0-9])", re.IGNORECASE)
_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)//|(?<=www)\.", re.IGNORECASE)


def harmless(text: str) -> str:
    """`text` with every harmful character as `\\uXXXX`, as in JSON."""
    return _HARMFUL.sub(_escape, text)


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


def comment_text(text: str, most: int = 600) -> str:
    """Untrusted text on one line of a comment on GitHub, at most so many characters of it."""
    line = " ".join(text.split())
    return unlinked(markdown_text(line if len(line) <= most else f"{line[:most]}…"))


def unlinked(text: str) -> str:
    """`text` in which no `@name` calls a person and no `#12` links or closes an issue on GitHub.

    A mark of no width stands between sign and name.
    """
    return _CALLS.sub(lambda match: f"{match[0]}\u200b", text)


class HarmlessFormatter(logging.Formatter):
    """A formatter of log lines without harmful characters."""

    def format(self, record: logging.LogRecord) -> str:
        """The formatted line."""
        return harmless(super().format(record))


# ---------------------------------------------------------------------------------------------------------


def _escape(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _longest_run_of_backticks(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
