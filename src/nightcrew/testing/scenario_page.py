"""Prints `docs/twin.md`, the format of a twin's scenario, from the classes that read it.

python -m nightcrew.testing.scenario_page > docs/twin.md
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from nightcrew.testing.forms import AnswerForm, shaped
from nightcrew.testing.scenario import Account, Character, Fault, FaultKind, Price, Scenario, ScriptedModel
from nightcrew.testing.scenario_words import CHARACTERS, fault_words
from nightcrew.testing.solutions import Match, Solution

HEAD = """\
# The twin and its scenarios

`nightcrew twin` serves OpenRouter's API on loopback, with scripted models; nothing leaves the machine. Any
client can be tried against it. `nightcrew twin --scenario FILE` plays your own scenario: a JSON file in the
format below, with an error that names the field where something is wrong. This page is printed from the
classes that read it: `python -m nightcrew.testing.scenario_page > docs/twin.md`.

The scripted models act through an agent's tools (`terminal`, `file_editor`, `finish`), call whatever other
tool is offered, and without tools answer in the format of the direct executor. Point a client at
`http://127.0.0.1:8765/api/v1` and name one of the scenario's models.

```json
{
  "name": "half of the answers in a wrong form",
  "seed": 1,
  "models": [{"id": "house/cheap:free", "character": "capable"}],
  "faults": [{"kind": "form", "probability": 0.5}, {"kind": "form", "form": "hermes", "at_call": [1]}],
  "solutions": [{"match": {"task_type": "unit_test"}, "good": {"tests/test_a.py": "def test_a():\\n    ..."}}]
}
```
"""
FORMS_HEAD = """
The text of the answer, or the fields of its message that differ; `⏎` is a line break. Nightcrew's gateway
repairs each of them but `unreadable`, which it asks for once more. An answer without calls has only the forms
from `content_parts` on.
"""
PARTS: tuple[type[BaseModel], ...] = (Scenario, ScriptedModel, Price, Fault, Account, Solution, Match)


def page() -> str:
    """The whole page."""
    tables = "\n".join(line for part in PARTS for line in _table(part))
    who_acts = {str(who): CHARACTERS[who] for who in Character}
    characters = _words("Characters", "what it does", who_acts)
    faults = _words(
        "Kinds of faults", "what a client sees", {str(kind): fault_words(kind) for kind in FaultKind}
    )
    examples = {str(form): _example(form) for form in AnswerForm}
    forms = _words("Forms of answers", 'the call `terminal(command="ls")` in it', examples, FORMS_HEAD)
    return f"{HEAD}\n{tables}\n{characters}\n{faults}\n{forms}\n"


# --------------------------------------------------------------------------------------------------------


def _table(part: type[BaseModel]) -> Iterator[str]:
    yield f"\n## {part.__name__}\n\n{part.__doc__}\n\n| field | if not given | meaning |\n|---|---|---|"
    for name, field in part.model_fields.items():
        default = (
            "required" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        )
        yield f"| `{name}` | {default} | {' '.join((field.description or '').split())} |"


def _words(title: str, column: str, rows: Mapping[str, str], head: str = "") -> str:
    lines = (f"| `{name}` | {words} |" for name, words in rows.items())
    return "\n".join([f"\n## {title}\n{head}", f"| name | {column} |", "|---|---|", *lines])


def _example(form: AnswerForm) -> str:
    """What the call `terminal(command="ls")` looks like in a form; the fields that differ, as JSON."""
    arguments = "{}" if form is AnswerForm.NO_ARGUMENTS else '{"command": "ls"}'
    if form is AnswerForm.RAW_LINE_BREAKS:
        arguments = '{"command": "ls\\nls"}'
    function = {
        "name": "list_files" if form is AnswerForm.HYPHENS_IN_NAME else "terminal",
        "arguments": arguments,
    }
    call = {"id": "call_7", "type": "function", "function": function}
    message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
    made, finish = shaped(form, message, "tool_calls")
    fields = {name: value for name, value in made.items() if name != "role" and value != message.get(name)}
    if finish != "tool_calls" and "tool_calls" in made:
        fields = {"tool_calls": "...", "finish_reason": finish}
    shown = fields["content"] if list(fields) == ["content"] and isinstance(fields["content"], str) else None
    text = json.dumps(fields, ensure_ascii=False) if shown is None else shown.removeprefix("I go on.\n\n")
    return f"`` {text.replace('\n', '⏎').replace('|', '\\|')} ``"


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "{}"
    return "empty" if value in (None, (), {}, "") else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
