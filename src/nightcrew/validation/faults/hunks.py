"""The parts of a change to a file other than Python, as edits that restore base's text one by one."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import NamedTuple

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import WHOLE

MOST_HUNKS = 8
_TOKENS = re.compile(r"[\w.]+|\s+|.", re.DOTALL)
_WORD = re.compile(r"\w")
_COMMAND = re.compile(r"^(?!(?:then|else|elif|fi|do|done|esac|[})]|;;))\S", re.MULTILINE)
_SPEAKS = re.compile(
    r"#|(?:set|echo|printf)\b(?:[^>|;&`(\n]|>&2)*+(?:\n|\Z)"
    r"|cd [\"']?\$\(dirname [^;&|\n]*(?:\n|\Z)"  # into the repository's own folder
)


class _Edit(NamedTuple):
    """A span of the new text, and the span of base's text that replaces it."""

    start: int
    end: int
    old_start: int
    old_end: int


def hunks_of(before: str, after: str, *, is_script: bool = False) -> tuple[Mutant, ...]:
    """Values in lines that differ only in these values, else whole hunks; for a shell script its commands.
    Neighbouring edits are joined where there are many."""
    edits = [*_edits(before.splitlines(keepends=True), after.splitlines(keepends=True))]
    if is_script:
        edits = [part for edit in edits for part in _commands(after, edit)]
    size = max(1, -(-len(edits) // MOST_HUNKS))
    groups = [edits[at : at + size] for at in range(0, len(edits), size)]
    return tuple(_mutant(before, after, group) for group in groups)


# ---------------------------------------------------------------------------------------------------------


def _edits(old: list[str], new: list[str]) -> Iterator[_Edit]:
    first, second = (list(accumulate(map(len, lines), initial=0)) for lines in (old, new))
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        pairs = min(j - i, m - k) if tag == "replace" else 0
        found = [[*_values(old[i + at], new[k + at], first[i + at], second[k + at])] for at in range(pairs)]
        if pairs and all(found):
            yield from (edit for edits in found for edit in edits)
            i, k = i + pairs, k + pairs
        if tag != "equal" and (i < j or k < m):
            yield _Edit(second[k], second[m], first[i], first[j])


def _commands(after: str, edit: _Edit) -> Iterator[_Edit]:
    """The commands of a script's new lines, without those that only print, set the shell's mode or
    go to the script's own folder."""
    starts = [edit.start + match.start() for match in _COMMAND.finditer(after[edit.start : edit.end])]
    spans = [span for span in pairwise([*starts, edit.end]) if not _SPEAKS.match(after, span[0])]
    if not spans or edit.old_start != edit.old_end:
        yield edit
        return
    yield from (_Edit(start, end, edit.old_start, edit.old_start) for start, end in spans)


def _values(old: str, new: str, old_start: int, start: int) -> Iterator[_Edit]:
    """Words and numbers of one line that differ from base."""
    words = _TOKENS.findall(old), _TOKENS.findall(new)
    first = list(accumulate(map(len, words[0]), initial=old_start))
    second = list(accumulate(map(len, words[1]), initial=start))
    for tag, i, j, k, m in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        old_words = [at for at in range(i, j) if _WORD.search(words[0][at])]
        new_words = [at for at in range(k, m) if _WORD.search(words[1][at])]
        if tag == "replace" and old_words and new_words:  # an added or removed comma is not a value
            yield _Edit(
                second[new_words[0]], second[new_words[-1] + 1], first[old_words[0]], first[old_words[-1] + 1]
            )


def _mutant(before: str, after: str, edits: list[_Edit]) -> Mutant:
    start, end = edits[0].start, edits[-1].end
    text = before[edits[0].old_start : edits[-1].old_end]
    line = after.count("\n", 0, start) + 1
    return Mutant(start, end, text, after[start:end], line, line, WHOLE, "")
