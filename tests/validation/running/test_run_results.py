"""The rig's output as results: code under test may have written anything into it."""

import json
from typing import Any

import pytest

from nightcrew.execution.sandbox import WORKSPACE, Completed
from nightcrew.validation.running.run_results import (
    NO_RUN,
    Run,
    TestOutcome,
    documents,
    read_sessions,
    session_result,
)

TEST = ["tests/test_a.py::test_a", "failed", "assertion", "1 != 2", 0.5, [1, 2, 3, 4, 5], True, 9]
COLLECTED = {
    "collected": [["tests/test_a.py::test_a", "tests/test_a.py", "test_a"]],
    "errors": [["tests/test_b.py", "E  x"]],
    "network": ["socket.connect x"],
    "imported": [1, 2],
    "changed": ["a.py"],
}
EXPERIMENT = {
    "experiment": "all",
    "tests": [TEST],
    "done": True,
    "network": [],
    "cpu": 1.5,
    "coverage": {
        f"{WORKSPACE}/src/a.py": {
            "lines": [1, 2],
            "arcs": [[1, 2]],
            "tests": {"tests/test_a.py::test_a": "2"},
        }
    },
    "powers": [["network", "socket.connect x", [["src/a.py", 7]]]],
    "replaced": ["a.f"],
}


def document(*reports: dict[str, Any], timed_out: bool = False) -> dict[str, Any]:
    return {"reports": list(reports), "timed_out": timed_out}


def test_a_session_that_ends() -> None:
    found = session_result(document(COLLECTED, EXPERIMENT, {"end": 0}))
    assert found.problem == ""
    assert [one.function for one in found.collected] == ["test_a"]
    assert found.errors == (("tests/test_b.py", "E  x"),)
    assert found.network == ("socket.connect x",)
    assert found.imported_lines == {1, 2}
    assert found.traces == ("a.f", "a.py")
    assert not found.timed_out


def test_an_experiment_with_everything_that_is_measured() -> None:
    run = session_result(document(COLLECTED, EXPERIMENT, {"end": 0})).run("all")
    (test,) = run.failed
    assert (test.direct_calls, test.calls, test.work, test.own_calls, test.given) == (1, 2, 3, 4, 5)
    assert test.touched
    assert (run.done, run.passed, run.killed_by, run.cpu_seconds) == (True, False, "assertion", 1.5)
    covered = run.coverage["src/a.py"]
    assert covered.lines == {1, 2}
    assert covered.arcs == {(1, 2)}
    assert covered.by_test == {"tests/test_a.py::test_a": {2}}
    (seen,) = run.powers
    assert (seen.power, seen.frames[0].path, seen.frames[0].line) == ("network", "src/a.py", 7)


@pytest.mark.parametrize(
    ("reports", "timed_out", "problem"),
    [
        ([COLLECTED], False, "ended before its end"),
        ([COLLECTED, {"crash": "SystemExit: 3"}], False, "ended before its end SystemExit: 3"),
        ([COLLECTED, {"end": 0}], True, "did not end in time"),
        ([{"end": 2, "output": "usage:\n  error"}], False, "before it had collected any tests: usage: error"),
    ],
)
def test_sessions_without_a_result(reports: list[dict[str, Any]], timed_out: bool, problem: str) -> None:
    assert problem in session_result(document(*reports, timed_out=timed_out)).problem


@pytest.mark.parametrize(
    ("run", "killed_by"),
    [
        ({"tests": [], "done": True}, ""),
        ({"tests": [], "done": False}, "crash"),
        ({"tests": [], "done": False, "timed_out": True}, "timeout"),
        ({"tests": [["a", "error", "crash", "", 0.0, None, False, 0]], "done": True}, "crash"),
        ({"tests": [["a", "error", "crash", "", 0.0, None, False, 0], TEST], "done": False}, "assertion"),
    ],
)
def test_how_a_broken_version_was_noticed(run: dict[str, Any], killed_by: str) -> None:
    found = session_result(document(COLLECTED, {"experiment": "1", **run}, {"end": 0}))
    assert found.run("1").killed_by == killed_by


def test_a_run_that_is_missing_has_not_finished() -> None:
    assert session_result(document(COLLECTED, {"end": 0})).run("all") is NO_RUN
    assert not NO_RUN.passed


@pytest.mark.parametrize("output", [b"", b"not json", b"[]", b"{}", b'{"sessions": 3}', b"null"])
def test_output_that_nobody_can_read(output: bytes) -> None:
    completed = Completed(1, output, b"why", 0.0, killed_by="wall_time")
    assert documents(completed) == []
    (result,) = read_sessions(completed, 1)
    assert "without a result (wall_time)" in result.problem
    assert result.timed_out


def test_fewer_sessions_than_expected_are_none() -> None:
    output = json.dumps({"sessions": [document(COLLECTED, {"end": 0})]}).encode()
    completed = Completed(0, output, b"", 0.0, killed_by=None)
    assert read_sessions(completed, 1)[0].problem == ""
    both = read_sessions(completed, 2)
    assert [one.problem for one in both] == ["the test run ended without a result (exit code 0)"] * 2


@pytest.mark.parametrize(
    ("count", "timed_out", "is_slow"), [(100, True, True), (3, True, False), (100, False, False)]
)
def test_a_run_that_is_slow_is_distinguished_from_one_that_hangs(
    count: int, timed_out: bool, is_slow: bool
) -> None:
    tests = {str(one): TestOutcome(str(one), "passed", "", "", 0.5) for one in range(count)}
    assert Run(tests, timed_out=timed_out).is_slow is is_slow
