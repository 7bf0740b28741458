"""Finds what was changed, removed, inserted, reordered or cut in the audit log.

Whoever owns the database can write a whole new log, head included, which only a copy kept elsewhere shows:
give one to `verify`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from nightcrew.queue.audit.line import Act, chained
from nightcrew.queue.audit.log import latest, stored_rows
from nightcrew.queue.audit.retention import LOG
from nightcrew.queue.state_store import StateStore

MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; the log is whole if there are no faults."""

    lines: int
    removed: int  # lines at the start, past their date
    hash: str  # of the last line
    compared: int  # lines of the copy
    faults: Sequence[str]


def verify(store: StateStore, copy: Mapping[int, str] | None = None) -> Verification:
    """Check every line, the head, and the lines of a copy: their hashes by their numbers."""
    copy = copy or {}
    with store.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        found = connection.execute(text("SELECT * FROM audit_head")).mappings().one_or_none()
        if found is None:
            return Verification(0, 0, "", 0, ["the head of the log is missing"])
        head = dict(found)
        check = _Check(head, copy)
        faults = list(_anchor(connection, head))
        for row in stored_rows(connection):
            more = list(check.row(row))
            faults += more if len(faults) < MOST_FAULTS else ()
        faults += check.end()
    return Verification(check.lines, head["removed"], check.hash, check.compared, faults)


# ---------------------------------------------------------------------------------------------------------


class _Check:
    """The state of one pass over the log."""

    def __init__(self, head: Mapping[str, Any], copy: Mapping[int, str]) -> None:
        self._head, self._copy = head, copy
        self._number, self.hash = int(head["removed"]), str(head["removed_hash"])
        self.lines = self.compared = 0

    def row(self, row: Mapping[str, Any]) -> Iterator[str]:
        """The faults of the next row."""
        number, before = int(row["number"]), self._number
        if number > before + 1:
            yield f"{_lines(before + 1, number - 1)} missing after line {before}"
        elif number <= before:
            yield f"line {number} stands where no line belongs"
        if chained(self.hash, row["line"]) != row["hash"] and number == before + 1:
            yield f"line {number} was changed, or does not follow the line before it"
        elif not _fits(row):
            yield f"line {number} is not what its columns say"
        if number in self._copy:
            self.compared += 1
            if self._copy[number] != row["hash"]:
                yield f"line {number} is not the one of the copy"
        self._number, self.hash = number, row["hash"]
        self.lines += 1

    def end(self) -> Iterator[str]:
        """The faults at the end."""
        last = int(self._head["number"])
        if self._number < last:
            yield f"{_lines(self._number + 1, last)} missing at the end"
        elif self._number > last:
            yield f"{_lines(last + 1, self._number)} not counted in the head: added past Nightcrew"
        elif self.hash != self._head["hash"]:
            yield f"line {last} is not the one that the head knows"
        late = sorted(number for number in self._copy if number > self._number)
        if late:
            yield f"{_lines(late[0], late[-1])} of the copy missing"


def _anchor(connection: Connection, head: Mapping[str, Any]) -> Iterator[str]:
    """The start must be the one that the last removal of old lines has recorded."""
    removed, hash_ = 0, ""
    if (line := latest(connection, Act.PRUNE, LOG)) is not None:
        details = _parsed(line).get("details", {})
        removed, hash_ = details.get("removed"), details.get("hash")
    if (head["removed"], head["removed_hash"]) != (removed, hash_):
        yield f"the start was cut: line {head['removed']} was not the last that Nightcrew removed"


def _fits(row: Mapping[str, Any]) -> bool:
    """True if the columns by which lines are found are those of the line."""
    line = _parsed(row["line"])
    try:
        same_time = datetime.fromisoformat(str(line.get("at"))) == row["at"]
    except ValueError:
        return False
    return same_time and all(line.get(name) == row[name] for name in ("number", "act", "about"))


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lines(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"
