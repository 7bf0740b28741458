"""Redacts secrets from text: those that this process holds, in any usual encoding, and known formats.

`known_secrets.py` finds held secrets. The known formats are those of the secrets that a repository may have.

All patterns match in time linear in the length of the text.
"""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from nightcrew.secrets.known_secrets import KnownSecrets

MARK = "[redacted]"


known_secrets = KnownSecrets(nested=True)
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
    elif value is None or isinstance(value, int | float | Decimal | date):
        return value
    elif is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        made = {name: redact_object(item) for name, item in given.items()}
        changed = {name: item for name, item in made.items() if item is not given[name]}
        cleaned = replace(value, **changed) if changed else value
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
    if isinstance(value, dict):
        return {secrets.redact(name): redact_values(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
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
