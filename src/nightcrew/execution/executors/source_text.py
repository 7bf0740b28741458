"""A text file as lines, with what a model cannot express: its encoding, its line ends, its last line's end.

Only a line feed ends a line, with a carriage return before it or not. Bytes of a line that is not edited stay
exactly as they are.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]{1,40})")
_SAFE = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp\d+|koi8-\w|mac-\w+|gb\w+|big5\w*|shift_jis\w*|euc_\w+|tis-620"
)
_MOST_COMPARED_LINES = 5_000
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class NotText(ValueError):
    """The content is not text, or a text cannot be written in the file's encoding; says which."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file's lines without their ends; `ends` has `\\n`, `\\r\\n` or, for the last line, nothing."""

    lines: tuple[str, ...]
    ends: tuple[str, ...]
    encoding: str = "utf-8"
    byte_order_mark: bytes = b""

    @classmethod
    def read(cls, content: bytes) -> "SourceText":
        """The text in `content`. Bytes that are not valid in UTF-8 are kept, if no encoding is declared.

        Raises:
            NotText: it is binary, or not valid in the encoding that it declares.
        """
        mark, encoding = next((entry for entry in _MARKS if content.startswith(entry[0])), (b"", ""))
        body = content.removeprefix(mark)
        encoding = encoding or _declared(body)
        if b"\0" in body and not encoding.startswith("utf-16"):
            raise NotText("is not a text file")
        try:
            text = body.decode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
        except (UnicodeDecodeError, LookupError) as error:
            raise NotText(f"cannot be read in its encoding {encoding}: {error}") from None
        lines, ends = _split(text)
        return cls(lines, ends, encoding, mark)

    @property
    def text(self) -> str:
        """The text with `\\n` as the end of every line that has one."""
        return "".join(f"{line}{end[-1:]}" for line, end in zip(self.lines, self.ends, strict=True))

    @property
    def usual_end(self) -> str:
        """The most frequent line end; `\\n` for a file without one."""
        windows = self.ends.count("\r\n")
        return "\r\n" if windows > self.ends.count("\n") else "\n"

    def encoded(self) -> bytes:
        """The file's bytes.

        Raises:
            NotText: a character does not exist in the encoding.
        """
        text = "".join(f"{line}{end}" for line, end in zip(self.lines, self.ends, strict=True))
        try:
            errors = "surrogateescape" if self.encoding == "utf-8" else "strict"
            return self.byte_order_mark + text.encode(self.encoding, errors)
        except UnicodeEncodeError as error:
            wrong = text[error.start : error.start + 1]
            raise NotText(f"the character {wrong!r} does not exist in its encoding {self.encoding}") from None

    def replaced(self, start: int, stop: int, new: Sequence[str]) -> "SourceText":
        """The text with other lines in place of lines `start` to `stop`, which get the ends around them.

        Raises:
            NotText: the file has bytes in an unknown encoding, and a new line is not plain ASCII.
        """
        if not all(line.isascii() for line in new) and self._has_unknown_bytes():
            raise NotText("has bytes that are not UTF-8, so only ASCII can be added to it")
        here = SourceText((), self.ends[start:stop]).usual_end if stop > start else self.usual_end
        ends = [here] * len(new)
        last = stop == len(self.lines) and stop > 0 and not self.ends[-1]
        before = list(self.ends[:start])
        if last and ends:
            ends[-1] = ""
        elif last and before:
            before[-1] = ""
        return SourceText(
            (*self.lines[:start], *new, *self.lines[stop:]),
            (*before, *ends, *self.ends[stop:]),
            self.encoding,
            self.byte_order_mark,
        )

    def rewritten(self, text: str) -> "SourceText":
        """`text` as the whole content; lines that it shares with the file keep their ends."""
        lines, _ = _split(text)
        if not self.lines:
            return SourceText(*_split(text), self.encoding, self.byte_order_mark)
        made = self
        uniform = len(set(self.ends) - {""}) <= 1
        if uniform or max(len(lines), len(self.lines)) > _MOST_COMPARED_LINES:
            return self.replaced(0, len(self.lines), lines)
        matcher = SequenceMatcher(None, self.lines, lines)
        for tag, start, stop, new_start, new_stop in reversed(matcher.get_opcodes()):
            if tag != "equal":
                made = made.replaced(start, stop, lines[new_start:new_stop])
        return made

    def _has_unknown_bytes(self) -> bool:
        odd = (line for line in self.lines if not line.isascii())
        return any("\udc80" <= letter <= "\udcff" for line in odd for letter in line)


# ---------------------------------------------------------------------------------------------------------


def _split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Lines and their ends."""
    *whole, rest = text.split("\n")
    lines = [line.removesuffix("\r") for line in whole]
    ends = ["\r\n" if line.endswith("\r") else "\n" for line in whole]
    return (*lines, *([rest] if rest else ())), (*ends, *([""] if rest else ()))


def _declared(content: bytes) -> str:
    """The encoding that one of the first two lines declares, as Python reads it; else UTF-8."""
    for line in content.split(b"\n", 2)[:2]:
        if found := _COOKIE.match(line[:200]):
            try:
                name = codecs.lookup(found[1].decode()).name
            except LookupError:
                return "utf-8"
            return name if _SAFE.fullmatch(name) else "utf-8"  # some codecs take quadratic time
    return "utf-8"
