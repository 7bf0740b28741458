"""Redacts secrets from text: those that this process holds, in any usual encoding, and known formats.

A held secret is found verbatim, with any of its characters escaped (JSON, Python, percent, HTML), in base64
at any offset, and in hexadecimal. A secret that was transformed otherwise (reversed, encrypted, compressed)
is not found.

All patterns match in time linear in the length of the text.
"""

import base64
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, cast

SHORTEST_SECRET = 16  # shorter ones may be words such as "none" or "ollama"
KEY_MARK = "[key]"
MARK = "[redacted]"


class KnownSecrets:
    """The secrets that a process holds; thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: frozenset[str] = frozenset()
        self._patterns: dict[str, re.Pattern[str]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Redact `secret` from now on, unless it is so short that it could be a word."""
        with self._lock:
            if len(secret) >= SHORTEST_SECRET and secret not in self._secrets:
                self._secrets |= {secret}
                self._patterns = {}

    def redact(self, text: str) -> str:
        """`text` with a mark in place of each secret."""
        return self._pattern(_whole).sub(KEY_MARK, text) if self._secrets else text

    def split(self, text: str) -> tuple[str, str]:
        """`text` split into a part that can be passed on, and an end that may be the start of a secret."""
        if not self._secrets:
            return text, ""
        begins = self._pattern(_beginning).search(text, max(0, len(text) - _LONGEST_FORM))
        place = begins.start() if begins else len(text)
        return text[:place], text[place:]

    def _pattern(self, make: Callable[[list["Form"]], str]) -> re.Pattern[str]:
        """The pattern for all secrets, compiled when it is first used: a repository may hold hundreds."""
        with self._lock:
            if make.__name__ not in self._patterns:
                forms = [form for each in sorted(self._secrets) for form in _forms(each)]
                self._patterns[make.__name__] = re.compile(make(forms))
            return self._patterns[make.__name__]


known_secrets = KnownSecrets()
"""The secrets of this process: the account's key, its own passwords. They are redacted everywhere."""
repository_secrets = KnownSecrets()
"""The secrets of the target repository. They are redacted from what is stored, not from the change."""


def redact_known(text: str) -> str:
    """`text` without known secrets, as it may be stored."""
    return repository_secrets.redact(known_secrets.redact(text))


def redact_object[T](value: T) -> T:
    """Like `redact_known`, for all text in dataclasses, mappings and sequences."""
    cleaned: Any = value
    if isinstance(value, str):
        cleaned = value if isinstance(value, Enum) else redact_known(value)
    elif is_dataclass(value) and not isinstance(value, type):
        cleaned = replace(
            value, **{field.name: redact_object(getattr(value, field.name)) for field in fields(value)}
        )
    elif isinstance(value, Mapping):
        cleaned = {name: redact_object(item) for name, item in value.items()}
    elif isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        cleaned = type(value)(redact_object(item) for item in value)
    return cast(T, cleaned)


def redact(text: str) -> str:
    """`text` without what is, or looks like, a secret; code that only names one may lose a word."""
    return _without_named(_BY_SIGHT.sub(MARK, redact_known(text)))


def redact_values(value: Any, secrets: KnownSecrets = known_secrets) -> Any:
    """A decoded JSON value without known secrets, in texts and in field names.

    Values nested deeper than JSON parsers allow are not visited.
    """
    if isinstance(value, str):
        return secrets.redact(value)
    if isinstance(value, Mapping):
        return {
            secrets.redact(name) if isinstance(name, str) else name: redact_values(item, secrets)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_values(item, secrets) for item in value]
    return value


# ---------------------------------------------------------------------------------------------------------

# Well-known formats of secrets, any of which a target repository may hold. To stay linear, a pattern whose
# start could occur within its own repetition matches only at the start of a word.
_BY_SIGHT = re.compile(
    r"""
    sk-[A-Za-z0-9_\-]{16,}+                                  # model providers
    | gh[pousr]_[A-Za-z0-9]{20,}+ | github_pat_[A-Za-z0-9_]{20,}+
    | glpat-[A-Za-z0-9_\-]{16,}+ | xox[abposr]-[A-Za-z0-9\-]{10,}+
    | AKIA[0-9A-Z]{16} | AIza[A-Za-z0-9_\-]{30,}+ | pypi-[A-Za-z0-9_\-]{30,}+
    | (?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{10,}+\.[A-Za-z0-9_\-]{10,}+\.[A-Za-z0-9_\-]{5,}+  # JSON web tokens
    | -----BEGIN\ [A-Z\ ]{0,40}PRIVATE\ KEY-----.*?(?:-----END\ [A-Z\ ]{0,40}PRIVATE\ KEY-----|\Z)
    | (?<=://)[^/\s:@"']{0,256}+:[^/\s@"']{1,1024}+(?=@)     # user:password in an address
    | (?<=://)[^/\s:@"']{20,1024}+(?=@)                      # a token in an address
    | (?i:(?<=bearer\ )|(?<=basic\ ))[A-Za-z0-9._~+/\-]{16,}+=*+
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"""(?<![A-Za-z0-9_\-])([A-Za-z0-9_\-]++)(["']?\s*+[:=]\s*+["']?)""")
_SECRET_NAME = re.compile(r"(?i)api[_\-]?key|secret|token|passw(?:or)?d|credential")
_VALUE = re.compile(r"""[^\s"',;}{)(\]\[<>]{8,}+""")


def _without_named(text: str) -> str:
    """`text` without the values of names that suggest a secret."""
    kept, done, position = [], 0, 0
    while (name := _NAME.search(text, position)) is not None:
        position = name.end()
        if not _SECRET_NAME.search(name[1]):
            continue
        if value := _VALUE.match(text, position):
            kept += [text[done:position], MARK]
            done = position = value.end()
    return "".join((*kept, text[done:]))


_PIECES = 256  # of a secret's start, the most that `split` holds back
_LONGEST_FORM = 16_384  # characters; a secret with every character escaped many times

type Form = list[str]
"""One encoding of a secret: the patterns of its pieces, in order."""


def _forms(secret: str) -> list[Form]:
    """All encodings in which a secret is found."""
    raw = secret.encode()
    hexadecimal = [digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in raw.hex()]
    between = dict.fromkeys(range(2, len(hexadecimal), 2), "[\\s:,-]?")
    return [
        [_escaped(character) for character in secret],
        [between.get(at, "") + digit for at, digit in enumerate(hexadecimal)],
        *(_breakable(core) for core in dict.fromkeys(_base64_cores(raw))),
    ]


def _whole(forms: list[Form]) -> str:
    return "|".join(map("".join, forms))


def _beginning(forms: list[Form]) -> str:
    return rf"(?:{'|'.join(_beginning_of(form[:_PIECES]) for form in forms)})\Z"


def _beginning_of(form: Form) -> str:
    """A pattern for any start of `form` at the end of the text."""
    return "(?:" + "(?:".join(form) + ")?" * (len(form) - 1) + r"[\s:,-]{0,4})?" + _HALF_AN_ESCAPE


_HALF_AN_ESCAPE = (
    r"(?:\\{1,8}(?:u\{?[0-9a-fA-F]{0,8}|x[0-9a-fA-F]?|[0-7]{0,2}|[rn])?"
    r"|%(?:25){0,4}2?[0-9a-fA-F]?|&(?:amp;){0,4}(?:a|am|amp|\#x?[0-9a-fA-F]{0,8})?)?"
)


def _escaped(character: str) -> str:
    """One character of a secret: verbatim, or as JSON, Python, a URL or HTML may escape it.

    Text that was quoted repeatedly has more backslashes, or `%2525`.
    """
    code = ord(character)
    return (
        rf"(?:{re.escape(character)}|\\{{1,8}}(?i:u00{code:02x}|x{code:02x}|u\{{0{{0,6}}{code:x}\}})"
        rf"|\\{{1,8}}{code:03o}|%(?:25){{0,4}}(?i:{code:02x})"
        rf"|&(?:amp;){{0,4}}\#(?:0{{0,6}}{code}|(?i:x0{{0,6}}{code:x}));?)"
    )


def _base64_cores(raw: bytes) -> Iterator[str]:
    """The base64 characters of `raw` that do not depend on its neighbours, for the three possible offsets."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        core = encoded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _breakable(text: str) -> Form:
    """A pattern for `text` with line breaks in it, real or escaped."""
    first, *others = map(re.escape, text)
    return [first, *(rf"(?:[\r\n]|\\{{1,8}}[rn]){{0,4}}{character}" for character in others)]
