"""Attempts and verdicts as the tests of the flows need them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from nightcrew.execution.attempt import Attempt, AttemptEnd
from nightcrew.task import ExecutorName, Task
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind
from nightcrew.work.outcome import Judged

PATCH = "--- a/pricing.py\n+++ b/pricing.py\n@@ -1 +1 @@\n-one\n+two\n"


def a_task(**values: object) -> Task:
    return Task.model_validate({"description": "tidy up", "repo": "https://example.org/r.git", **values})


def an_attempt(
    number: int = 1,
    *,
    end: AttemptEnd = AttemptEnd.FINISHED,
    cost_usd: str = "0",
    detail: str = "done",
    patch: str = PATCH,
) -> Attempt:
    began = datetime(2026, 8, 16, tzinfo=UTC)
    return Attempt(
        attempt_id=f"t-1:{number}",
        task_id="t-1",
        number=number,
        executor=ExecutorName.DIRECT,
        model=f"model-{number}",
        models_served=(f"model-{number}",),
        started_at=began,
        ended_at=began + timedelta(seconds=3),
        end=end,
        detail=detail,
        patch=patch,
        calls=2,
        input_tokens=100,
        output_tokens=20,
        cost_usd=Decimal(cost_usd),
    )


def a_verdict(
    kind: VerdictKind = VerdictKind.REJECTED, score: float = 0.0, feedback: str = "be bolder"
) -> Verdict:
    gate = GateResult("applies", GateOutcome.PASS, "the patch applies")
    return Verdict(kind, score, (gate,), "what was found", feedback)


def judged(
    kind: VerdictKind = VerdictKind.REJECTED,
    *,
    number: int = 1,
    end: AttemptEnd = AttemptEnd.FINISHED,
    cost_usd: str = "0",
) -> Judged:
    attempt = an_attempt(number, end=end, cost_usd=cost_usd)
    return Judged(attempt, replace(a_verdict(), kind=kind, score=0.9 if kind == "accepted" else 0.1), "slug")
