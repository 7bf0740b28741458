"""What is wrong with a file's new docstrings: something lost, no information, or a false claim."""

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nightcrew.validation.reading.claims import Code, documented, false_claims
from nightcrew.validation.reading.docstrings import EMPTY_WORDS, Entry, is_vacuous, skeleton
from nightcrew.validation.reading.prose import added, filler, says_nothing
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom

_LONG_DOCSTRING = 20  # words with a meaning of their own
_MOST_VACUOUS = 0.5
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{2,}")


class Problem(NamedTuple):
    """What is wrong, and what to do instead."""

    what: str
    hint: str


def docstring_problem(
    room: CleanRoom, before: Mapping[str, Entry], after: Mapping[str, Entry], remarks: Sequence[str]
) -> Problem | None:
    """The first problem of a file's docstrings by qualified name, and of `remarks`, its new comments."""
    fresh = changed_docstrings(before, after)
    return _lost(before, after) or _empty(room, before, fresh, remarks) or _false(room, before, fresh)


def changed_docstrings(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Entry]:
    """The docstrings with other words than before."""
    return [one for name, one in after.items() if one.docstring and _words(one) != _words(before[name])]


def words_in(room: CleanRoom) -> set[str]:
    """Every word of the repository's code and documents on base: new text may refer to these."""
    texts = room.base_tree.texts(".py", ".pyi", ".md", ".rst", ".toml", ".cfg", ".c", ".pyx")
    return {word for text in texts.values() for word in _IDENTIFIER.findall(text)}


def trees_of(room: CleanRoom) -> dict[str, ast.Module]:
    """The trees of base's Python files."""
    texts = room.base_tree.python.items()
    return {path: tree for path, text in texts if (tree := parse(text)) is not None}


def code_of(room: CleanRoom) -> Code:
    """What base's functions call and name."""
    return Code(room.once(trees_of), room.once(words_in))


def vocabulary(room: CleanRoom) -> set[str]:
    """The repository's words and their parts: `parse_price` gives `parse` and `price`."""
    words = room.once(words_in)
    parts = (part for word in words for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", word))
    return {part.lower() for part in parts if len(part) > 3} | {word.lower() for word in words}


# ------------------------------------------------------------------------------------------------------


def _words(entry: Entry) -> list[str]:
    return (entry.docstring or "").split()


def _false(room: CleanRoom, before: Mapping[str, Entry], fresh: Sequence[Entry]) -> Problem | None:
    """The first new docstring that describes something the code does not do."""
    code = room.once(code_of)
    for entry in fresh:
        known = set(false_claims(before[entry.name], code))
        wrong = [one for one in false_claims(entry, code) if one not in known]
        if wrong:
            what = f"the docstring of {entry.name or 'the module'} names {wrong[0]}."
            return Problem(what, "Describe only what the code has and does.")
    return None


def _lost(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Problem | None:
    hint = "Keep what docstrings explain."
    for name, entry in before.items():
        if not entry.docstring:
            continue
        if not after[name].docstring:
            return Problem(f"the docstring of {name or 'the module'} is taken away.", hint)
        had, has = documented(entry.docstring), documented(after[name].docstring or "")
        gone = sorted(one for kind in had for one in had[kind] - has[kind] if one in (entry.words or ()))
        if gone:
            what = f"{gone[0]} is no longer explained in the docstring of {name or 'the module'}."
            return Problem(what, hint)
    return None


def _empty(
    room: CleanRoom, before: Mapping[str, Entry], fresh: Sequence[Entry], remarks: Sequence[str]
) -> Problem | None:
    """New text without information: fillers, the name again, one sentence for all, unrelated words."""
    hint = "Say what a caller gets, what goes in, which errors come, and what is surprising."
    texts = [added(before[entry.name].docstring or "", entry.docstring or "") for entry in fresh]
    fillers = next(filter(None, map(filler, [*texts, *remarks])), "")
    if fillers:
        return Problem(f"{fillers!r} stands where a text should.", hint)
    first = [entry for entry in fresh if not before[entry.name].docstring]
    judged = [entry for entry in first if entry.is_public] or first
    vacuous = _vacuous(judged, first)
    if judged and len(vacuous) / len(judged) > _MOST_VACUOUS and (len(vacuous) > 1 or len(judged) == 1):
        count = f"{len(vacuous)} of {len(judged)} docstrings"
        example = (vacuous[0].docstring or "").strip()[:80]
        return Problem(f"{count} say nothing that the name does not say, as {example!r}.", hint)
    # A docstring is next to the code that it describes, so it may explain the code in words of its own.
    if says_nothing(texts, room.once(vocabulary), EMPTY_WORDS, least_words=_LONG_DOCSTRING):
        return Problem("the new text is about nothing in this repository.", hint)
    return None


def _vacuous(judged: Sequence[Entry], first: Sequence[Entry]) -> list[Entry]:
    """Docstrings that add nothing to the name, or repeat several others."""
    texts = Counter((entry.docstring or "").strip() for entry in first)
    forms = Counter(map(skeleton, first))
    return [
        entry
        for entry in judged
        if is_vacuous(entry)
        or texts[(entry.docstring or "").strip()] > 2
        or (skeleton(entry) and forms[skeleton(entry)] > 2)
    ]
