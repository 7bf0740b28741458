"""Prose: which sentences are new, whether they say anything, and whether more than the spelling changed."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher

from nightcrew.validation.tables import Table

_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_TOKEN = re.compile(r"[\w'’.-]+")
_SENTENCE = re.compile(r"(?<=[.!?:])\s+(?=\W*[A-Z0-9`])|\n\s*\n|\n\s*(?=[-*+#|>]|\d+\.)")
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`|^( {4}|\t).*$|https?://\S+", re.MULTILINE | re.DOTALL)
_FILLER = re.compile(
    r"\b(lorem ipsum|dolor sit amet|consectetur adipiscing|sed do eiusmod|coming soon|your text here"
    r"|to be (?:written|done|added|documented)|insert \w+ here|blah(?:\W+blah)+|foo bar baz)\b|\bTBD\b",
    re.IGNORECASE,
)
_LATIN, _TURNING = (Table("prose").words("prose", key) for key in ("latin", "turning"))
_REMARK = 2  # words; a shorter sentence is only "see also" and the like
_SAME = 0.6  # from this share of equal words on, one sentence is the other with its spelling corrected
_LIKE = 0.7  # from this share of equal letters on, one word is the other with its spelling corrected
_LEAST_WORDS = 8  # a shorter text is not checked for a subject
_LEAST_OWN = 0.12


def sentences(text: str) -> list[str]:
    """The sentences of a text without code and addresses."""
    plain = _CODE.sub(" ", text)
    parts = (" ".join(one.split()) for one in _SENTENCE.split(plain))
    return [one for one in parts if len(_WORD.findall(one)) > _REMARK]


def new_sentences(before: str, after: str) -> list[str]:
    """Sentences of `after` that differ from all of `before` in more than spelling or layout."""
    known = Counter(_plain(one) for one in sentences(before))
    fresh = Counter(_plain(one) for one in sentences(after)) - known
    gone = list((known - Counter(_plain(one) for one in sentences(after))).elements())
    candidates = [one for one in sentences(after) if fresh[_plain(one)] > 0]
    return [
        one for one in dict.fromkeys(candidates) if not any(_is_respelled(old, _plain(one)) for old in gone)
    ]


def filler(text: str) -> str:
    """Placeholder words in the text; empty where there are none."""
    match = _FILLER.search(text)
    words = [word.lower() for word in _WORD.findall(text)]
    latin = [word for word in words if word in _LATIN]
    if match:
        return match[0]
    return " ".join(latin[:4]) if len(set(latin)) >= 4 and len(latin) > 0.2 * len(words) else ""


def says_nothing(
    fresh: Iterable[str],
    vocabulary: set[str],
    empty_words: Collection[str],
    *,
    least_words: int = _LEAST_WORDS,
) -> bool:
    """True for a longer text with hardly a word about this repository, so that it could be in any project."""
    words = [word.lower() for one in fresh for word in _WORD.findall(one)]
    content = [word for word in words if len(word) > 3 and word not in empty_words]
    own = sum(word in vocabulary or word.rstrip("s") in vocabulary for word in content)
    return len(content) >= least_words and own < _LEAST_OWN * len(content)


# ------------------------------------------------------------------------------------------------------


def _plain(sentence: str) -> str:
    return " ".join(_TOKEN.findall(sentence)).strip(".").lower()


def _is_respelled(old: str, new: str) -> bool:
    """True where only single words differ, and each is short or spelled nearly as before."""
    first, second = old.split(), new.split()
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.ratio() < _SAME:
        return False
    for tag, start, end, begin, stop in matcher.get_opcodes():
        if tag == "equal":
            continue
        gone, come = first[start:end], second[begin:stop]
        if _TURNING & {*gone, *come} or any(char.isdigit() for word in [*gone, *come] for char in word):
            return False
        letters = SequenceMatcher(None, "".join(gone), "".join(come), autojunk=False).ratio()
        if letters < _LIKE and not all(len(word) <= 4 for word in [*gone, *come]):
            return False
    return True
