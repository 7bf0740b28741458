"""What the rig notes while tests run: outcomes and their causes, coverage, and calls of the target."""

import functools
import os
import re
import sys
import time
import types
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from . import perturb, protocol
from .audit import Contacts
from .calls import Recorder
from .lines import lines_of
from .protocol import Measures, Ran, Row

_BESIDE = {"PytestUnhandledThreadExceptionWarning", "PytestUnraisableExceptionWarning"}
"""Warnings by which a test fails where another thread or an object's destructor raised an error."""

MOST_NOTED = 20  # number of a test's calls whose arguments are read


class Watch:
    """Reports outcomes, and measures what the experiment asks for."""

    def __init__(
        self,
        job: protocol.Job,
        one: protocol.Experiment,
        report: "Callable[[Row], object]",
        contacts: "Contacts | None" = None,
    ) -> None:
        self.job, self.one, self.report, self.contacts = job, one, report, contacts
        self.worst: dict[str, str] = {}
        self.detail: dict[str, tuple[str, str, int]] = {}
        self.assertions = self.crashes = 0
        self.lines = lines_of(job.measured) if one.cover else None
        self.aim = Aim(job) if one.aim else None
        self.recorder = Recorder(job, one.record) if one.record is not None else None
        if contacts is not None:
            contacts.start(self.lines)
        self.started = 0.0

    def failed(self, item: pytest.Item, call: "pytest.CallInfo[Any]") -> None:
        """Notes how a test failed."""
        assert call.excinfo is not None
        if self.detail.get(item.nodeid, ("",))[0] != "assertion":
            kind = _kind(call.excinfo, self.job)
            message = f"{call.excinfo.typename}: {call.excinfo.value}"[:400]
            self.detail[item.nodeid] = (kind, message, _line(call.excinfo.tb, self.job.test_files))

    def phase_ended(self, report: "pytest.TestReport") -> None:
        """Notes the end of a test's phase; the worst outcome counts."""
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xpassed" if outcome == "passed" else "xfailed"
        elif outcome == "failed" and report.when != "call":
            outcome = "error"
        elif outcome == "failed" and report.nodeid not in self.detail:
            self.detail[report.nodeid] = ("assertion", str(report.longrepr)[-400:], 0)
        if report.when == "call" or outcome != "passed":
            rank = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")
            old = self.worst.get(report.nodeid, "passed")
            self.worst[report.nodeid] = max(old, outcome, key=rank.index)

    def start(self, item: pytest.Item) -> None:
        """A test begins."""
        if self.lines is not None:
            self.lines.start(item.nodeid)
        if self.contacts is not None:
            self.contacts.start_test()
        if self.aim is not None:
            self.aim.start()
        perturb.touched.clear()
        # Watch notes a failure itself; a rendered traceback would cost more than the test.
        for name in ("repr_failure", "_repr_failure_py"):
            setattr(item, name, _in_short)
        if self.recorder is not None:
            self.recorder.start(item.nodeid)
        self.started = time.process_time()

    def stop(self, item: pytest.Item) -> None:
        """Ends a test and reports it, or reports it only where it failed."""
        aimed = self.aim.stop() if self.aim is not None else None
        if self.recorder is not None:
            self.recorder.stop()
        if self.lines is not None:
            self.lines.start("")
        if self.contacts is not None:
            self.contacts.stop_test()
        outcome = self.worst.get(item.nodeid, "lost")
        kind, message, line = self.detail.get(item.nodeid, ("", "", 0))
        if outcome in ("failed", "error"):
            self.assertions += kind == "assertion"
            self.crashes += kind != "assertion"
        elif self.one.failures_only:
            return
        seconds = round(time.process_time() - self.started, 4)
        touched = bool(perturb.touched)
        self.report(Row(item.nodeid, outcome, kind, message, seconds, aimed, touched, line))

    def enough(self) -> bool:
        """True once further tests would add nothing."""
        stop = self.one.stop
        return stop > 0 and (self.assertions >= 1 or self.crashes >= stop)

    def end(self) -> Measures:
        """What was measured over all tests."""
        measures: Measures = {"work": self.aim.work} if self.aim is not None else {}
        if self.recorder is not None:
            measures["calls"] = self.recorder.end()
        if self.contacts is not None:
            measures.update(self.contacts.end())
        if self.lines is None:
            return measures
        self.lines.stop()
        measured: dict[str, Ran] = {}
        for path in self.job.measured:
            by_test = {name: lines for name, lines in self.lines.lines(path).items() if name}
            texts = {name: protocol.spans(lines) for name, lines in by_test.items()}
            ran = sorted(set().union(*by_test.values()))
            measured[path] = {"lines": ran, "arcs": self.lines.arcs(path), "tests": texts}
        return {**measures, "coverage": measured}


class Relay:
    """The pytest plugin: registered once, it forwards events to the active watch."""

    def __init__(self, contacts: "Contacts | None" = None) -> None:
        self.watch: Watch | None = None
        self.contacts = contacts

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: "pytest.CallInfo[Any]") -> Any:
        """Passes on how a test failed."""
        outcome = yield
        report = outcome.get_result()
        report.nodeid = item.nodeid  # the session may have given the test another id
        if call.excinfo is None or self.watch is None:
            return
        if report.outcome == "failed" and not hasattr(report, "wasxfail"):
            self.watch.failed(item, call)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: "pytest.Item | None") -> "bool | None":
        """Where only failures are needed, no other plugin gets the reports."""
        if self.watch is None or not self.watch.one.failures_only:
            return None
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            self.watch.phase_ended(report)
        return True

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Notes the worst outcome of each test."""
        if self.watch is not None:
            self.watch.phase_ended(report)


class Aim:
    """Counts a test's calls: of the target, both directly from test code and in all; of any function, as a
    measure of work that is the same on every machine; and of the product, with the first calls' arguments."""

    def __init__(self, job: protocol.Job) -> None:
        self.target, self.tests, self.root = job.target, set(job.test_files), f"{job.workspace}/"
        self.counts = [0, 0, 0, 0, 0]
        self.work = self.noted = 0

    def start(self) -> None:
        """Starts to count from zero."""
        self.counts, self.noted = [0, 0, 0, 0, 0], 0
        sys.setprofile(self._called)

    def stop(self) -> "list[int]":
        """The counts in that order, and a checksum of the arguments."""
        sys.setprofile(None)
        self.work += self.counts[2]
        return self.counts

    def _called(self, frame: Any, event: str, _argument: object) -> None:
        if event != "call":
            return
        self.counts[2] += 1
        path = frame.f_code.co_filename
        if not path.startswith(self.root) or path in self.tests:
            return
        self.counts[3] += 1
        aimed = path == self.target
        self.counts[1] += aimed
        caller = frame.f_back
        if caller is not None and caller.f_code.co_filename in self.tests:
            self.counts[0] += aimed
            self.noted += 1
            if self.noted <= MOST_NOTED:
                sys.setprofile(None)
                self.counts[4] = zlib.crc32(_given(frame), self.counts[4])
                sys.setprofile(self._called)


def _given(frame: Any) -> bytes:
    """The called function and its arguments, as far as their texts show them."""
    try:
        text = repr((frame.f_code.co_name, list(frame.f_locals.values())))
    except Exception:
        text = str(id(frame))
    return re.sub(r"0x[0-9a-fA-F]+", "", text).encode("utf-8", "replace")


def _in_short(excinfo: "pytest.ExceptionInfo[BaseException]", style: object = None) -> str:
    del style
    return excinfo.typename  # Python's own message would add a guess at the intended name


def _kind(excinfo: "pytest.ExceptionInfo[BaseException]", job: protocol.Job) -> str:
    """`assertion`: a check of a test failed; `crash`: the product broke; `test_crash`: the test itself
    did."""
    paths = [_absolute(code.co_filename) for code in _codes(excinfo.tb)]
    if excinfo.typename in _BESIDE:
        paths += map(_absolute, re.findall(r'File "([^"]+)"', str(excinfo.value)))
    checks = issubclass(excinfo.type, (AssertionError, pytest.fail.Exception)) or excinfo.typename in (
        "DocTestFailure",
        "MultipleFailures",
    )
    if checks and not (paths and paths[-1] in job.measured):
        return "assertion"
    root, tests = job.workspace + "/", set(job.test_files)
    product = any(path.startswith(root) and path not in tests for path in paths)
    return "crash" if product else "test_crash"


def _line(trace: "types.TracebackType | None", tests: "Sequence[str]") -> int:
    """The line of a test file in which a test failed; 0 where it is not known."""
    found = 0
    while trace is not None:
        if _absolute(trace.tb_frame.f_code.co_filename) in tests:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _codes(trace: "types.TracebackType | None") -> "Iterator[types.CodeType]":
    while trace is not None:
        yield trace.tb_frame.f_code
        trace = trace.tb_next


def _absolute(path: str) -> str:
    return _normal(path) if path.startswith("/") else os.path.abspath(path)  # noqa: PTH100


@functools.lru_cache(maxsize=None)  # noqa: UP033 - the target's Python may be an old one
def _normal(path: str) -> str:
    return os.path.normpath(path)
