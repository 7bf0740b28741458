"""Licences: the file, and the notice at the top of another one."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from nightcrew.validation.questions.python_losses import Loss

_HEADER_LINES = 30
_NOTICE = re.compile(r"SPDX-License-Identifier|copyright|\(c\)|licen[cs]ed? (?:under|to)", re.IGNORECASE)
_FILES = {"LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "PATENTS"}
_YEARS = re.compile(r"\d{4}(?:\s*[-–,]\s*(?:\d{4}|present))?")


def lost_licence(path: str, before: str, after: str) -> Iterator[Loss]:
    """Lines of a licence, or of the notice at the top of a file, that are not there any more."""
    whole = PurePosixPath(path).stem.upper() in _FILES or "licenses/" in path.lower()
    old = before.split("\n") if whole else before.split("\n")[:_HEADER_LINES]
    kept = {_plain(line) for line in after.split("\n")}
    for number, line in enumerate(old, 1):
        tells = whole or (
            _NOTICE.search(line) and line.lstrip().startswith(("#", "//", "/*", "*", ";", "<!--", '"', ".."))
        )
        if tells and _plain(line) and _plain(line) not in kept:
            what = "licence" if whole else "licence notice"
            yield Loss(
                f"the {what} loses {line.strip()[:80]!r}",
                number,
                ("licence", "license", "copyright", "header"),
            )
            return


def _plain(line: str) -> str:
    """The line without the years in it."""
    return " ".join(_YEARS.sub("", line).split()).lower()
