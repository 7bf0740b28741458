"""The grammar of a model's reply with edits, and its reader. Pure, and linear in the reply's length.

    reply   = { thinking | file | edit | prose line }
    file    = "### FILE " path, fence, lines of the file, fence, [ "### END" ]
    edit    = "### EDIT " path, { [fence], SEARCH, lines, DIVIDER, lines, REPLACE, [fence] }
    fence   = three or more backticks, or as many tildes; the closing one has at least as many
    SEARCH  = "<<<<<<< SEARCH"   DIVIDER = "======="   REPLACE = ">>>>>>> REPLACE", or longer ones alike
    thinking = "<think>", anything, "</think>" (or another word for it), at the start of a line

Only a line feed ends a line; a carriage return before it is left out, because the edited file has line ends
of its own. A file's content may hold fences. Which fence closes it is certain if the fence is longer than the
ones inside, if `### END` follows, or if only one reading is possible. Any other reply is refused, because the
rest of the file would be lost.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nightcrew.untrusted import Unreadable, parse_python

END = "### END"
_MOST_DIVIDERS = 20  # in one block; each is another possible reading

_HEADING = re.compile(r"#{2,4} (FILE|EDIT):? ++[`*\"']*+([^`*\"'\n]*[^`*\"'\s])\s*+[`*\"']*+\s*+$")
_END = re.compile(r"#{2,4} END\b.{0,300}$")
_FENCE = re.compile(r"(`{3,}|~{3,})([^`]*)$")
_SEARCH = re.compile(r"(<{5,}|-{5,}) ?(?:SEARCH|ORIGINAL)\s*$")
_DIVIDER = re.compile(r"(={5,})\s*$")
_REPLACE = re.compile(r"(>{5,}|\+{5,}) ?(?:REPLACE|UPDATED)\s*$")
_TAGS = "think|thinking|thought|reasoning|reflection"
_THINKING = re.compile(rf"\s*<({_TAGS})>")
_END_OF_THINKING = re.compile(rf"(?:^|[^`<])</(?:{_TAGS})>\s*$")
_MARKS = "<<<<<<< SEARCH / ======= / >>>>>>> REPLACE"


class BadEdits(Exception):
    """The reply has edits that cannot be applied; the text tells the model which and why."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file with its new content."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """Lines that stand in a file exactly once, and the lines that take their place.

    `others` are further readings of the same block, if the content has lines like the divider.
    """

    path: str
    search: str
    replace: str
    others: tuple[tuple[str, str], ...] = ()


type Edit = WholeFile | Replacement


def read_edits(reply: str) -> tuple[Edit, ...]:
    """The edits in a model's reply, in order; may be empty. Thinking is left out.

    Raises:
        BadEdits: a heading without a complete block, or a block whose end is not certain.
    """
    return _Reader([line.removesuffix("\r") for line in reply.split("\n")]).read()


def without_thinking(reply: str) -> str:
    """The reply without the thinking that it begins with; empty if that never ends."""
    thought = _THINKING.match(reply)
    return reply.partition(f"</{thought[1]}>")[2] if thought else reply


# ---------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads a reply's lines from the first to the last."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._last_end = max((at for at, line in enumerate(lines) if _END.match(line)), default=-1)

    def read(self) -> tuple[Edit, ...]:
        found: list[Edit] = []
        at = 0
        while at < len(self._lines):
            line = self._lines[at]
            if thought := _THINKING.match(line):
                at = self._after_thinking(thought[1], at)
                continue
            if _END_OF_THINKING.search(line):  # the opening tag may be part of the prompt, and not sent
                found.clear()
            heading = _HEADING.match(line.strip())
            at += 1
            if heading:
                edits, at = self._edits(heading[1], heading[2].strip(), at)
                found.extend(edits)
        return tuple(found)

    def _after_thinking(self, tag: str, at: int) -> int:
        """The first line after the thinking that starts at a line; it may never end."""
        close = f"</{tag}>"
        for number in range(at, len(self._lines)):
            if close in self._lines[number]:
                rest = self._lines[number].rpartition(close)[2]
                self._lines[number] = rest.lstrip()
                return number
        return len(self._lines)

    def _edits(self, kind: str, path: str, at: int) -> tuple[list[Edit], int]:
        while at < len(self._lines) and not self._lines[at].strip():
            at += 1
        fence = _FENCE.match(self._lines[at].strip()) if at < len(self._lines) else None
        inside = at + 1 if fence else at
        if kind == "EDIT" or (inside < len(self._lines) and _SEARCH.match(self._lines[inside])):
            return self._replacements(path, at)
        if fence is None:
            raise BadEdits(f"### FILE {path}: a fenced block with the whole file must follow")
        end = self._closing_fence(path, fence[1], at + 1)
        content = "\n".join(self._lines[at + 1 : end])
        return [WholeFile(path, f"{content}\n" if end > at + 1 else "")], end + 1

    def _closing_fence(self, path: str, fence: str, at: int) -> int:
        """The line of the fence that closes a whole file, if it is certain.

        The last one before the next heading is it, if an END follows, if no other is possible, if fences with
        a language pair with bare ones in just this way, or if only with it the Python content is valid.
        """
        candidates, fences_after, stated = self._possible_ends(fence, at)
        if not candidates:
            raise BadEdits(f"### FILE {path}: the fenced block is not closed")
        last = candidates[-1]
        if self._last_end >= at and not stated:
            raise BadEdits(f"### FILE {path}: {END} must follow the closing fence")
        if stated or (
            not fences_after and (len(candidates) == 1 or self._paired_end(fence, at, last) == last)
        ):
            return last
        if path.endswith(".py"):
            valid = [end for end in candidates[:20] if _is_python(self._lines[at:end])]
            if len(valid) == 1:
                return valid[0]
        if len(candidates) == 1 and len(fence) > 3:
            return last
        raise BadEdits(
            f"### FILE {path}: where the file ends is not certain, because its fence {fence} also stands "
            f"inside or after it. Send it again with a longer fence around the file ({fence}``), and {END} "
            "on the line after the closing fence."
        )

    def _possible_ends(self, fence: str, at: int) -> tuple[list[int], bool, bool]:
        """Lines that may close the file, whether other fences follow, and whether its end is stated."""
        ends: list[int] = []
        fences_after = blank_since = False
        for number in range(at, len(self._lines)):
            line = self._lines[number]
            if ends and (_HEADING.match(line) or _END.match(line)):
                return ends, fences_after, bool(_END.match(line)) and blank_since
            if _closes(line, fence):
                ends.append(number)
                fences_after, blank_since = False, True
            elif line.strip():
                blank_since = False
                fences_after = fences_after or (bool(ends) and _FENCE.match(line.strip()) is not None)
        return ends, fences_after, False

    def _paired_end(self, fence: str, at: int, last: int) -> int | None:
        """The line that closes the file if each fence with a language opens a block inside it."""
        depth = 1
        for number in range(at, last + 1):
            found = _FENCE.match(self._lines[number])
            if found is None or not found[1].startswith(fence):
                continue
            depth += 1 if found[2].strip() else -1
            if depth == 0:
                return number
        return None

    def _replacements(self, path: str, at: int) -> tuple[list[Edit], int]:
        found: list[Edit] = []
        while at < len(self._lines):
            line = self._lines[at]
            opening = _SEARCH.match(line)
            if opening is None and line.strip() and not _FENCE.match(line.strip()):
                break
            at += 1
            if opening is not None:
                replacement, at = self._replacement(path, len(opening[1]), at)
                found.append(replacement)
        if not found:
            raise BadEdits(f"### EDIT {path}: a block {_MARKS} must follow")
        return found, at

    def _replacement(self, path: str, length: int, at: int) -> tuple[Replacement, int]:
        end = self._end_of_block(path, length, at)
        marks = [(number, _DIVIDER.match(self._lines[number])) for number in range(at, end)]
        known = [(number, len(mark[1])) for number, mark in marks if mark]
        dividers = [number for number, size in known if size == length] or [number for number, _ in known]
        if not dividers:
            raise BadEdits(f"### EDIT {path}: a line ======= is missing after {_MARKS[:14]}")
        readings = [
            (_text(self._lines[at:number]), _text(self._lines[number + 1 : end]))
            for number in dividers[:_MOST_DIVIDERS]
        ]
        return Replacement(path, *readings[0], tuple(readings[1:])), end + 1

    def _end_of_block(self, path: str, length: int, at: int) -> int:
        other = None
        for number in range(at, len(self._lines)):
            line = self._lines[number]
            if mark := _REPLACE.match(line):
                if len(mark[1]) == length:
                    return number
                other = number if other is None else other
            elif (mark := _SEARCH.match(line)) and len(mark[1]) == length:
                break
        if other is None:
            raise BadEdits(f"### EDIT {path}: a line >>>>>>> REPLACE is missing after {_MARKS[:14]}")
        return other


def _closes(line: str, fence: str) -> bool:
    found = _FENCE.match(line.rstrip())
    return found is not None and found[1].startswith(fence) and not found[2].strip()


def _is_python(lines: Sequence[str]) -> bool:
    try:
        parse_python(_text(lines))
    except Unreadable:
        return False
    return True


def _text(lines: Sequence[str]) -> str:
    return "".join(_with_ends(lines))


def _with_ends(lines: Sequence[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)
