"""What models do to a right answer, from public reports. Each habit changes the text of one format."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.edit_formats.writing import TEXTS, Format


class Habit(NamedTuple):
    """A habit, the formats that it can be had in, and whether an enforced schema rules it out."""

    name: str
    formats: tuple[Format, ...]
    change: Callable[[str], str]
    is_ruled_out: bool = False


def _lines(change: Callable[[str], str]) -> Callable[[str], str]:
    """`change` on each line inside of a SEARCH block, or of `search` in JSON."""

    def changed(text: str) -> str:
        if text[:1] not in "[{":
            block = re.compile(r"(<{7,} SEARCH\n)(.*?)(\n={7,}\n)", re.DOTALL)
            return block.sub(lambda m: m[1] + "\n".join(map(change, m[2].split("\n"))) + m[3], text)
        data = json.loads(text)
        for entry in data.get("edits", [data]):
            if entry.get("search"):
                entry["search"] = "\n".join(map(change, entry["search"].split("\n")))
        return json.dumps(data)

    return changed


def _raw_breaks(text: str) -> str:
    return re.sub(r"(?<!\\)\\n", "\n", text)


def _elided(text: str) -> str:
    """The middle of a whole file left out."""
    head, *middle, tail = text.split("\n\n")
    return "\n\n".join([head, "# ... rest of the file unchanged ...", tail]) if len(middle) > 4 else text


_ALL, _OBJECTS = tuple(Format), (Format.JSON, Format.TOOL)
_PARTS = (Format.SEARCH, *_OBJECTS)
HABITS = (
    Habit("none", _ALL, lambda text: text),
    Habit("prose before it", (*TEXTS, Format.JSON), lambda text: f"Sure, here it is:\n\n{text}", True),
    Habit(
        "thinking before it", (*TEXTS, Format.JSON), lambda text: f"<think>\n{text[:80]}\n</think>\n{text}"
    ),
    Habit("in a fence", (Format.JSON,), lambda text: f"```json\n{text}\n```", True),
    Habit("no heading", tuple(TEXTS), lambda text: re.sub(r"### (FILE|EDIT) \S+\n", "", text)),
    Habit("no ### END", (Format.FILE,), lambda text: text.replace("### END\n", "")),
    Habit(
        "one fence for all", (Format.FILE,), lambda text: text.replace("````", "```").replace("### END\n", "")
    ),
    Habit("elided", (Format.FILE,), _elided),
    Habit("indentation lost", _PARTS, _lines(str.strip)),
    Habit("a word misremembered", _PARTS, _lines(lambda line: line.replace("pieces", "count"))),
    Habit("raw line breaks", _OBJECTS, _raw_breaks, True),
    Habit("breaks escaped twice", _OBJECTS, lambda text: text.replace("\\n", "\\\\n")),
    Habit("quotes not escaped", _OBJECTS, lambda text: text.replace('\\"', '"'), True),
    Habit("backslashes not escaped", _OBJECTS, lambda text: text.replace("\\\\", "\\"), True),
    Habit("trailing comma", _OBJECTS, lambda text: re.sub(r"\"(\}\]?\}?)$", r'",\1', text), True),
    Habit("cut at the output limit", _ALL, lambda text: text[: len(text) * 2 // 3]),
)
"""*Breaks escaped twice* is valid JSON, and no schema can rule it out."""
