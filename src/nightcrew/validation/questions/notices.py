"""Words that any kind of file may contain: comments in the place of code (`# rest of the file unchanged`),
licences and licence notices, and the comments of code."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.reading.comments import for_people
from nightcrew.validation.reading.form import plain_statements
from nightcrew.validation.tables import Table
from nightcrew.validation.verdict import Severity

_HEADER_LINES = 30
_FEW_COMMENTS, _SHARE_OF_COMMENTS = 8, 0.6
_LEAST_KEPT = 0.8  # share of the statements: where a change removes more, their comments go with them
_NOTICE = re.compile(r"SPDX-License-Identifier|copyright|\(c\)|licen[cs]ed? (?:under|to)", re.IGNORECASE)
_FILES = {"LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "PATENTS"}
_YEARS = re.compile(r"\d{4}(?:\s*[-–,]\s*(?:\d{4}|present))?")
_ELISIONS = Table("notices").pattern("comments", "elisions", re.IGNORECASE)


def elision(before: str, after: str) -> Iterator[Loss]:
    """The first new line that stands for omitted text, where the change removes lines."""
    known = {line.strip() for line in before.split("\n")}
    kept = {line.strip() for line in after.split("\n")}
    if all(line in kept for line in known):
        return
    for number, line in enumerate(after.split("\n"), 1):
        if line.strip() not in known and len(line) < 200 and _ELISIONS.match(" ".join(line.split())):
            yield Loss(f"a comment stands where text was ({line.strip()[:60]!r})", number, ())
            return


def lost_licence(path: str, before: str, after: str) -> Iterator[Loss]:
    """Lines of a licence, or of the notice at the top of a file, that the change removes."""
    whole = PurePosixPath(path).stem.upper() in _FILES or "licenses/" in path.lower()
    whole &= not path.endswith(".py")
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
                severity=Severity.UNPROVEN if whole else Severity.REFUSED,
            )
            return


def lost_comments(before: str, after: str) -> Iterator[Loss]:
    """A message where most comments of a file were removed but the code that they describe was not."""
    old, kept = for_people(before), set(for_people(after))
    gone = [one for one in old if one not in kept]
    if len(gone) < _FEW_COMMENTS or len(gone) < _SHARE_OF_COMMENTS * len(old):
        return
    first, second = plain_statements(before), plain_statements(after)
    if len(first.keys() & second.keys()) >= _LEAST_KEPT * len(first):
        what = f"{len(gone)} of {len(old)} comments are gone, {gone[0][:60]!r} among them"
        yield Loss(what, 0, ("comment", "comments"))


# ------------------------------------------------------------------------------------------------------


def _plain(line: str) -> str:
    """The line without its years."""
    return " ".join(_YEARS.sub("", line).split()).lower()
