"""The message of a delivered commit, in the form that the repository's own commits have."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from textwrap import fill

from nightcrew.plain_text import harmless, unlinked
from nightcrew.secrets.redaction import redact
from nightcrew.task import Task, TaskType

MOST_SUBJECT = 72  # characters, as most projects' checks allow
_MOST_TITLE = 40
_MOST_BODY = 2_000
_WIDTH = 72
_CONVENTIONAL = re.compile(r"(?P<type>[a-z]{2,12})(?:\((?P<scope>[^()\s]{1,40})\))?!?: (?P<text>\S.*)")
_TYPES: Mapping[TaskType, tuple[str, ...]] = {
    TaskType.UNIT_TEST: ("test", "tests"),
    TaskType.BUG_FIX: ("fix",),
    TaskType.REFACTORING: ("refactor",),
    TaskType.DOCUMENTATION: ("docs", "doc"),
    TaskType.CODE_GENERATION: ("feat", "feature"),
    TaskType.ANALYSIS: ("docs", "doc"),
    TaskType.BUILD_SCRIPT: ("build", "ci", "chore"),
}


def branch_of(task: Task) -> str:
    """The name of the task's branch: `nightcrew/TASK-title`."""
    plain = unicodedata.normalize("NFKD", _title(task)).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall("[a-z0-9]+", plain))[:_MOST_TITLE].strip("-")
    return f"nightcrew/{task.task_id}-{words}".rstrip("-")


def message_of(task: Task, earlier: Sequence[str], trailers: Mapping[str, str]) -> str:
    """The whole message; `earlier` are the subjects of the repository's latest commits."""
    subject = _subject(task, earlier)
    paragraphs = [_wrapped(part) for part in _text(task, _MOST_BODY).strip().split("\n\n")]
    if paragraphs[0].rstrip(".").lower() == subject.lower():
        del paragraphs[0]
    # The description is data: what looks like a trailer in it is not in the last paragraph.
    last = "\n".join(f"{name}: {' '.join(harmless(value).split())}" for name, value in trailers.items())
    return redact("\n\n".join([subject, *paragraphs, last])) + "\n"


# ---------------------------------------------------------------------------------------------------------


def _text(task: Task, most: int | None) -> str:
    """The description; in one that an issue gave, no sign calls people or closes other issues."""
    text = harmless(task.description[:most])
    return unlinked(text) if task.issue else text


def _title(task: Task) -> str:
    """The first line of the description, without a full stop."""
    line = redact(_text(task, None).strip().partition("\n")[0])
    return " ".join(line.split()).rstrip(".") or "A change"


def _subject(task: Task, earlier: Sequence[str]) -> str:
    title = _title(task)
    found = [match for match in map(_CONVENTIONAL.fullmatch, earlier) if match]
    if 2 * len(found) <= len(earlier):
        return _cut(title[0].upper() + title[1:])
    types = Counter(match["type"] for match in found)
    kind = max(_TYPES[task.task_type], key=lambda name: types[name])
    given = _CONVENTIONAL.fullmatch(title)
    if given:
        return _cut(title)
    lower = sum(match["text"][0].islower() for match in found) * 2 > len(found)
    scope = _scope(task, Counter(match["scope"] for match in found if match["scope"]))
    start = title[0].lower() if lower and not title[:2].isupper() else title[0]
    return _cut(f"{kind}{scope}: {start}{title[1:]}")


def _scope(task: Task, known: Counter[str]) -> str:
    """A scope that earlier commits use, and that the target file's path names."""
    path = PurePosixPath(task.target_file or "")
    names = [path.stem, *reversed(path.parent.parts)]
    return next((f"({name})" for name in names if known[name]), "")


def _cut(subject: str) -> str:
    if len(subject) <= MOST_SUBJECT:
        return subject
    return subject[: MOST_SUBJECT - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"


def _wrapped(paragraph: str) -> str:
    return fill(" ".join(paragraph.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
