"""Output of the command line: tables for people, JSON for programs. Only this module writes to stdout."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nightcrew.cli.harmless import HarmlessConsole
from nightcrew.plain_text import harmless

PIPE_WIDTH = 150  # columns if stdout is not a terminal
SHORT = 26


def _console(*, stderr: bool) -> HarmlessConsole:
    there = (sys.stderr if stderr else sys.stdout).isatty()
    return HarmlessConsole(
        stderr=stderr,
        highlight=False,
        markup=False,  # what people and models write has brackets and colons, which are no styles
        emoji=False,
        soft_wrap=False,
        width=None if there else PIPE_WIDTH,
    )


console = _console(stderr=False)
errors = _console(stderr=True)


def print_json(value: Any) -> None:
    """`value` as one JSON document on stdout; money as strings, times in ISO 8601."""
    text = json.dumps(value, default=_plain, indent=2, ensure_ascii=False)
    # A lone surrogate cannot be encoded in UTF-8, so it is written as a JSON escape.
    sys.stdout.write(harmless(text.encode("utf-8", "backslashreplace").decode()) + "\n")
    sys.stdout.flush()  # a pipe follows a command that goes on


def print_line(text: str) -> None:
    """One line as it is, flushed at once so that a pipe can follow; harmful characters are escaped."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table that fits the terminal; numbers are right-aligned."""
    console.print(make_table(title, columns, rows))


def make_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """The same table as an object, for live displays."""
    table = Table(
        title=title or None, title_justify="left", header_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    body = [[cell if isinstance(cell, Text) else as_text(cell) for cell in row] for row in rows]
    for index, name in enumerate(columns):
        cells = [str(row[index]) for row in body]
        longest = max((len(line) for cell in cells for line in cell.splitlines()), default=0)
        numeric = bool(cells) and all(_is_number(cell) for cell in cells)
        table.add_column(
            name, justify="right" if numeric else "left", overflow="fold", no_wrap=longest <= SHORT
        )
    for row in body:
        table.add_row(*row)
    return table


def as_text(value: object) -> str:
    """A cell's text: a dash for None, money and shares rounded."""
    match value:
        case None:
            return "–"
        case float():
            return f"{value:.2f}"
        case Enum():
            return str(value.value)
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return ", ".join(as_text(item) for item in value)
        case _:
            return str(value)


def mark(is_well: bool) -> Text:
    """A tick or a cross before a line."""
    return Text("✓", style="green") if is_well else Text("✗", style="red")


def money(value: Decimal | float | str | None) -> str:
    """USD for people: "unknown" for None, and fractions of a cent stay visible."""
    if value is None:
        return "unknown"
    amount = Decimal(str(value))
    if amount == 0:
        return "$0"
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}"


def duration(seconds: float | None) -> str:
    """Seconds for people."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes else f"{seconds:.1f} s"


def age(passed: timedelta) -> str:
    """How old something is, for people: minutes, or hours from the second on."""
    minutes = round(passed.total_seconds() / 60)
    return counted(minutes, "minute") if minutes < 120 else f"{minutes / 60:.1f} hours"


def counted(number: int, thing: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


STATUS_STYLES: Mapping[str, str] = {
    "completed": "green",
    "accepted": "green",
    "failed": "red",
    "rejected": "red",
    "cancelled": "yellow",
    "needs_review": "magenta",
    "not_measurable": "magenta",
    "asks": "magenta",
    "infrastructure_fault": "yellow",
    "running": "cyan",
    "pass": "green",
    "fail": "red",
}


def styled(word: str, text: str | None = None) -> Text:
    """`word` (or `text`) in the colour that the status word has everywhere."""
    return Text(text or word, style=STATUS_STYLES.get(word, ""))


def _is_number(cell: str) -> bool:
    return cell in {"–", "unknown"} or cell.removeprefix("$").replace(".", "", 1).isdigit()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")
