"""Edits that a model should make, and its right answer in each format."""

import json
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any


class Format(StrEnum):
    """How edits are handed over."""

    SEARCH = "search"  # text: SEARCH/REPLACE blocks
    FILE = "file"  # text: whole files
    JSON = "json"  # an object to a schema, as `response_format`
    TOOL = "tool"  # calls of a single edit tool


@dataclass(frozen=True, slots=True)
class Edited:
    """A file before and after; an empty `before` is a new file."""

    path: str
    before: str
    after: str


TEXTS = [Format.SEARCH, Format.FILE]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "edit",
        "description": "Write a file anew with `content`, or replace lines that stand in it exactly once.",
        "parameters": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("path", "content", "search", "replace")},
            "required": ["path"],
        },
    },
}

_STOCK = "\n\n".join(
    f"def price_{number}(pieces: int) -> float:\n"
    f'    """The price of {number} and more."""\n'
    f"    if pieces <= {number}:\n"
    f"        return pieces * {number}.5\n"
    f"    return pieces * {number}.25\n"
    for number in range(2, 32)
)
_README = "# Shop\n\n## Install\n\n```bash\npip install shop\n```\n\n## Use\n\n```python\nshop.total()\n```\n"
_TEST = (
    "import re\n\nfrom shop import label\n\n\ndef test_label():\n"
    '    """A label in "quotes", with a \\n in it."""\n'
    '    assert label("a\\tb") == "a\\\\tb"\n    assert re.match(r"\\d+\\s", label(\'1 x\'))\n'
)
EDITS = (
    Edited("shop/prices.py", _STOCK, _STOCK.replace("pieces <= 17", "pieces < 17")),
    Edited("shop/more.py", _STOCK, _STOCK.replace("pieces * 9.25", "round(pieces * 9.25, 2)")),
    Edited("tests/test_label.py", "", _TEST),
    Edited("README.md", _README, _README.replace("shop.total()", "shop.total(2)")),
    Edited("docs/use.rst", "Use\n=======\n\nOld.\n", "Use\n=======\n\nNew, with ``total``.\n"),
)


def written(edited: Edited, kind: Format) -> str:
    """The right answer's text; for a tool, the arguments of its one call (of the first change)."""
    if kind is Format.FILE or (kind is Format.SEARCH and not edited.before):
        fence = "````" if "```" in edited.after else "```"
        return f"### FILE {edited.path}\n{fence}\n{edited.after}{fence}\n### END\n"
    if kind is Format.SEARCH:
        marks = 8 if "=======\n" in edited.before else 7
        blocks = (
            f"{'<' * marks} SEARCH\n{old}{'=' * marks}\n{new}{'>' * marks} REPLACE\n"
            for old, new in _changes(edited)
        )
        return f"### EDIT {edited.path}\n{''.join(blocks)}"
    if kind is Format.JSON:
        return json.dumps({"edits": _entries(edited)})
    (call,) = _entries(edited)
    return json.dumps({name: value for name, value in call.items() if value is not None})


# ----------------------------------------------------------------------------------------------------


def _entries(edited: Edited) -> list[dict[str, str | None]]:
    """The edits as objects."""
    if not edited.before:
        return [{"path": edited.path, "content": edited.after, "search": None, "replace": None}]
    return [
        {"path": edited.path, "content": None, "search": old, "replace": new} for old, new in _changes(edited)
    ]


def _changes(edited: Edited) -> list[tuple[str, str]]:
    """The changed lines, each with as many lines before and after it as make it unique."""
    old, new = edited.before.splitlines(keepends=True), edited.after.splitlines(keepends=True)
    found = []
    for tag, start, stop, start_new, stop_new in SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            continue
        more = next(n for n in range(20) if edited.before.count("".join(old[start - n : stop + n])) == 1)
        around = "".join(old[start - more : start]), "".join(old[stop : stop + more])
        lines = "".join(new[start_new:stop_new])
        found.append((f"{around[0]}{''.join(old[start:stop])}{around[1]}", f"{around[0]}{lines}{around[1]}"))
    return found
