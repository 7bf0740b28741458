"""Redacts a repository's secrets from changes and verdicts that are shown, or kept though not accepted.

A change carries context lines. In files that are made to hold secrets every value is redacted; elsewhere,
whatever looks like a secret.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePosixPath
from typing import Any, cast

from nightcrew.secrets.redaction import MARK, redact
from nightcrew.secrets.repository import holds_secrets
from nightcrew.validation.change.secrets import find_secrets

_NAMED = re.compile(r"([+\- ]\s*(?:export\s+)?[\"']?[A-Za-z0-9_.\-]+[\"']?\s*[=:]).*", re.DOTALL)
_BODY = ("+", "-", " ")


def published_patch(patch: str) -> str:
    """A git diff with a mark in place of each secret; the number of lines is unchanged."""
    return "".join(_published_lines(patch.splitlines(keepends=True)))


def published[T](value: T) -> T:
    """Any object made of texts (e.g. a verdict) with a mark in place of what is, or looks like, a secret."""
    return cast(T, _published(value))


# ---------------------------------------------------------------------------------------------------------


def _published_lines(lines: list[str]) -> Iterator[str]:
    is_secret = is_body = False
    for line in lines:
        if line.startswith("diff --git "):
            is_secret, is_body = _is_of_secret_file(line), False
        elif line.startswith(("@@ ", "GIT binary patch")):
            is_body = True
        elif is_body and is_secret:
            line = _without_value(line)
        elif is_body and find_secrets(line):
            line = redact(line)
        yield line


def _is_of_secret_file(header: str) -> bool:
    names = re.split(r"\s(?=\"?[ab]/)", header.strip())[1:]
    return any(holds_secrets(PurePosixPath(name.strip('"')).name) for name in names)


def _without_value(line: str) -> str:
    text = line.rstrip("\r\n")
    end = line[len(text) :]
    if not text[1:].strip() or text.startswith("\\"):
        return line
    named = _NAMED.fullmatch(text)
    if named is not None:
        return f"{named[1]}{MARK}{end}"
    return f"{text[0] if text.startswith(_BODY) else ''}{MARK}{end}"


def _published(value: Any) -> Any:
    if type(value) is str:  # not an enum member
        return redact(value)
    if is_dataclass(value) and not isinstance(value, type):
        texts = {field.name: _published(getattr(value, field.name)) for field in fields(value) if field.init}
        return replace(value, **texts)
    if isinstance(value, Mapping):
        return {key: _published(item) for key, item in value.items()}
    if type(value) in {tuple, list}:
        return type(value)(_published(item) for item in value)
    return value
