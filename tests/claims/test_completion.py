"""The original's claim: "production-ready". There a perfect agent completed 0 of 5 tasks."""

import itertools
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.openrouter.wire.recovery import TABLE, Next
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.validation.verdict import VerdictKind
from nightcrew.work.outcome import Judged, decide
from tests.claims.conftest import Five
from tests.claims.line import CAPABLE, Line
from tests.flows.builders import a_task, a_verdict, an_attempt


def test_a_capable_agent_completes_five_of_five_tasks(five: Five) -> None:
    ends = {work.task.task_type: (work.queued.status, work.queued.detail) for work in five.works}
    assert {status for status, _ in ends.values()} == {TaskStatus.COMPLETED}, ends
    assert len(ends) == 5


def test_it_takes_one_attempt_each_and_not_four(five: Five) -> None:
    assert [work.queued.attempts for work in five.works] == [1] * 5
    assert len(five.asked) == sum(work.queued.calls for work in five.works) <= 10


def test_a_completed_task_has_its_change_and_its_evidence_on_disk(five: Five) -> None:
    for work in five.works:
        assert "+++ b/" in Path(work.queued.change_path or "").read_text()
        assert (work.results.folder / "verdict.json").stat().st_size > 0


@pytest.mark.parametrize(("end", "verdict"), itertools.product(AttemptEnd, VerdictKind))
def test_nothing_but_an_accepted_verdict_completes_a_task(end: AttemptEnd, verdict: VerdictKind) -> None:
    judged = Judged(an_attempt(end=end), replace(a_verdict(), kind=verdict, score=1.0), "slug")
    outcome = decide(a_task(max_attempts=1), [judged], seconds=0.0, budget_usd=Decimal(1))
    completed = outcome is not None and outcome.status is TaskStatus.COMPLETED
    assert completed == (verdict is VerdictKind.ACCEPTED)


def test_there_is_no_mock_to_fall_back_on() -> None:
    assert not [row.fault for row in TABLE if "mock" in f"{row.fault} {row.seen_as} {row.next}".lower()]
    assert {"mock", "fake", "simulate"}.isdisjoint(word for step in Next for word in step.split())


def test_when_no_model_can_be_asked_the_task_fails_and_nothing_is_made_up(
    line: Line,
) -> None:
    work = line.do(task_type="analysis", description="Report on it.", models=["twin/nowhere"])
    assert (work.queued.status, work.queued.failure_reason) == (
        TaskStatus.FAILED,
        FailureReason.INFRASTRUCTURE,
    ), work.queued.detail
    assert work.queued.change_path is None and not (work.results.folder / "change.patch").exists()


def test_a_test_file_that_says_def_test_auth_pass_is_not_accepted(line: Line) -> None:
    work = line.do(
        task_type="unit_test",
        target_file="auth.py",
        description="Test login.",
        models=[CAPABLE],
        max_attempts=1,
    )
    assert (work.queued.status, work.queued.failure_reason) == (TaskStatus.FAILED, FailureReason.REJECTED)
    assert "def test_auth():\n+    pass" in (work.results.folder / "attempt-1" / "attempt.patch").read_text()
    assert work.queued.change_path is None
