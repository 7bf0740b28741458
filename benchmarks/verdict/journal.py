"""Judged cases, stored in a file, so that an interrupted run continues where it stopped.

A row is reused where the case has the same content and the same code judged it; otherwise it is judged again.
`--accept-older` also reuses rows that other code judged *correctly*; the report then gives their number.
"""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import nightcrew.validation
from benchmarks.verdict.case import Case
from benchmarks.verdict.packages import PACKAGES

type Row = dict[str, Any]


def content_of(case: Case) -> str:
    """A case's digest: the package's version, base's content, the change, and the task type."""
    texts = [
        case.subject.package,
        PACKAGES.get(case.subject.package, ""),
        case.subject.target,
        case.task_type.value,
    ]
    parts = [*texts, case.raw, sorted(case.base.items()), sorted(case.change.items()), case.good]
    return _digest(json.dumps(parts).encode())


def code_digest() -> str:
    """The digest of the code that judges."""
    root = Path(nightcrew.validation.__file__).parent
    return _digest(b"".join(path.read_bytes() for path in sorted(root.rglob("*.py"))))


class Journal:
    """Rows by case, one JSON line each; the last line of a case counts."""

    def __init__(self, path: Path | None, *, accept_older: bool = False) -> None:
        self.path, self.accept_older, self.code = path, accept_older, code_digest()
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        if path is not None and path.is_file():
            lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
            self._rows = {row["content"]: row for row in lines if "content" in row}

    def rows(self) -> list[Row]:
        """Every case's last row, from any version of the code."""
        return list(self._rows.values())

    def known(self, case: Case) -> Row | None:
        """The row of an earlier run, where it still counts."""
        row = self._rows.get(content_of(case))
        if row is None:
            return None
        right = (row["verdict"] == "accepted") == case.good and row["verdict"] != "infrastructure_fault"
        if row["code"] != self.code and not (self.accept_older and right):
            return None
        return {**row, "case": case.name, "kind": case.kind}

    def baselines(self, case: Case) -> Row | None:
        """The baselines' answers for the case, which do not depend on Nightcrew's code."""
        found: Row | None = self._rows.get(content_of(case), {}).get("baselines")
        return found

    def write(self, case: Case, row: Row) -> Row:
        """Writes a row to the file at once."""
        row = {"code": self.code, **row, "content": content_of(case)}
        with self._lock:
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        return row


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
