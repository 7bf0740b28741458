"""Finds secrets in added text, by the forms of well-known tokens.

detect-secrets, the usual scanner, had its last release in May 2024; gitleaks and trufflehog are not Python.
So `tables/secrets.toml` has published token forms, and this module also finds values of high entropy that
are assigned to names like those of credentials.
"""

import base64
import math
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from nightcrew.untrusted import read_json
from nightcrew.validation.tables import Table

_COMPILED = {name: re.compile(shape) for name, shape in Table("secrets").sections["shapes"].items()}
_ASSIGNED = re.compile(
    r"""(?x) (?<![\w.\[\]'"-]) (?P<name>[\w.\[\]'"-]++) \s*+ [:=]{1,2} \s*+
    ['"] (?P<value>[^'"\s]{16,}+) ['"]"""
)
_CREDENTIAL = re.compile(
    r"(?i)api[_-]?key|secret|token|passw(?:or)?d|credential|private[_-]?key|access[_-]?key"
)
_JWT = re.compile(r"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]*")
_EXAMPLE = re.compile(r"(?i)example|dummy|placeholder|change.?me|your[_-]|xxxx|<|\$\{|0000|1234567890|foobar")


@dataclass(frozen=True, slots=True)
class Finding:
    """A line that seems to contain a secret; the finding does not repeat the secret."""

    line: int
    kind: str


def find_secrets(text: str) -> tuple[Finding, ...]:
    """Lines of `text`, counted from 1, with something in the form of a credential."""
    found: list[Finding] = []
    for number, line in enumerate(text.split("\n"), 1):
        kind = _kind(line[:4000])
        if kind is not None:
            found.append(Finding(number, kind))
    return tuple(found)


def _kind(line: str) -> str | None:
    for name, shape in _COMPILED.items():
        match = shape.search(line)
        if match and name == "password in a URL" and _is_made_up(match[0]):
            continue
        if match and (name == "AWS access key" or not _EXAMPLE.search(match[0])):
            return name
    named = (
        one for one in _ASSIGNED.finditer(line) if _CREDENTIAL.search(re.split(r"[.\[]", one["name"])[-1])
    )
    assigned = next(named, None)
    if assigned and _JWT.fullmatch(assigned["value"]) and not _names_an_issuer(assigned["value"]):
        return None
    if assigned and not _EXAMPLE.search(assigned["value"]) and _is_random(assigned["value"]):
        return "credential"
    return None


def _names_an_issuer(token: str) -> bool:
    """True for a JSON web token that names its issuer; tests make up tokens without one."""
    match = _JWT.fullmatch(token)
    body = match[1] if match else ""
    with suppress(ValueError):
        claims = read_json(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        issuer = str(claims.get("iss", "")) if isinstance(claims, dict) else ""
        return "." in issuer and not re.search(r"example|localhost|test", issuer)
    return True


def _is_made_up(url: str) -> bool:
    """True for a password as in tests of URLs: the word itself, the user's name again, or only escapes."""
    user, _, password = url.split("://", 1)[1].rpartition("@")[0].partition(":")
    plain = re.sub(r"%[0-9A-Fa-f]{2}", "", password).lower()
    return plain in {"", user.lower()} or bool(
        re.fullmatch(r"(?:my|the)?(?:pass|secret)(?:wor[dt]|wd|phrase)?\d?", plain)
    )


def _is_random(value: str) -> bool:
    """True for mixed letters and digits with few repetitions, as generators produce and people do not."""
    kinds = sum(bool(re.search(shape, value)) for shape in ("[a-z]", "[A-Z]", "[0-9]"))
    return kinds >= 2 and bool(re.search("[0-9]", value)) and entropy(value) >= 3.6


def entropy(value: str) -> float:
    """Bits per character."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
