"""The formats in which a model may answer with edits, and which one it is asked for.

*Text* has headings and marks around plain lines (`reply` has its grammar): code needs no escapes in it, and
any model can write it. *JSON* follows a schema that the provider enforces, where the catalogue says that it
can: its form cannot be missed, but each line break and quote of the code must be escaped, which costs tokens
and care. So text comes first. A model with structured outputs is asked for JSON once its text could not be
read, and from the start if that has happened to it often.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightcrew.execution.executors.reply import (
    BadEdits,
    Edit,
    Replacement,
    WholeFile,
    read_edits,
    without_thinking,
)
from nightcrew.untrusted import Unreadable, read_json

MISSED_OFTEN = 0.4  # share of replies whose text could not be read; JSON costs about as much again


class EditFormat(StrEnum):
    """How a reply with edits is written."""

    TEXT = "text"
    JSON = "json"


def formats_for(*, structured: bool, missed_share: float) -> tuple[EditFormat, ...]:
    """The formats to ask a model for, one after the other; `missed_share` is of its replies in text."""
    if not structured:
        return (EditFormat.TEXT,)
    both = (EditFormat.TEXT, EditFormat.JSON)
    return both[::-1] if missed_share > MISSED_OFTEN else both


def format_words(kind: EditFormat) -> str:
    """How to answer, for the model."""
    return _TEXT_WORDS if kind is EditFormat.TEXT else _JSON_WORDS


def request_fields(kind: EditFormat) -> dict[str, Any]:
    """What a request in this format has besides its messages."""
    if kind is EditFormat.TEXT:
        return {}
    schema = {"name": "edits", "strict": True, "schema": _SCHEMA}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def read_reply(reply: str, kind: EditFormat) -> tuple[Edit, ...]:
    """The edits in a model's reply; a reply in another format than was asked for is read as well.

    Raises:
        BadEdits: they cannot be read for certain; the text tells the model why.
    """
    answer = without_thinking(reply)
    start, end = answer.find("{"), answer.rfind("}") + 1
    about = answer[:start].strip()
    # Words before an object are an announcement only where an object was asked for.
    is_answer = kind is EditFormat.JSON or not about or about.startswith("```")
    if '"edits"' in answer[start:end] and is_answer:
        return _read_json(answer[start:end])
    found = read_edits(reply)
    if not found and kind is EditFormat.JSON:
        raise BadEdits('the answer is no JSON object with "edits"')
    return found


# ---------------------------------------------------------------------------------------------------------

_TEXT_WORDS = """\
You cannot run commands or see more files. Answer with the edits only, in this format:

For a new file, or to write a file anew, a heading and the whole file in a fence:
### FILE path/of/the/file.py
```
the whole content, from the first line to the last
```
### END
To change parts of an existing file, a heading and one block for each change:
### EDIT path/of/the/file.py
<<<<<<< SEARCH
lines that stand in the file exactly once, copied exactly
=======
the lines that take their place
>>>>>>> REPLACE
Paths are relative to the repository's root. If the content holds a fence, use a longer one around it. If it \
holds a line like =======, use longer marks (<<<<<<<< SEARCH, ========, >>>>>>>> REPLACE). Never leave lines \
out, as in "rest unchanged"."""

_JSON_WORDS = """\
You cannot run commands or see more files. Answer with one JSON object only, {"edits": [...]}, with an entry \
for each edit:
{"path": "path/of/the/file.py", "content": "the whole content of a new file, or of one to write anew", \
"search": null, "replace": null}
{"path": "path/of/the/file.py", "content": null, "search": "lines that stand in the file exactly once, \
copied exactly", "replace": "the lines that take their place"}
Paths are relative to the repository's root. Never leave lines out, as in "rest unchanged"."""


class _JsonEdit(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    path: str
    content: str | None
    search: str | None
    replace: str | None


class _JsonReply(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    edits: Annotated[list[_JsonEdit], Field(max_length=500)]


def _read_json(text: str) -> tuple[Edit, ...]:
    try:
        reply = _JsonReply.model_validate(read_json(text))
    except Unreadable as error:
        raise BadEdits(f"the answer cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadEdits(f"the answer's {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return tuple(_edit(each) for each in reply.edits)


def _edit(given: _JsonEdit) -> Edit:
    if given.content is not None and given.search is None:
        return WholeFile(given.path, given.content)
    if given.search is not None and given.replace is not None and given.content is None:
        return Replacement(given.path, _lines(given.search), _lines(given.replace))
    raise BadEdits(f'{given.path}: give either "content", or "search" and "replace"')


def _lines(text: str) -> str:
    """Whole lines, with `\\n` as their end."""
    plain = text.replace("\r\n", "\n")
    return plain if not plain or plain.endswith("\n") else f"{plain}\n"


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT_OR_NOTHING = {"type": ["string", "null"]}
_ENTRY = _object(
    {
        "path": {"type": "string"},
        "content": _TEXT_OR_NOTHING,
        "search": _TEXT_OR_NOTHING,
        "replace": _TEXT_OR_NOTHING,
    }
)
_SCHEMA = _object({"edits": {"type": "array", "items": _ENTRY}})
