"""Finds secrets that are held in text, in any usual encoding.

A secret is found verbatim and backwards, with any of its characters escaped (JSON, Python, percent, HTML), in
base64 and base32 at any offset, in hexadecimal, in other case, and with anything but letters and digits
between its characters; on request also in one of these encodings within another. One that was transformed
otherwise (encrypted, compressed, encoded three times) is not.

The text is decoded in several ways, and each result is searched. The cost is linear in the length of the
text, and depends on the number of secrets only where parts of them occur.
"""

import base64
import math
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import chain

SHORTEST_SECRET = 16  # shorter ones may be words such as "none" or "ollama"
KEY_MARK = "[key]"


type _Place = tuple[int, int]
"""Start and end."""


class KnownSecrets:
    """The secrets that a process holds; thread-safe. If they are `nested`, encodings of encodings count."""

    def __init__(self, secrets: Iterable[str] = (), *, nested: bool = False) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._writings: dict[_View, dict[str, set[tuple[str, int]]]] = {view: {} for view in _View}
        """By a part of it: the writing, and where in it the part is."""
        self._shortest = 0  # characters of the shortest writing
        self._nested = nested
        self._beginnings: dict[_View, dict[str, set[str]]] = {}
        """By its last characters: each beginning of a writing. Made when it is needed."""
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Redact `secret` from now on, unless it is so short that it could be a word."""
        with self._lock:
            if len(secret) < SHORTEST_SECRET or secret in self._secrets:
                return
            self._secrets.add(secret)
            self._beginnings = {}
            for view, writing in _writings(secret, nested=self._nested):
                self._shortest = min(self._shortest or len(writing), len(writing))
                for at in range(_GRAM):
                    self._writings[view].setdefault(writing[at : at + _GRAM], set()).add((writing, at))

    def redact(self, text: str) -> str:
        """`text` with a mark in place of each secret."""
        # No view lengthens a text. Most of an answer's texts are short: names of fields, roles, reasons.
        if not self._secrets or len(text) < self._shortest:
            return text
        kept, done = [], 0
        for start, end in sorted(self._places(text)):
            if start >= done:
                kept += [text[done:start], KEY_MARK]
            done = max(done, end)
        return "".join((*kept, text[done:]))

    def split(self, text: str) -> tuple[str, str]:
        """`text` split into a part that can be passed on, and an end that may be the start of a secret."""
        if not self._secrets:
            return text, ""
        begin = max(0, len(text) - _LONGEST_WRITING)
        half = _HALF_AN_ESCAPE.search(text, len(text[:-_LONGEST_ESCAPE].rstrip("\\")))
        place = half.start() if half else len(text)
        whole = text[begin:place]
        beginnings = self._beginnings or self._find_beginnings()
        for view, seen in _readings(whole):
            if most := _overlap(seen, beginnings[view]):
                ((start, _),) = view.origins(whole, [(len(seen) - most, len(seen))])
                place = min(place, begin + start)
        return text[:place], text[place:]

    # -----------------------------------------------------------------------------------------------------

    def _find_beginnings(self) -> "dict[_View, dict[str, set[str]]]":
        with self._lock:
            found: dict[_View, dict[str, set[str]]] = {view: {} for view in _View}
            for view, known in self._writings.items():
                for writing in {writing for places in known.values() for writing, _ in places}:
                    for size in range(1, len(writing) + 1):
                        beginning = writing[:size]
                        found[view].setdefault(beginning[-_GRAM:], set()).add(beginning)
            self._beginnings = found
            return found

    def _places(self, text: str) -> Iterator[_Place]:
        """Where the secrets are in `text`."""
        for view, seen in _readings(text):
            known = self._writings[view]
            where: dict[str, list[int]] = {}
            for at in range(0, len(seen), _GRAM):
                if seen[at : at + _GRAM] in known:
                    where.setdefault(seen[at : at + _GRAM], []).append(at)
            places = {
                place
                # A writing has at least 2 * _GRAM - 1 characters, so one of these parts is in its beginning.
                for part, found in where.items()
                for place in (_near if len(found) < _OFTEN else _anywhere)(known[part], found, seen)
            }
            if places:
                yield from view.origins(text, places)


# ---------------------------------------------------------------------------------------------------------

_GRAM = 8  # at most half of the shortest writing
_OFTEN = 100  # occurrences of a part from which searching the whole text is cheaper
_LONGEST_WRITING = 16_384  # characters; a secret with every character escaped many times
_LONGEST_ESCAPE = 64  # characters, without the backslashes it begins with

type _Step = tuple[re.Pattern[str], Callable[[re.Match[str]], str], str]
"""What is replaced by what, and the characters without any of which nothing is; empty: not known."""


def _nothing(_: re.Match[str]) -> str:
    return ""


def _character(escape: re.Match[str]) -> str:
    """The character that an escape stands for."""
    kind = escape.lastgroup or ""
    match kind.rstrip("0123456789"):
        case "hexadecimal":
            return chr(int(escape[kind], 16))
        case "octal":
            return chr(int(escape[kind], 8))
        case "decimal":
            return chr(int(escape[kind]))
        case "itself":
            return escape[kind]
    return "\n"


# Text that was quoted repeatedly has more backslashes, or `%2525`.
_ESCAPE = re.compile(
    r"""(?ix) (?<!\\)\\++(?: u(?P<hexadecimal1>[0-9a-f]{4}) | x(?P<hexadecimal2>[0-9a-f]{2})
        | u\{0{0,6}(?P<hexadecimal3>[0-9a-f]{1,4})\} | (?P<octal>[0-3][0-7]{2}) | (?P<itself>["'/]) | [rn] )
    | %(?:25){0,4}(?P<hexadecimal4>[0-9a-f]{2})
    | &(?:amp;){0,4}\#(?:0{0,6}(?P<decimal>[0-9]{1,4}) | x0{0,6}(?P<hexadecimal5>[0-9a-f]{1,4}));?"""
)
_HALF_AN_ESCAPE = re.compile(
    r"(?:(?<!\\)\\++(?:u\{?[0-9a-fA-F]{0,8}|x[0-9a-fA-F]?|[0-7]{0,2}|[rn])?"
    r"|(?<![0-9A-Za-z])0|%(?:25){0,4}2?[0-9a-fA-F]?|&(?:amp;){0,4}(?:a|am|amp|\#x?[0-9a-fA-F]{0,8})?)\Z"
)
_DECODED: _Step = (_ESCAPE, _character, "\\%&")
_JOINED: _Step = (re.compile(r"[\r\n]+"), _nothing, "\r\n")
_CLOSED_UP: _Step = (re.compile(r"(?:0[xX]|[^0-9A-Za-z])+"), _nothing, "")
_SMALL: _Step = (re.compile("[A-Z]+"), lambda letters: letters[0].lower(), "")
_SPREAD: _Step = (re.compile("[^0-9A-Za-z]+"), _nothing, "")


class _View(Enum):
    """A way to read a text: the replacements that are made in it, one after the other."""

    PLAIN = ()
    UNESCAPED = (_DECODED,)
    WITHOUT_LINE_BREAKS = (_DECODED, _JOINED)
    DIGITS = (_DECODED, _CLOSED_UP, _SMALL)
    LETTERS = (_DECODED, _SPREAD, _SMALL)

    def origins(self, text: str, places: Iterable[_Place]) -> Iterator[_Place]:
        """Where in `text` these places of the text that is read come from."""
        texts = [text]
        for step in self.value:
            texts.append(_replaced(step, texts[-1]))
        for before, step in reversed(list(zip(texts, self.value, strict=False))):
            wanted = sorted({at for start, end in places for at in (start, end - 1)})
            origin = dict(zip(wanted, _origins(before, step, wanted), strict=True))
            places = [(origin[start][0], origin[end - 1][1]) for start, end in places]
        yield from places


def _readings(text: str) -> Iterator[tuple[_View, str]]:
    """The text, read in each way."""
    made: dict[tuple[_Step, ...], str] = {(): text}
    for view in _View:
        steps: tuple[_Step, ...] = view.value
        for count, step in enumerate(steps, start=1):
            if (first := steps[:count]) not in made:
                made[first] = _replaced(step, made[first[:-1]])
        yield view, made[steps]


def _replaced(step: _Step, text: str) -> str:
    """The text after one step. Every chunk of an answer passes here, so that usual ones take a short cut."""
    pattern, replacement, marks = step
    if marks and not any(mark in text for mark in marks):
        return text
    if step is _SMALL and text.isascii():
        return text.lower()
    return pattern.sub("" if replacement is _nothing else replacement, text)


def _origins(text: str, step: _Step, wanted: Sequence[int]) -> Iterator[_Place]:
    """Where the `wanted` characters of the step's result, in their order, come from in `text`."""
    pattern, replacement, _ = step
    made = done = at = 0
    for match in chain(pattern.finditer(text), (None,)):
        start, end = match.span() if match else (len(text), len(text))
        copied = made + start - done
        while at < len(wanted) and wanted[at] < copied:
            yield done + wanted[at] - made, done + wanted[at] - made + 1
            at += 1
        made = copied + (len(replacement(match)) if match else 0)
        while at < len(wanted) and wanted[at] < made:
            yield start, end
            at += 1
        done = end


def _writings(secret: str, *, nested: bool) -> Iterator[tuple[_View, str]]:
    """What to look for in each view."""
    for view in (_View.PLAIN, _View.UNESCAPED):
        yield view, secret
        yield view, secret[::-1]
    raw = secret.encode(errors="surrogatepass")
    letters = _SPREAD[0].sub("", secret).lower()
    if len(letters) >= SHORTEST_SECRET:
        yield _View.LETTERS, letters
        yield _View.LETTERS, letters[::-1]
    once = list(_encoded(raw))
    inner = {writing for view, core in once for writing in (core, _read_in(view, core))} if nested else set()
    twice = (found for writing in inner for found in _encoded(writing.encode()))
    yield from ((view, _read_in(view, core)) for view, core in chain(once, twice))


def _read_in(view: _View, writing: str) -> str:
    """The writing as it looks in a view: in two of them capitals do not count."""
    return writing.lower() if view in {_View.DIGITS, _View.LETTERS} else writing


def _encoded(raw: bytes) -> Iterator[tuple[_View, str]]:
    """The usual encodings of `raw`, whatever stands beside it, with the view in which they are read."""
    yield _View.DIGITS, raw.hex().upper()
    for core in _cores(raw, base64.b32encode, 5):
        yield _View.LETTERS, core
    for core in _cores(raw, base64.b64encode, 6):
        yield _View.WITHOUT_LINE_BREAKS, core
        yield _View.WITHOUT_LINE_BREAKS, core.replace("+", "-").replace("/", "_")


def _cores(raw: bytes, encode: Callable[[bytes], bytes], bits: int) -> Iterator[str]:
    """The characters, of so many bits each, that encode `raw` whatever stands beside it, for each offset."""
    for offset in range(math.lcm(8, bits) // 8):
        encoded = encode(b"\0" * offset + raw).decode()
        yield encoded[-(-offset * 8 // bits) : (offset + len(raw)) * 8 // bits]


def _near(writings: Iterable[tuple[str, int]], found: Sequence[int], text: str) -> Iterator[_Place]:
    """The writings at these places of a part of them."""
    for writing, before in writings:
        starts = (at - before for at in found if at >= before and text.startswith(writing, at - before))
        yield from ((start, start + len(writing)) for start in starts)


def _anywhere(writings: Iterable[tuple[str, int]], _: Sequence[int], text: str) -> Iterator[_Place]:
    """The writings, wherever they are in the text."""
    for writing in {writing for writing, _ in writings}:
        at = text.find(writing)
        while at >= 0:
            yield at, at + len(writing)
            at = text.find(writing, at + len(writing))


def _overlap(text: str, beginnings: Mapping[str, Iterable[str]]) -> int:
    """The length of the longest end of `text` that a writing begins with."""
    ends = (text[-size:] for size in range(1, min(len(text), _GRAM) + 1))
    found = (begin for end in ends for begin in beginnings.get(end, ()) if text.endswith(begin))
    return max(map(len, found), default=0)
