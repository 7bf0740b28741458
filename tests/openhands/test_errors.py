"""One test per row: each error as the SDK 1.58 and LiteLLM 1.105 report it when a server fails that way."""

import subprocess
import sys

import pytest

from nightcrew.errors import (
    AccountStopped,
    BudgetReached,
    Fatal,
    ModelUnfit,
    NightcrewError,
    Transient,
)
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.openhands.errors import ERROR_TABLE, classify_error
from nightcrew.openhands.inside.protocol import ErrorFacts

CASES: list[tuple[str, ErrorFacts, type[NightcrewError], AttemptEnd]] = [
    (
        "connection refused",
        ErrorFacts(
            name="LLMServiceUnavailableError",
            cause="InternalServerError",
            status=500,
            text="Connection error.",
        ),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "connection dropped, no status known",
        ErrorFacts(name="LLMServiceUnavailableError", cause="APIConnectionError"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "read timeout",
        ErrorFacts(
            name="LLMTimeoutError", cause="Timeout", status=408, text="LLM hard timeout after 2 seconds"
        ),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "timeout without a status",
        ErrorFacts(name="LLMTimeoutError"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "424, the gateway's own",
        ErrorFacts(name="APIError", status=424, text="no model of the plan can be reached now"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "504",
        ErrorFacts(name="LLMTimeoutError", cause="Timeout", status=504),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "401",
        ErrorFacts(
            name="LLMAuthenticationError", cause="AuthenticationError", status=401, text="No auth credentials"
        ),
        AccountStopped,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "401 of a wrapper",
        ErrorFacts(name="APIError", status=401),
        AccountStopped,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "402, which the SDK calls transient",
        ErrorFacts(name="APIError", status=402, text="Insufficient credits"),
        BudgetReached,
        AttemptEnd.BUDGET,
    ),
    (
        "403, which the SDK calls transient",
        ErrorFacts(name="APIError", status=403, text="Your input was flagged"),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "404",
        ErrorFacts(name="NotFoundError", status=404, text="No endpoints found that support tool use"),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "400 invalid model",
        ErrorFacts(
            name="LLMBadRequestError", cause="BadRequestError", status=400, text="x is not a valid model ID"
        ),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "bad request without a status",
        ErrorFacts(name="LLMBadRequestError"),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "400 context window",
        ErrorFacts(name="LLMContextWindowExceedError", cause="BadRequestError", status=400),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "400 context window, not recognised by the SDK",
        ErrorFacts(
            name="LLMBadRequestError", status=400, text="This model's maximum context length is 8192 tokens"
        ),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "context window too small to begin with",
        ErrorFacts(name="LLMContextWindowTooSmallError"),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "content filter",
        ErrorFacts(name="LLMContentPolicyViolationError", cause="BadRequestError", status=400),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "malformed history",
        ErrorFacts(name="LLMMalformedConversationHistoryError", cause="BadRequestError", status=400),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "413, which the SDK calls transient",
        ErrorFacts(name="APIError", status=413),
        ModelUnfit,
        AttemptEnd.MODEL_UNFIT,
    ),
    (
        "429 a minute",
        ErrorFacts(name="LLMRateLimitError", cause="RateLimitError", status=429, text="free-models-per-min"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "429 without a status",
        ErrorFacts(name="LLMRateLimitError"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "429 a day",
        ErrorFacts(name="LLMRateLimitError", cause="RateLimitError", status=429, text="free-models-per-day"),
        BudgetReached,
        AttemptEnd.BUDGET,
    ),
    (
        "502",
        ErrorFacts(name="BadGatewayError", status=502),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "503",
        ErrorFacts(name="LLMServiceUnavailableError", cause="ServiceUnavailableError", status=503),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "529",
        ErrorFacts(name="APIError", status=529),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "a wrapper without a status",
        ErrorFacts(name="APIError"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "200 without choices",
        ErrorFacts(name="LLMNoResponseError", text="Response choices is less than 1"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "200 with HTML",
        ErrorFacts(name="APIError", status=200),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "an SDK that has changed",
        ErrorFacts(name="ImportError", text="this OpenHands SDK has no load_available_plugins"),
        Fatal,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "a fault inside the SDK",
        ErrorFacts(name="KeyError", text="'x'"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
    (
        "never seen before",
        ErrorFacts(name="NovelError", text="what?"),
        Transient,
        AttemptEnd.INFRASTRUCTURE,
    ),
]


@pytest.mark.parametrize(("_", "error", "treatment", "end"), CASES, ids=[case[0] for case in CASES])
def test_error_is_classified_by_what_to_do_next(
    _: str, error: ErrorFacts, treatment: type[NightcrewError], end: AttemptEnd
) -> None:
    row = classify_error(error)
    assert (row.treatment, row.end) == (treatment, end)


def test_every_row_is_reached_by_a_case() -> None:
    reached = {id(classify_error(case[1])) for case in CASES}
    assert [row for row in ERROR_TABLE if id(row) not in reached] == []


def test_a_command_line_that_runs_agents_never_loads_the_sdk() -> None:
    """The process that holds the key imports the adapter; neither `openhands` nor `litellm` comes with it."""
    code = (
        "import sys, nightcrew.openhands.adapter, nightcrew.openhands.errors\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('openhands', 'litellm')])"
    )
    shown = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
