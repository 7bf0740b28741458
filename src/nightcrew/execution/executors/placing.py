"""Finds the lines that a model wants to replace, or says why they are not there and what is there instead.

Lines are compared exactly, then without white space at their ends, then with another indentation of the whole
block. A place counts only if it is the only one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_MOST_COMPARED = 200_000  # characters of the file that are searched for similar lines
_MOST_PLACES = 6  # more do not help to say where they are
_SHOWN_LINES = 12
_SHOWN_CHARACTERS = 1_500
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Place:
    """Lines `start` to `stop` of a file, and what to put before each new line that is not empty.

    `taken` is the indentation that each new line has too much.
    """

    start: int
    stop: int
    added: str = ""
    taken: str = ""

    def disagrees(self, wanted: Sequence[str], new: Sequence[str]) -> bool:
        """True if the new lines seem to have the place's indentation, which the wanted ones have not."""
        old, own = _indentation(wanted), _indentation(new)
        return bool(self.added and own >= old + len(self.added)) or bool(self.taken and own < old)

    def fitted(self, new: Sequence[str]) -> list[str]:
        """The new lines with the indentation of the place."""
        return [f"{self.added}{line.removeprefix(self.taken)}" if line.strip() else line for line in new]


def places_of(lines: Sequence[str], wanted: Sequence[str]) -> list[Place]:
    """Where the wanted lines stand, by the strictest comparison that finds them anywhere."""
    for same in (_exactly, str.rstrip):
        if found := _found(lines, wanted, same):
            return [Place(start, start + len(wanted)) for start in found]
    places = [
        _indented(lines[start : start + len(wanted)], wanted, start)
        for start in _found(lines, wanted, str.strip)
    ]
    return [place for place in places if place is not None]


def why_not(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """Why the wanted lines are not found, with the most similar ones of the file, for the model."""
    if found := _found(lines, wanted, str.strip):
        shown = _shown(lines, found[0], len(wanted))
        return f"they differ only in white space. The file has, from line {found[0] + 1}:\n{shown}"
    first = next((line for line in wanted if line.strip()), "")
    at, alike = _nearest(lines, wanted)
    if alike < _ALIKE:
        return f"the file has nothing like them; the first of them is {first.strip()[:200]!r}"
    shown = _shown(lines, at, len(wanted))
    return f"the most similar lines of the file, from line {at + 1}, are:\n{shown}"


def several(places: Sequence[Place]) -> str:
    """What to do about lines that stand in a file several times."""
    numbers = ", ".join(str(place.start + 1) for place in places)
    times = f"{len(places)} times" if len(places) < _MOST_PLACES else f"at least {len(places)} times"
    return f"they are there {times} (from lines {numbers}); add lines around them, so that one place fits"


# ---------------------------------------------------------------------------------------------------------


def _indentation(lines: Sequence[str]) -> int:
    """The least indentation of lines that are not empty."""
    return min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)


def _exactly(line: str) -> str:
    return line


def _found(lines: Sequence[str], wanted: Sequence[str], same: Callable[[str], str]) -> list[int]:
    """The first lines of all places, with each line compared as `same` shows it; linear in the file."""
    have, want = [same(line) for line in lines], [same(line) for line in wanted]
    if not any(want):
        return []
    # The search of strings is linear; a line has no line feed, so a match starts and ends with lines.
    text, pattern = "\n" + "\n".join(have) + "\n", "\n" + "\n".join(want) + "\n"
    found: list[int] = []
    at, number, counted = text.find(pattern), 0, 0
    while at >= 0 and len(found) < _MOST_PLACES:
        number += text.count("\n", counted, at)
        counted = at
        found.append(number)
        at = text.find(pattern, at + 1)
    return found


def _indented(there: Sequence[str], wanted: Sequence[str], start: int) -> Place | None:
    """The place if all lines differ by the same indentation."""
    pairs = [(old, new) for old, new in zip(there, wanted, strict=True) if new.strip()]
    old, new = pairs[0]
    added = old[: len(old) - len(old.lstrip())]
    taken = new[: len(new) - len(new.lstrip())]
    if added.startswith(taken):
        added, taken = added[: len(added) - len(taken)], ""
    elif taken.startswith(added):
        added, taken = "", taken[: len(taken) - len(added)]
    else:
        return None
    same = all(old.rstrip() == f"{added}{new.removeprefix(taken)}".rstrip() for old, new in pairs)
    prefixed = all(new.startswith(taken) for _, new in pairs)
    return Place(start, start + len(wanted), added, taken) if same and prefixed else None


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> tuple[int, float]:
    """The start of the most similar lines of the same number, and how similar they are, from 0 to 1."""
    best, alike, read = 0, 0.0, 0
    want = [line.strip() for line in wanted]
    anchor = max(want, key=len, default="")[:500]
    offset = next((at for at, line in enumerate(want) if line[:500] == anchor), 0)
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(anchor)
    for number, line in enumerate(lines):
        read += len(line) + 1
        if read > _MOST_COMPARED:
            break
        matcher.set_seq1(line.strip()[:500])
        if matcher.real_quick_ratio() <= alike or matcher.quick_ratio() <= alike:
            continue
        if (ratio := matcher.ratio()) > alike:
            best, alike = max(0, number - offset), ratio
    return best, alike


def _shown(lines: Sequence[str], start: int, count: int) -> str:
    some = "\n".join(lines[start : start + min(count, _SHOWN_LINES)])
    return some[:_SHOWN_CHARACTERS].encode("utf-8", "replace").decode()
