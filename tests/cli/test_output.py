"""Tables and lines show what people and models write, letter by letter."""

import pytest

from nightcrew.cli.output import console, mark, print_table

TEXT = "a[i] and [b]bold[/b], :bug: [/] [link=x]y[/link]"


def test_a_table_shows_brackets_and_colons(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(TEXT, ("what",), [(TEXT,)])
    assert capsys.readouterr().out.count(TEXT) == 2


def test_a_line_shows_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    console.print(mark(True), TEXT)
    console.print(mark(False), TEXT)
    assert capsys.readouterr().out.splitlines() == [f"✓ {TEXT}", f"✗ {TEXT}"]
