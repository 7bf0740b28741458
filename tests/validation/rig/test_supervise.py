"""Forked children report to their parent, which never waits longer than its limit."""

import os
import time

from nightcrew.validation.rig.supervise import Reporter, supervise


def test_a_child_reports_and_ends() -> None:
    def body(report: Reporter) -> None:
        report({"pid": os.getpid()})
        report({"long": "x" * 200_000})

    ended = supervise(body, 20)
    assert not ended["timed_out"]
    assert ended["reports"][0]["pid"] != os.getpid()
    assert len(ended["reports"][1]["long"]) == 200_000


def test_a_child_that_crashes_says_so() -> None:
    def body(report: Reporter) -> None:
        report({"first": 1})
        raise ValueError("why")

    assert supervise(body, 20)["reports"] == [{"first": 1}, {"crash": "ValueError: why"}]


def test_a_child_that_ends_its_process_has_no_last_word() -> None:
    ended = supervise(lambda report: os._exit(7), 20)
    assert ended["reports"] == []
    assert os.waitstatus_to_exitcode(ended["status"]) == 7


def test_a_child_that_does_not_end_is_killed() -> None:
    def body(report: Reporter) -> None:
        report({"first": 1})
        time.sleep(600)

    started = time.monotonic()
    ended = supervise(body, 0.5)
    assert ended["timed_out"]
    assert ended["reports"] == [{"first": 1}]
    assert time.monotonic() - started < 60


def test_what_is_no_document_is_left_out() -> None:
    def body(report: Reporter) -> None:
        os.write(report.fd, b"not json\n[1]\n")
        report({"a": 1})

    assert supervise(body, 20)["reports"] == [{"a": 1}]
