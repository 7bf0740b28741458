"""Prose: which sentences are new, whether they say anything, and whether more than the spelling changed."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher, get_close_matches
from itertools import pairwise
from typing import NamedTuple

from nightcrew.validation.tables import Table

_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_TOKEN = re.compile(r"[\w'’.-]*\w[(\[=]\S+|[\w'’.-]+")  # a call or an assignment is one word
_SENTENCE = re.compile(r"(?<=[.!?:])\s+(?=\W*[A-Z0-9`])|\n\s*\n|\n\s*(?=[-*+#|>]|\d+\.)")
_CODE = re.compile(
    r"^[ \t]*(```|~~~).*?^[ \t]*\1|`[^`\n]*`|^[ \t]*(?:>>>|\.\.\.)[ \t][^\n]*$|https?://\S+"
    r"|^[ \t]*\.\. (?:version\w+|deprecated)::[ \t]*\S+|!\[[^\]\n]{0,300}\]\([^)\n]{0,300}\)"
    r"|^[ \t]*\.\. (?:\|[^|\n]{0,300}\| )?image::[^\n]*(?:\n[ \t]+:\w+:[^\n]*)*",
    re.MULTILINE | re.DOTALL,
)
_LITERAL = re.compile(  # reStructuredText: lines indented below a code directive, or a line that ends in ::
    r"^(?P<indent>[ \t]*+)"
    r"(?:\.\. (?:code|sourcecode|doctest|testcode|mermaid)[\w-]*::[^\n]*|(?!\.\. )([^\n]*)::[ \t]*)\n"
    r"(?:[ \t]*\n)*(?:(?P=indent)[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+",
    re.MULTILINE,
)
_FILLER = re.compile(
    r"\b(lorem ipsum|dolor sit amet|consectetur adipiscing|sed do eiusmod|coming soon|your text here"
    r"|to be (?:written|done|added|documented)|insert \w+ here|blah(?:\W+blah)+|foo bar baz)\b|\bTBD\b",
    re.IGNORECASE,
)
_LATIN, _TURNING, _PROMISING = (
    Table("prose").words("prose", key) for key in ("latin", "turning", "promising")
)
_REMARK = 2  # words; a shorter sentence without a number is only "see also" and the like
_SAME = 0.6  # from this share of equal words on, one sentence is the other with its spelling corrected
_LIKE = 0.7  # from this share of equal letters on, one word is the other with its spelling corrected
_MOST_LOST = 0.5  # of the sentences of a text; where more are gone, it is written anew
_CALL = {*"([="}
_NUMBER = re.compile(r"(?<![\w.#:=/-])(?:\d+(?:\.\d+)*|[a-z]+)(?![\w])")
_NUMBERS = {word: str(value) for word, value in Table("prose").sections["numbers"].items()}
_LEGAL = re.compile(
    r"\b(?:licen[cs]ed? (?:under|by)|public domain|copyright\w*|warrant(?:y|ies)|royalt\w+)\b", re.IGNORECASE
)
_ROW = re.compile(r"^[ \t]*+\|(?=[^\w\n]*+\w)[^\n]*\|[ \t]*$", re.MULTILINE)  # of a table
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")
_OWNER = re.compile(r"(?:github|gitlab|bitbucket|codeberg)\.\w+/([\w.-]+)", re.IGNORECASE)
_COUNTING = re.compile(r"[^a-z]*+[a-z].*\d")
_ASIDE = re.compile(r"\([^()]*+\)[^\w()]*+$")
_LEAST_WORDS = 8  # a shorter text is not checked for a subject
_LEAST_OWN = 0.12


def sentences(text: str) -> list[str]:
    """The sentences of a text without code and addresses; an ellipsis stands for code inside a sentence."""
    plain = _CODE.sub(
        lambda held: " " if held[1] or held[0][0] != "`" else " … ", _LITERAL.sub(r"\n\n\g<2>\n\n", text)
    )
    parts = (" ".join(one.split()) for one in _SENTENCE.split(plain))
    return [one for one in parts if len(_WORD.findall(one)) > _REMARK or _COUNTING.match(one)]


class NewText(NamedTuple):
    """What a text says that its earlier version does not."""

    fresh: list[str]  # sentences that differ from all earlier ones in more than spelling or layout
    turned: list[str]  # those of them that state the opposite or another number than an earlier one
    is_rewritten: bool  # most earlier sentences are gone, and nothing like them is there
    gone: list[str]  # earlier sentences and rows of tables, where no new ones stand for them


def new_text(before: str, after: str) -> NewText:
    """Compares a text with its earlier version, sentence by sentence."""
    known = Counter(map(_plain, sentences(before)))
    new = Counter(map(_plain, sentences(after)))
    gone, come = list((known - new).elements()), new - known
    fresh: list[str] = []
    turned: list[str] = []
    kept: set[str] = set()
    for sentence in dict.fromkeys(one for one in sentences(after) if come[_plain(one)] > 0):
        alike = sorted((_likeness(old, _plain(sentence)), old) for old in gone)
        nearest = alike[-1][1] if alike and alike[-1][0] >= _SAME else ""
        kept |= {old for old in gone if _is_within(old, _plain(sentence))}
        if nearest and _is_respelled(nearest, _plain(sentence)):
            continue
        fresh.append(sentence)
        if nearest and _contradicts(nearest, _plain(_without_new_aside(sentence, before))):
            turned.append(sentence)
    whole = _plain(after)  # with its code, where an example or a caption may stand now
    lost = [one for one in gone if one not in kept and one not in whole]
    is_rewritten = len(lost) > _MOST_LOST * known.total()
    rows, others = (Counter(map(_plain, _ROW.findall(text))) for text in (before, after))
    missing = list((rows - others).elements()) if rows.total() > others.total() else []
    return NewText(fresh, turned, is_rewritten, [*lost[len(fresh) :], *missing])


def moved_sentence(before: str, after: str) -> str:
    """The first sentence that stands elsewhere between those that both texts have; empty where none does."""
    old, new = ([(_plain(one), one) for one in sentences(text)] for text in (before, after))
    known, kept = (Counter(plain for plain, _ in some) for some in (old, new))
    # One that stands in several places may have gone from one of them.
    as_often = {plain for plain, count in known.items() if kept[plain] == count}
    pairs = zip(*([one for one in some if one[0] in as_often] for some in (old, new)), strict=True)
    return next((found[1] for was, found in pairs if was[0] != found[0]), "")


def unknown_numbers(sentence: str, known: str) -> list[str]:
    """Numbers in a sentence, in digits or words, that a text contains in neither form."""
    words = set(_NUMBER.findall(known.lower()))
    named = ((word, _NUMBERS.get(word, word)) for word in _NUMBER.findall(sentence.lower()))
    return [word for word, digits in named if digits[0].isdigit() and not {word, digits} & words]


def is_legal(sentence: str) -> bool:
    """True for a sentence about what readers may do with the project."""
    return _LEGAL.search(sentence) is not None


def promises(sentence: str) -> bool:
    """True for a sentence about safety, speed or the fate of a caller's values, which no example shows."""
    words = sentence.lower().replace("`", "").split()
    pairs = {f"{first}-{second}" for first, second in pairwise(words)}
    plain = {word.strip(".,;:()!?*_") for word in [*words, *pairs]}
    return bool(plain & _PROMISING) or any(word.startswith("o(") for word in words)


def replaced_addresses(before: str, after: str) -> list[str]:
    """Mail addresses and revisions that stand where others did, and owners of repositories named nearly like
    another."""
    old, new = Counter(_MAIL.findall(before)), Counter(_MAIL.findall(after))
    owners, others = set(_OWNER.findall(before)), set(_OWNER.findall(after))
    near = [one for one in others - owners if get_close_matches(one, sorted(owners), 1, _LIKE)]
    return sorted([*(new - old if old - new else ()), *near])


def added(before: str, after: str) -> str:
    """The lines of a text that its earlier version does not have."""
    known = {" ".join(line.split()) for line in before.split("\n")}
    return "\n".join(line for line in after.split("\n") if " ".join(line.split()) not in known)


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


def _matcher(old: str, new: str) -> "SequenceMatcher[str]":
    return SequenceMatcher(None, old.split(), new.split(), autojunk=False)


def _likeness(old: str, new: str) -> float:
    """The share of words, 0 to 1, that two sentences have in common."""
    matcher = _matcher(old, new)
    return matcher.ratio() if matcher.quick_ratio() >= _SAME else 0.0


def _is_within(old: str, new: str) -> bool:
    """True where most words of a sentence are in another one, which may say more."""
    matched = sum(block.size for block in _matcher(old, new).get_matching_blocks())
    return matched >= _SAME * len(old.split())


def _is_respelled(old: str, new: str) -> bool:
    """True where all words that differ are short, or spelled nearly as before."""
    first, second = old.split(), new.split()
    opcodes = _matcher(old, new).get_opcodes()
    return all(tag == "equal" or _are_near(first[i:j], second[k:m]) for tag, i, j, k, m in opcodes)


def _are_near(gone: list[str], come: list[str]) -> bool:
    """True for other spellings of words; never for numbers and words that turn what a sentence says."""
    words = [*gone, *come]
    if _TURNING & {*words} or any(_has_digit(one) or _CALL & {*one} for one in words):
        return False
    letters = SequenceMatcher(None, "".join(gone), "".join(come), autojunk=False).ratio()
    return letters >= _LIKE or all(len(word) <= 4 for word in words)


def _contradicts(old: str, new: str) -> bool:
    """True where only one of two like sentences has a turning word, or where they name other numbers."""
    if min(len(old.split()), len(new.split())) <= _REMARK + 1:
        return False
    gone, come = set(old.split()) - set(new.split()), set(new.split()) - set(old.split())
    return bool(_TURNING & (gone | come)) or (any(map(_has_digit, gone)) and any(map(_has_digit, come)))


def _without_new_aside(sentence: str, before: str) -> str:
    """The sentence without a statement in brackets at its end, which the earlier text does not have."""
    aside = _ASIDE.search(sentence)
    is_new = aside is not None and aside[0] not in before and len(_WORD.findall(aside[0])) > _REMARK
    return sentence[: aside.start()] if aside is not None and is_new else sentence


def _has_digit(word: str) -> bool:
    return any(char.isdigit() for char in word)
