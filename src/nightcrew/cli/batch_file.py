"""Reads a batch: a file of tasks with defaults, names, an order and a shared budget.

YAML and JSON hold the whole batch; JSON lines and CSV hold one task per line.
"""

import csv
import hashlib
import io
import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from nightcrew.errors import BadInput
from nightcrew.task import Task

MOST_BYTES = 5_000_000
MOST_ITEMS = 10_000
MOST_PROBLEMS = 8  # that are named at once


class BatchFormat(StrEnum):
    """How a batch is written."""

    YAML = "yaml"  # JSON is YAML, too
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One task of a batch: its name, the names of those that come before it, and the fields of a `Task`."""

    name: str
    after: tuple[str, ...]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A batch whose items are in an order in which all can be submitted."""

    name: str | None
    budget_usd: Any
    items: tuple[BatchItem, ...]


def format_of(path: str, text: str) -> BatchFormat:
    """The format by the file's ending; that of a pipe by its first line."""
    endings = {".jsonl": BatchFormat.JSONL, ".ndjson": BatchFormat.JSONL, ".csv": BatchFormat.CSV}
    if path == "-" and _begins_with_a_task(text):
        return BatchFormat.JSONL
    if path == "-" and _begins_with_columns(text):
        return BatchFormat.CSV
    return endings.get(Path(path).suffix.lower(), BatchFormat.YAML)


def read_batch(text: str, form: BatchFormat) -> BatchFile:
    """Read and check a batch; what the fields of its tasks mean is checked by `Task`.

    Raises:
        BadInput: it cannot be read, has no task, two items of one name, or an order that cannot be kept.
    """
    if len(text.encode()) > MOST_BYTES:
        raise BadInput(f"a batch has at most {MOST_BYTES:,} bytes: divide it")
    try:
        batch = _read(text.removeprefix("\ufeff"), form)  # spreadsheets write it
    except (yaml.YAMLError, ValueError, csv.Error, RecursionError) as error:
        raise BadInput(f"this is no {form.upper()}: {_one_line(error)}") from None
    if not batch.items:
        raise BadInput("the batch has no task: list them under 'tasks:'")
    if len(batch.items) > MOST_ITEMS:
        raise BadInput(f"a batch has at most {MOST_ITEMS:,} tasks: divide it")
    return replace(batch, items=_in_order(batch.items))


def report(problems: Sequence[str]) -> None:
    """Raise the problems of a batch as one error, if there are any.

    Raises:
        BadInput: there are.
    """
    if problems:
        more = len(problems) - MOST_PROBLEMS
        rest = [f"… and {more} more"] if more > 0 else []
        raise BadInput("\n".join(["nothing was submitted:", *problems[:MOST_PROBLEMS], *rest]))


# ---------------------------------------------------------------------------------------------------------

_OF_A_BATCH = ("batch", "budget_usd", "defaults", "tasks")
_LISTS = ("after", "models")  # fields that a cell of CSV holds as words


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, because one of its values would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        _check_once(keys)
        return super().construct_mapping(node, deep=deep)


def _read(text: str, form: BatchFormat) -> BatchFile:
    if form is BatchFormat.CSV:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        report(
            [f"line {number}: more cells than columns" for number, row in enumerate(rows, 2) if None in row]
        )
        return BatchFile(None, None, _items([_of_cells(row) for row in rows], {}))
    if form is BatchFormat.JSONL:
        lines = [json.loads(line, object_pairs_hook=_object) for line in text.splitlines() if line.strip()]
        return BatchFile(None, None, _items(lines, {}))
    whole = yaml.load(text, _StrictLoader)  # noqa: S506 - it is a safe loader
    if isinstance(whole, list):
        whole = {"tasks": whole}
    if not isinstance(whole, dict):
        raise BadInput("a batch is a list of tasks, or has them under 'tasks:'")
    if unknown := [str(key) for key in whole if key not in _OF_A_BATCH]:
        raise BadInput(f"a batch has no '{unknown[0]}', only {', '.join(_OF_A_BATCH)}")
    name, tasks, defaults = whole.get("batch"), whole.get("tasks") or [], whole.get("defaults") or {}
    if not isinstance(tasks, list) or not isinstance(defaults, dict):
        raise BadInput("'tasks' is a list, and 'defaults' has fields of a task with their values")
    return BatchFile(None if name is None else str(name), whole.get("budget_usd"), _items(tasks, defaults))


def _of_cells(row: Mapping[str, str | None]) -> dict[str, Any]:
    filled = {name: value for name, value in row.items() if value not in (None, "")}
    return filled | {name: str(filled[name]).split() for name in _LISTS if name in filled}


def _items(rows: Sequence[Any], defaults: Mapping[str, Any]) -> tuple[BatchItem, ...]:
    report(
        [f"task {number} is no mapping" for number, row in enumerate(rows, 1) if not isinstance(row, dict)]
    )
    return tuple(_item({**defaults, **row}) for row in rows)


def _item(fields: dict[str, Any]) -> BatchItem:
    name, after = fields.pop("name", None), fields.pop("after", None) or []
    if isinstance(after, str):
        after = [after]
    if not isinstance(after, list):
        raise BadInput(f"'after' of {name} must be a list of names")
    return BatchItem(_name_of(fields) if name is None else str(name), tuple(map(str, after)), fields)


def _name_of(fields: Mapping[str, Any]) -> str:
    """A name for a task without one: the same contents have the same name."""
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()
    return f"{fields.get('task_type', 'task')}-{digest[:8]}"


def _in_order(items: Iterable[BatchItem]) -> tuple[BatchItem, ...]:
    by_name: dict[str, BatchItem] = {}
    problems = []
    for item in items:
        if item.name in by_name:
            problems.append(f"{item.name}: two tasks have this name")
        by_name[item.name] = item
    for item in by_name.values():
        known = set(Task.model_fields) - {"task_id", "batch", "batch_cost_usd"}
        problems += [
            f"{item.name}: a task of a batch has no '{key}'" for key in item.fields if key not in known
        ]
        problems += [
            f"{item.name}: comes after {name}, which is not there"
            for name in item.after
            if name not in by_name
        ]
    report(problems)
    try:
        order = TopologicalSorter({item.name: item.after for item in by_name.values()})
        return tuple(by_name[name] for name in order.static_order())
    except CycleError as error:
        raise BadInput(f"these tasks wait for each other: {', '.join(error.args[1])}") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    _check_once([key for key, _ in pairs])
    return dict(pairs)


def _check_once(keys: Sequence[Any]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"'{key}' stands twice in one place")


def _begins_with_a_task(text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    try:
        read = json.loads(first)
    except ValueError:
        return False
    return isinstance(read, dict) and "tasks" not in read


def _begins_with_columns(text: str) -> bool:
    first = text.lstrip().partition("\n")[0]
    return "task_type" in (cell.strip(' "') for cell in first.split(","))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
