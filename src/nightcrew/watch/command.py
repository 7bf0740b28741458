"""Reads what an issue or a comment asks for: `/nightcrew unit_test src/x.py`, or an issue with the label.

The text may be an outsider's: it becomes the description of a task, bounded and without control characters,
and nothing in it is an option.
"""

import re
from dataclasses import dataclass

from nightcrew.errors import BadInput
from nightcrew.plain_text import harmless, quoted
from nightcrew.task import NEEDS_TARGET, TaskType

WORD = "/nightcrew"
MOST_TEXT = 8_000  # characters of an issue that a task is written
_LINE = re.compile(rf"^[ \t]*{WORD}(?:[ \t]+(?P<rest>.*))?$", re.MULTILINE)
_TYPE_OF_LABEL = {
    "bug": TaskType.BUG_FIX,
    "enhancement": TaskType.CODE_GENERATION,
    "feature": TaskType.CODE_GENERATION,
    "tests": TaskType.UNIT_TEST,
    **{kind.value: kind for kind in TaskType},
}
_FORM = f"Write it as `{WORD} TYPE FILE`, for example `{WORD} unit_test src/shop/prices.py`."


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked for; the file is relative to the repository's root."""

    task_type: TaskType
    target_file: str | None
    words: str  # that follow, on the same line or below


def command_in(text: str) -> Command | None:
    """The first command that stands at the start of a line; None if there is none.

    Raises:
        BadInput: it is not understood; the message says how it is written.
    """
    found = _LINE.search(_without_blocks(text))
    if found is None:
        return None
    name, *rest = (found["rest"] or "").split(maxsplit=1) or [""]
    if name not in set(TaskType):
        raise BadInput(f"{quoted(name, 40)} is no type of task. {_FORM} Types: {', '.join(TaskType)}.")
    return _checked(TaskType(name), *_file_and_words(TaskType(name), "".join(rest).strip()))


def asked_of_us(text: str) -> str:
    """What a comment in the conversation of a pull request asks of us, from the word on; empty: nothing."""
    shown = _without_blocks(text)
    found = _LINE.search(shown)
    return "" if found is None else shown[found.start() :].strip().removeprefix(WORD).strip()


def command_of_labels(labels: list[str], title: str, body: str) -> Command:
    """What an issue with the label asks for: its command, else the type that its other labels name.

    Raises:
        BadInput: the type needs a file, or the command is not understood.
    """
    asked = command_in(body)
    if asked is not None:
        return asked
    named = [_TYPE_OF_LABEL[name.lower()] for name in labels if name.lower() in _TYPE_OF_LABEL]
    return _checked(named[0] if named else TaskType.CODE_GENERATION, None, "")


def described(title: str, body: str, words: str) -> str:
    """The description of the task: what was asked, in the words of the issue."""
    parts = (title, words, _cut(body))
    return harmless("\n\n".join(part.strip() for part in parts if part.strip()).replace("\r\n", "\n"))


# ---------------------------------------------------------------------------------------------------------


def _file_and_words(kind: TaskType, rest: str) -> tuple[str | None, str]:
    first, _, words = rest.partition(" ")
    is_file = bool(first) and (
        kind in NEEDS_TARGET or "/" in first or re.fullmatch(r"[\w.-]+\.\w{1,6}", first)
    )
    return (first.strip("`"), words.strip()) if is_file else (None, rest)


def _checked(kind: TaskType, file: str | None, words: str) -> Command:
    if file is not None and (file.startswith("-") or not file.isprintable()):
        raise BadInput(f"{quoted(file, 80)} is no file of the repository. {_FORM}")
    if file is None and kind in NEEDS_TARGET:
        raise BadInput(f"a {kind} task needs the file that it is about. {_FORM}")
    return Command(kind, file, words)


def _without_blocks(text: str) -> str:
    """`text` without code blocks, quotations and comments, which only show a command."""
    text = re.sub(r"(?ms)^[ \t]*(```|~~~).*?(?:^[ \t]*\1[ \t]*$|\Z)", "", text)
    return re.sub(r"(?s)<!--.*?(?:-->|\Z)", "", re.sub(r"(?m)^[ \t]*>.*$", "", text))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n(the rest is left out)"
