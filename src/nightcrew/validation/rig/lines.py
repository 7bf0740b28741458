"""The lines and branches of some files that run, by test.

From Python 3.12 on, the interpreter itself reports each line once and then no more, so that the rest runs at
full speed. In older Pythons coverage traces all code, which takes more than twice the time.
"""

import os
import sys
import types
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

_TOOLS = (3, 4)  # identifiers that no kind of tool has reserved


def lines_of(files: "Sequence[str]") -> "Monitored | Traced":
    """Watches the lines of these files from now on."""
    return Monitored(files) if hasattr(sys, "monitoring") else Traced(files)


class Monitored:
    """The lines that run, reported by `sys.monitoring`."""

    def __init__(self, files: "Sequence[str]") -> None:
        self.paths = {_real(path): path for path in files}
        self.monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self.tool = next(one for one in _TOOLS if self.monitoring.get_tool(one) is None)
        # By the code's identity: a code's hash takes as long as its text.
        self.known: dict[int, tuple[types.CodeType, str]] = {}
        self.ran: dict[str, dict[str, set[int]]] = {path: {} for path in files}
        self.branches: dict[int, dict[int, set[int]]] = {}
        self.touched: set[int] = set()
        self.test = ""
        events = self.monitoring.events
        names = ["BRANCH_LEFT", "BRANCH_RIGHT"] if hasattr(events, "BRANCH_LEFT") else ["BRANCH"]
        kinds = [getattr(events, name) for name in names]
        self.events = events.LINE | sum(kinds)
        self.monitoring.use_tool_id(self.tool, "nightcrew")
        self.monitoring.register_callback(self.tool, events.PY_START, self._started)
        self.monitoring.register_callback(self.tool, events.LINE, self._ran)
        for kind in kinds:
            self.monitoring.register_callback(self.tool, kind, self._branched)
        self.monitoring.set_events(self.tool, events.PY_START)
        self.monitoring.restart_events()

    def start(self, test: str) -> None:
        """What runs from now on counts for this test."""
        for code, _ in map(self.known.__getitem__, self.touched):
            self.monitoring.set_local_events(self.tool, code, 0)
            self.monitoring.set_local_events(self.tool, code, self.events)
        self.touched.clear()
        self.test = test

    def stop(self) -> None:
        """Nothing counts from now on, and the identifier is free again."""
        self.monitoring.set_events(self.tool, 0)
        for code, _ in self.known.values():
            self.monitoring.set_local_events(self.tool, code, 0)
        self.monitoring.free_tool_id(self.tool)

    def lines(self, path: str) -> "dict[str, set[int]]":
        """The file's lines by test."""
        return self.ran[path]

    def arcs(self, path: str) -> "list[tuple[int, int]]":
        """The file's branches, from line to line."""
        found: set[tuple[int, int]] = set()
        for identity, branches in self.branches.items():
            code, file = self.known[identity]
            if file == path:
                line_at = _line_at(code)
                found |= {(line_at(at), line_at(to)) for at, places in branches.items() for to in places}
        return sorted(found)

    # -- what the interpreter calls --

    def _started(self, code: types.CodeType, _: int) -> object:
        path = self.paths.get(_real(code.co_filename))
        if path is not None and id(code) not in self.known:
            self.known[id(code)] = code, path
            self.monitoring.set_local_events(self.tool, code, self.events)
        return self.monitoring.DISABLE

    def _ran(self, code: types.CodeType, line: int) -> object:
        self.ran[self.known[id(code)][1]].setdefault(self.test, set()).add(line)
        self.touched.add(id(code))
        return self.monitoring.DISABLE

    def _branched(self, code: types.CodeType, at: int, to: int) -> object:
        places = self.branches.setdefault(id(code), {}).setdefault(at, set())
        places.add(to)
        # One answer stops the reports of both directions, so it waits for the second.
        return self.monitoring.DISABLE if len(places) > 1 else None


class Traced:
    """The same by coverage."""

    def __init__(self, files: "Sequence[str]") -> None:
        import coverage

        self.coverage: Any = coverage.Coverage(
            data_file=None, branch=True, include=list(files), config_file=False
        )
        self.coverage.set_option("report:exclude_lines", [])
        self.coverage.set_option("run:disable_warnings", ["no-data-collected", "module-not-imported"])
        self.coverage.start()

    def start(self, test: str) -> None:
        """What runs from now on counts for this test."""
        self.coverage.switch_context(test)

    def stop(self) -> None:
        """Nothing counts from now on."""
        self.coverage.stop()

    def lines(self, path: str) -> "dict[str, set[int]]":
        """The file's lines by test."""
        by_test: dict[str, set[int]] = {}
        for line, tests in self.coverage.get_data().contexts_by_lineno(path).items():
            for test in tests:
                by_test.setdefault(test, set()).add(line)
        return by_test

    def arcs(self, path: str) -> "list[tuple[int, int]]":
        """The file's branches, from line to line."""
        return sorted(self.coverage.get_data().arcs(path) or ())


# ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=None)  # noqa: UP033 - the target's Python may be an old one
def _real(path: str) -> str:
    return os.path.realpath(path) if not path.startswith("<") else path


def _line_at(code: types.CodeType) -> "Callable[[int], int]":
    """The line of an instruction by its offset; 0 where it has none."""
    spans = list(code.co_lines())

    def line_at(offset: int) -> int:
        return next((line or 0 for first, end, line in spans if first <= offset < end), 0)

    return line_at
