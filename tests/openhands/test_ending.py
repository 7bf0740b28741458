"""How an attempt ended, from what the sandbox's keeper, the gateway and the client say."""

from dataclasses import replace
from decimal import Decimal

import pytest

from nightcrew.execution.attempt import AttemptEnd, StopCause, Stopped
from nightcrew.execution.execution_engine import DoorUsage
from nightcrew.execution.sandbox import Completed
from nightcrew.openhands.ending import how_it_ended
from nightcrew.openhands.inside.protocol import ErrorFacts, Result

OPEN = DoorUsage(
    calls=4,
    input_tokens=400,
    output_tokens=40,
    cost_usd=Decimal("0.01"),
    models_served=("a/b",),
    stopped=None,
    infrastructure=False,
)
DONE = Completed(returncode=0, stdout=b"", stderr=b"", seconds=12.0, killed_by=None)
FINISHED = Result(status="finished", finish_called=True, last_message="did it", calls=4)
RATE_LIMITED = Result(status="error", error=ErrorFacts(name="LLMRateLimitError", status=429))

RESULTS = [
    ("the finish tool was called", FINISHED, AttemptEnd.FINISHED),
    ("plain prose, which the SDK calls finished", Result(status="finished", nudges=1), AttemptEnd.PROSE),
    ("an answer cut off", Result(status="finished", finish_reason="length"), AttemptEnd.TRUNCATED),
    (
        "tool calls cut off",
        Result(status="stuck", finish_reason="length", tool_errors=4),
        AttemptEnd.TRUNCATED,
    ),
    ("unreadable tool calls", Result(status="stuck", tool_errors=4), AttemptEnd.INVALID_OUTPUT),
    ("the same again and again", Result(status="stuck"), AttemptEnd.STUCK),
    (
        "too many iterations",
        Result(status="error", error=ErrorFacts(name="MaxIterationsReached")),
        AttemptEnd.ITERATION_LIMIT,
    ),
    ("out of time", Result(status="paused", timed_out=True), AttemptEnd.WALL_TIME),
    ("a rate limit that the gateway let through", RATE_LIMITED, AttemptEnd.INFRASTRUCTURE),
    (
        "a model without tool use",
        Result(status="error", error=ErrorFacts(name="NotFoundError", status=404)),
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "the client crashed",
        Result(status="crashed", error=ErrorFacts(name="ImportError")),
        AttemptEnd.INFRASTRUCTURE,
    ),
    ("a status nobody asked for", Result(status="waiting_for_confirmation"), AttemptEnd.INFRASTRUCTURE),
]


@pytest.mark.parametrize(("_", "result", "end"), RESULTS, ids=[case[0] for case in RESULTS])
def test_what_the_client_says_is_judged(_: str, result: Result, end: AttemptEnd) -> None:
    report = how_it_ended(result, DONE, OPEN)
    assert report.end == end
    assert report.detail


@pytest.mark.parametrize(
    ("killed_by", "end"),
    [
        ("wall_time", AttemptEnd.WALL_TIME),
        ("cancelled", AttemptEnd.CANCELLED),
        ("memory", AttemptEnd.KILLED),
        ("disk", AttemptEnd.KILLED),
        ("output", AttemptEnd.KILLED),
    ],
)
def test_the_sandbox_keeper_has_the_first_word(killed_by: str, end: AttemptEnd) -> None:
    assert how_it_ended(FINISHED, replace(DONE, killed_by=killed_by), OPEN).end == end  # type: ignore[arg-type]


def test_finished_without_one_model_call_is_not_believed() -> None:
    assert how_it_ended(FINISHED, DONE, replace(OPEN, calls=0)).end == AttemptEnd.INFRASTRUCTURE


@pytest.mark.parametrize(
    ("stopped", "infrastructure", "end"),
    [
        (Stopped(StopCause.BUDGET, "the task may spend no more than 1.00 USD"), False, AttemptEnd.BUDGET),
        (
            Stopped(
                StopCause.MODELS, "no model of the plan can take this request (a/b: no budget for tools)"
            ),
            False,
            AttemptEnd.MODEL_UNFIT,
        ),
        (Stopped(StopCause.ACCOUNT, "the provider refuses the account"), True, AttemptEnd.INFRASTRUCTURE),
    ],
)
def test_the_gateway_knows_why_a_call_failed(stopped: Stopped, infrastructure: bool, end: AttemptEnd) -> None:
    usage = replace(OPEN, stopped=stopped, infrastructure=infrastructure)
    report = how_it_ended(RATE_LIMITED, DONE, usage)
    assert (report.end, report.detail) == (end, str(stopped))


def test_a_client_killed_from_inside_is_no_excuse() -> None:
    assert how_it_ended(None, replace(DONE, returncode=137), OPEN).end == AttemptEnd.KILLED


def test_a_client_that_dies_without_a_word_is_our_fault() -> None:
    report = how_it_ended(None, replace(DONE, returncode=1, stderr=b"No module named x"), OPEN)
    assert report.end == AttemptEnd.INFRASTRUCTURE
    assert "No module named x" in report.detail


def test_the_last_message_of_the_agent_goes_along() -> None:
    assert how_it_ended(FINISHED, DONE, OPEN).last_message == "did it"


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (
            Result(status="finished", nudges=1, last_message="I cannot\nhelp"),
            'when asked to act: "I cannot help"',
        ),
        (
            Result(status="finished", finish_called=True, last_error="file_editor: no such folder"),
            'the last error of a tool: "file_editor: no such folder"',
        ),
        (Result(status="stuck", last_error="terminal: x" * 200), 'a tool: "terminal: x'),
        (Result(status="stuck", last_action="terminal ls" * 200), 'its last action: "terminal ls'),
    ],
)
def test_an_end_names_what_happened_before(result: Result, says: str) -> None:
    detail = how_it_ended(result, DONE, OPEN).detail
    assert says in detail
    assert len(detail) < 500
