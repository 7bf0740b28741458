"""A small night's work, recorded at fixed times: the rows of every view can be worked out by hand.

- t-tests: a lazy model is rejected; the second attempt meets a 429, goes on with another model, is accepted
- t-docs: accepted at the first try by a free model, whose call was written as text and repaired
- t-prose: a model that answers in text, and an unreadable call of unknown cost; fails as rejected
- t-outage: the provider is down; fails as infrastructure
- t-killed: the process was killed in the middle of the attempt
- t-waits: submitted, not begun
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from nightcrew.execution.attempt import Attempt, AttemptEnd, ModelCall, Rescue
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.selection.plan import Filtered, FilterName, Plan, Removal, Rung
from nightcrew.task import (
    ExecutorName,
    FailureReason,
    Task,
    TaskPriority,
    TaskStatus,
    TaskType,
)
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

LAZY, GOOD, FREE = "maker/lazy", "maker/good", "maker/free:free"
DIRECT, LOOP = ExecutorName.DIRECT, ExecutorName.OPENHANDS
SECRET = "the-words-of-the-prompt"


class Clock:
    """A clock that goes only when it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def at(self, minute: float) -> None:
        """So many minutes after the night's begin."""
        self.now = datetime(2026, 11, 23, 21, 0, tzinfo=UTC) + timedelta(minutes=minute)


def task(
    task_id: str,
    task_type: TaskType = TaskType.BUG_FIX,
    priority: TaskPriority = TaskPriority.NORMAL,
) -> Task:
    """A task whose description must not be found in the ledger."""
    return Task(
        task_id=task_id,
        task_type=task_type,
        priority=priority,
        description=f"do it: {SECRET}",
        repo="https://example.org/shop.git",
        target_file="shop/cart.py",
    )


def call(
    attempt_id: str,
    sequence: int,
    model: str,
    cost: str | None,
    *,
    started_at: datetime,
    status: int | None = 200,
    served: str | None = None,
    fault: str | None = None,
    rescues: tuple[Rescue, ...] | None = None,
) -> ModelCall:
    """A request of 100 tokens that is answered with 20, or refused."""
    answered = fault is None
    return ModelCall(
        call_id=f"{attempt_id}:{sequence}",
        attempt_id=attempt_id,
        task_id=attempt_id.partition(":")[0],
        sequence=sequence,
        asked_model=model,
        served_model=(served or model) if answered else None,
        provider="ProviderOne",
        started_at=started_at,
        duration_ms=2000.0 if answered else 500.0,
        first_token_ms=200.0 if answered else None,
        http_status=status,
        input_tokens=100 if answered else 0,
        output_tokens=20 if answered else 0,
        cached_tokens=40 if answered else 0,
        reasoning_tokens=5 if answered else 0,
        cost_usd=None if cost is None else Decimal(cost),
        input_price_usd=Decimal("0.00000015"),
        output_price_usd=Decimal("0.0000006"),
        finish_reason="stop" if answered else None,
        fault=fault,
        generation_id=f"gen-{sequence}" if answered else None,
        streamed=True,
        quota_window=f"{started_at:%Y-%m-%d}" if model.endswith(":free") else None,
        rescues=rescues,
    )


def attempt(
    attempt_id: str,
    model: str,
    *,
    began: datetime,
    ended: datetime,
    end: AttemptEnd = AttemptEnd.FINISHED,
    executor: ExecutorName = DIRECT,
    served: tuple[str, ...] = (),
) -> Attempt:
    """An attempt that changes three lines if it finished."""
    task_id, _, number = attempt_id.partition(":")
    return Attempt(
        attempt_id=attempt_id,
        task_id=task_id,
        number=int(number),
        executor=executor,
        model=model,
        models_served=served or (model,),
        started_at=began,
        ended_at=ended,
        end=end,
        detail=f"ended as {end}",
        patch=f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n-- {SECRET}\n+a\n+b\n"
        if end is AttemptEnd.FINISHED
        else "",
        calls=0,
        input_tokens=0,
        output_tokens=0,
        cost_usd=Decimal(0),
    )


def verdict(kind: VerdictKind, score: float, *gates: tuple[str, GateOutcome]) -> Verdict:
    """A verdict with gates; their evidence and the feedback must not be found in the ledger."""
    return Verdict(
        kind=kind,
        score=score,
        gates=tuple(
            GateResult(name, outcome, f"{name}: {outcome}", "do better", {"output": SECRET}, 0.5)
            for name, outcome in gates
        ),
        summary=f"The change is {kind}.",
        feedback=SECRET,
    )


def plan(*rungs: tuple[ExecutorName, str, float]) -> Plan:
    """A ladder of (executor, model, predicted success)."""
    steps = tuple(Rung(executor, model, model, p, 0.001, 30.0, 4) for executor, model, p in rungs)
    return Plan(
        rungs=steps,
        alternatives=steps[1:],
        filtered=(Filtered("maker/small", Removal(FilterName.CONTEXT, "too small")),),
        policy="ladder",
        explanation="the cheapest that is good enough comes first",
    )


def record_tests_task(crew: MetricsCollector, clock: Clock) -> None:
    """Rejected, then accepted after a rotation."""
    work = task("t-tests", TaskType.UNIT_TEST, TaskPriority.HIGH)
    clock.at(0)
    crew.task_submitted(work)
    clock.at(1)
    crew.task_started("t-tests", base_commit="a" * 40, flow_run_id="flow-1")
    crew.decision("t-tests", 1, plan((DIRECT, LAZY, 0.7), (LOOP, GOOD, 0.9)))
    crew.attempt_started(work, "t-tests:1", 1, DIRECT, LAZY)
    crew.model_call(call("t-tests:1", 1, LAZY, "0.001", started_at=clock.now))
    began = clock.now
    clock.at(2)
    crew.attempt_finished(attempt("t-tests:1", LAZY, began=began, ended=clock.now))
    crew.verdict(
        "t-tests:1",
        "t-tests",
        verdict(VerdictKind.REJECTED, 0.25, ("syntax", GateOutcome.PASS), ("asserts", GateOutcome.FAIL)),
    )
    crew.decision("t-tests", 2, plan((LOOP, GOOD, 0.9)))
    crew.attempt_started(work, "t-tests:2", 2, LOOP, GOOD)
    began = clock.now
    crew.model_call(call("t-tests:2", 1, GOOD, "0.0000000015", started_at=clock.now))
    clock.at(3)
    limited = call("t-tests:2", 2, GOOD, None, started_at=clock.now, status=429, fault="rate_limited")
    crew.model_call(limited)
    crew.model_call(call("t-tests:2", 3, FREE, "0.002", started_at=clock.now + timedelta(seconds=1)))
    clock.at(5)
    crew.attempt_finished(
        attempt("t-tests:2", GOOD, began=began, ended=clock.now, executor=LOOP, served=(GOOD, FREE))
    )
    gates = (("syntax", GateOutcome.PASS), ("asserts", GateOutcome.PASS))
    crew.verdict("t-tests:2", "t-tests", verdict(VerdictKind.ACCEPTED, 0.875, *gates))
    crew.task_finished("t-tests", TaskStatus.COMPLETED, None, "accepted", Path("/results/t-tests"))


def record_docs_task(crew: MetricsCollector, clock: Clock) -> None:
    """Accepted at once, free of charge."""
    work = task("t-docs", TaskType.DOCUMENTATION)
    clock.at(0)
    crew.task_submitted(work)
    clock.at(10)
    crew.task_started("t-docs")
    crew.decision("t-docs", 1, plan((DIRECT, FREE, 0.5)))
    crew.attempt_started(work, "t-docs:1", 1, DIRECT, FREE)
    repaired = (Rescue("text_call", True), Rescue("arguments", True))
    crew.model_call(
        call("t-docs:1", 1, FREE, "0", started_at=clock.now, served="maker/free-2", rescues=repaired)
    )
    began = clock.now
    clock.at(11)
    crew.attempt_finished(attempt("t-docs:1", FREE, began=began, ended=clock.now, served=("maker/free-2",)))
    gates = (("syntax", GateOutcome.PASS), ("docstrings", GateOutcome.NOT_MEASURABLE))
    crew.verdict("t-docs:1", "t-docs", verdict(VerdictKind.NOT_MEASURABLE, 0.5, *gates))
    crew.task_finished("t-docs", TaskStatus.NEEDS_REVIEW, None, "a gate could not be run", None)
    clock.at(12)  # a person looks at it, and it is judged again
    gates = (("syntax", GateOutcome.PASS), ("docstrings", GateOutcome.PASS))
    crew.verdict("t-docs:1", "t-docs", verdict(VerdictKind.ACCEPTED, 0.75, *gates))
    crew.task_finished("t-docs", TaskStatus.COMPLETED, None, "accepted", Path("/results/t-docs"))
    crew.task_delivered("t-docs", status="not_delivered", detail="not delivered: the server is away")
    clock.at(13)
    crew.task_delivered(
        "t-docs",
        status="delivered",
        branch="nightcrew/t-docs",
        commit_id="d" * 40,
        onto="a" * 40,
        detail="delivered",
    )
    crew.pull_followed("t-docs", status="open", pull_request=7, rounds=1)
    clock.at(14)
    crew.pull_followed("t-docs", status="merged", pull_request=7, rounds=1)


def record_failures(crew: MetricsCollector, clock: Clock) -> None:
    """Three that came to nothing, and one that waits."""
    for task_id, begin in (("t-prose", 20), ("t-outage", 30), ("t-killed", 40)):
        clock.at(begin - 5)
        crew.task_submitted(task(task_id))
        clock.at(begin)
        crew.task_started(task_id)
        crew.attempt_started(task(task_id), f"{task_id}:1", 1, DIRECT, LAZY)
    clock.at(20)
    began = clock.now
    unread = (Rescue("text_call", False),)
    crew.model_call(call("t-prose:1", 1, LAZY, None, started_at=clock.now, rescues=unread))
    clock.at(21)
    crew.attempt_finished(attempt("t-prose:1", LAZY, began=began, ended=clock.now, end=AttemptEnd.PROSE))
    crew.task_finished("t-prose", TaskStatus.FAILED, FailureReason.REJECTED, "no model got it right", None)
    clock.at(30)
    began = clock.now
    down = call("t-outage:1", 1, LAZY, "0", started_at=clock.now, status=503, fault="unavailable")
    crew.model_call(down)
    clock.at(31)
    crew.attempt_finished(
        attempt("t-outage:1", LAZY, began=began, ended=clock.now, end=AttemptEnd.INFRASTRUCTURE)
    )
    crew.task_finished("t-outage", TaskStatus.FAILED, FailureReason.INFRASTRUCTURE, "no provider", None)
    clock.at(40)
    crew.model_call(call("t-killed:1", 1, LAZY, "0.004", started_at=clock.now))
    clock.at(45)
    crew.task_submitted(task("t-waits", priority=TaskPriority.LOW))


def record_night(ledger_dir: Path) -> None:
    """The whole story, by one owner."""
    clock = Clock()
    with MetricsCollector(ledger_dir, "night", clock=clock) as crew:
        record_tests_task(crew, clock)
        record_docs_task(crew, clock)
        record_failures(crew, clock)
        crew.flush()
