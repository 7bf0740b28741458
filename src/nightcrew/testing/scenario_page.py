"""Prints `docs/twin.md`, the format of a twin's scenario, from the classes that read it.

python -m nightcrew.testing.scenario_page > docs/twin.md
"""

import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.scenario import Account, Character, Fault, FaultKind, Price, Scenario, ScriptedModel
from nightcrew.testing.solutions import Match, Solution

HEAD = """\
# The twin and its scenarios

`nightcrew twin` serves OpenRouter's API on loopback, with scripted models; nothing leaves the machine. Any
client can be tried against it. `nightcrew twin --scenario FILE` plays your own scenario: a JSON file in the
format below, with an error that names the field where something is wrong. This page is printed from the
classes that read it: `python -m nightcrew.testing.scenario_page > docs/twin.md`.

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
PARTS: tuple[type[BaseModel], ...] = (Scenario, ScriptedModel, Price, Fault, Account, Solution, Match)


def page() -> str:
    """The whole page."""
    tables = "\n".join(line for part in PARTS for line in _table(part))
    words = "\n".join(
        f"\n## {title}\n\n{', '.join(f'`{word}`' for word in kind)}"
        for title, kind in (
            ("Characters", Character),
            ("Kinds of faults", FaultKind),
            ("Forms of answers", AnswerForm),
        )
    )
    return f"{HEAD}\n{tables}\n{words}\n"


# --------------------------------------------------------------------------------------------------------


def _table(part: type[BaseModel]) -> Iterator[str]:
    yield f"\n## {part.__name__}\n\n{part.__doc__}\n\n| field | if not given | meaning |\n|---|---|---|"
    for name, field in part.model_fields.items():
        default = (
            "required" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        )
        yield f"| `{name}` | {default} | {' '.join((field.description or '').split())} |"


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "{}"
    return "empty" if value in (None, (), {}, "") else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
