"""Untrusted text cannot steer a terminal, whichever way it is printed."""

import io
import json
import logging

import pytest
from rich.table import Table
from rich.text import Text

from nightcrew.cli import output
from nightcrew.cli.harmless import HarmlessConsole
from nightcrew.plain_text import HarmlessFormatter, harmless

ATTACKS = [
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b[2J\x1b[H",
    "\x9b2J",
    "\x90q\x9c",
    "safe\rEVIL",
    "back\x08\x08\x08\x08",
    "\u202eevil",
    "a\u2066b\u2069",
    "one\u2028two",
    "\x7f",
]


def _printed(*values: object) -> str:
    file = io.StringIO()
    console = HarmlessConsole(file=file, force_terminal=True, width=200, color_system="truecolor")
    console.print(*values, markup=False, highlight=False)
    return file.getvalue()


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_tables_and_styles_show_what_they_were_given(attack: str) -> None:
    table = Table()
    table.add_column(f"head{attack}")
    table.add_row(attack, style="bold")
    for value in (attack, Text(attack), table):
        assert attack not in _printed(value)
    if not set(attack) & set("\a\b\r"):  # rich itself drops these
        assert harmless(attack) in _printed(attack)


def test_our_own_colours_stay() -> None:
    assert "\x1b[31m" in _printed(Text("failed", style="red"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_json_says_the_same_in_escapes(attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"text": attack})
    printed = capsys.readouterr().out
    assert printed == harmless(printed)
    assert json.loads(printed) == {"text": attack}


def test_log_lines_and_their_exceptions_are_harmless() -> None:
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "file %s", ("\x1b[2J",), None)
    assert HarmlessFormatter().format(record) == "file \\u001b[2J"
