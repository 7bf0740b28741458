r"""Backslashes that a model forgot to escape: read where they have one meaning, else asked for again.

Whoever writes `\d` without a second backslash writes the `\n` of a string in code like a line break.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.openrouter.rescue.json_text import read_object
from nightcrew.openrouter.rescue.rescue import rescued
from tests.openrouter.rescue.tools import OFFERED, body, call

SOURCES = sorted((Path(__file__).parents[3] / "src").rglob("*.py"))
LINES = (
    "import re",
    "def f(x):",
    "    return re.match(r'\\d+\\s', x)",
    '    return x.split("\\n")',
    "    return 'a\\tb\\\\c'",
    "\tx = 'it\\'s'",
    '    """In "quotes", with a \\n in it."""',
    "    # it doesn't match `\\w`",
    '    y = "\\""',
    "",
)


def forgotten(content: str, end: str = "}") -> str:
    """The arguments as a model writes them that escapes line breaks and quotes, but no backslashes."""
    text = json.dumps({"content": content}, ensure_ascii=False)
    return text.replace("\\\\", "\\")[:-1] + end


def is_json(text: str) -> bool:
    try:
        return bool(json.loads(text))
    except ValueError:
        return False


@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from(["}", ",}", "", "}}"]))
def test_code_is_read_right_or_not_at_all(lines: list[str], end: str) -> None:
    content = "".join(f"{line}\n" for line in lines)
    if not is_json(forgotten(content)):  # it has no other reading than JSON's
        assert read_object(forgotten(content, end)) in (None, {"content": content})


def test_real_code_is_read_right_or_not_at_all_and_some_of_it_is_read() -> None:
    parts = [
        "".join(lines[at : at + 30])
        for lines in (source.read_text().splitlines(keepends=True) for source in SOURCES)
        for at in range(0, len(lines), 30)
    ]
    found = [(read_object(forgotten(p)), {"content": p}) for p in parts if not is_json(forgotten(p))]
    assert all(read in (None, meant) for read, meant in found)
    assert sum(read == meant for read, meant in found) >= len(found) // 5 > 10


@pytest.mark.parametrize(
    ("content", "is_read"),
    [
        ("grep \\d", True),
        ("C:\\Users\\Ada", True),
        ("import re\nre.match('\\d', x)\n", True),
        ("C:\\new\\data", False),
        ("use \\d and \\n here", False),
        ("re.split('\\d\\n', x)", False),
        ("re.match('\\d\\\\', x)", False),
        ("\\bword\\W", False),
    ],
)
def test_what_has_two_meanings_is_asked_again(content: str, is_read: bool) -> None:
    assert read_object(forgotten(content)) == ({"content": content} if is_read else None)


@pytest.mark.parametrize("text", ['{"command": "print(\'\\d\\n\')"}', '{"command": "echo \'a\\\'s"}'])
def test_a_call_with_two_meanings_is_not_made_up(text: str) -> None:
    for message in (
        {"content": None, "tool_calls": [call("terminal", text)]},
        {"content": f'<tool_call>{{"name": "terminal", "arguments": {text}}}</tool_call>'},
        {"content": f"terminal{text}"},
    ):
        made = rescued(body(message), OFFERED).body["choices"][0]["message"]
        entries = made.get("tool_calls") or []
        assert all(entry["function"]["arguments"] == text for entry in entries)
