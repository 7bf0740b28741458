"""Reads the logs of a crew's processes in order of time, and what is added to them."""

import heapq
import json
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

POLL_SECONDS = 0.5
_HEAD = re.compile(r"(\d{4}-\d\d-\d\d[ T][\d:.]{8,15})(?:\+00:00)? \| \w+ *\| (\S+) \| ")


class Entry(NamedTuple):
    """One log record as it was written; what has no time of its own belongs to the record before it."""

    time: str
    task: str
    text: str


def last_entries(folder: Path, task: str | None, most: int) -> list[Entry]:
    """The last `most` entries of all logs in `folder`, older files included; with `task`, only its own."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.log*"), key=_age, reverse=True):
        files.setdefault(path.name.partition(".log")[0], []).append(path)
    logs = [_entries(_lines(paths)) for paths in files.values()]
    merged = heapq.merge(*logs, key=lambda entry: entry.time)
    return list(deque((entry for entry in merged if task in (None, entry.task)), maxlen=most))


def new_entries(folder: Path, task: str | None) -> Iterator[Entry]:
    """The entries that are written from now on, for ever."""
    places = {path: path.stat().st_size for path in folder.glob("*.log")}
    before: dict[Path, Entry] = {}
    while True:
        for path in sorted(folder.glob("*.log")):
            text, places[path] = _added(path, places.get(path, 0))
            for entry in _entries(text.splitlines(), before.get(path)):
                before[path] = entry
                if task in (None, entry.task):
                    yield entry
        time.sleep(POLL_SECONDS)


# ---------------------------------------------------------------------------------------------------------


def _age(path: Path) -> int:
    number = path.suffix.removeprefix(".")
    return int(number) if number.isdigit() else 0


def _lines(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        with path.open(encoding="utf-8", errors="replace") as log:
            yield from (line.rstrip("\n") for line in log)


def _added(path: Path, place: int) -> tuple[str, int]:
    """The complete lines after `place`, and the place after them; a file that was emptied begins anew."""
    with path.open("rb") as log:
        log.seek(place if place <= path.stat().st_size else 0)
        start = log.tell()
        whole, end, _ = log.read().rpartition(b"\n")
    return (whole + end).decode(errors="replace"), start + len(whole + end)


def _entries(lines: Iterable[str], before: Entry | None = None) -> Iterator[Entry]:
    when, task = (before.time, before.task) if before else ("", "")
    for line in lines:
        if (found := _head(line)) is not None:
            when, task = found
        yield Entry(when, task, line)


def _head(line: str) -> tuple[str, str] | None:
    """Time and task of a line that begins a record."""
    if line.startswith('{"time": '):
        try:
            fields = json.loads(line)
        except ValueError:
            return None
        return str(fields["time"])[:23].replace("T", " "), str(fields.get("task") or "")
    found = _HEAD.match(line)
    return (found[1], found[2].partition(":")[0]) if found else None
