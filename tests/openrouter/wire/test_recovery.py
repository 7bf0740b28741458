"""Every row of the recovery table, recognised from what really comes over the wire."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.openrouter.wire.answers import Outcome, from_chunk_error, from_no_reply, from_reply
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.openrouter.wire.recovery import TABLE, Charged, documentation, row_of
from nightcrew.openrouter.wire.replies import Reply

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def error(code: object, message: str = "", **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "metadata": metadata}}


def reply(status: int, body: dict[str, Any] | None, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, body, "" if body is not None else "<html>502 Bad Gateway</html>")


def failed(status: int, message: str = "", **metadata: Any) -> Reply:
    return reply(status, error(status, message, **metadata))


def named(status: int, **fields: Any) -> Reply:
    return reply(status, {"error": {"message": "no", **fields}})


def answer(finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": finish, "message": {"role": "assistant", **message}}]}


PER_DAY = (
    "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
)
IN_MS = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795478400000"}
PER_MINUTE = {"X-RateLimit-Limit": "16"}
UPSTREAM = {"provider_name": "Chutes", "raw": "x is temporarily rate-limited upstream"}

HALF = {**answer("error", content="half")}
HALF["choices"][0]["error"] = {"code": 502, "message": "Provider disconnected"}

# fault, reply: one line per form in which it has been seen.
REPLIES: list[tuple[str, Reply]] = [
    ("key_limit", failed(403, "Key limit exceeded (daily limit). Manage it in the settings")),
    ("key_limit", failed(403, "The workspace budget has been exceeded")),
    ("unauthorized", failed(401, "User not found.")),
    ("unauthorized", failed(401, "No auth credentials found")),
    ("too_expensive", failed(402, "This requires more credits, or fewer max_tokens. You can only afford 12")),
    ("payment_required", failed(402, "Insufficient credits. Add more using the credits page")),
    ("payment_required", failed(402, error_type="payment_required")),
    ("quota_day", reply(429, error(429, PER_DAY), IN_MS)),
    ("quota_day", reply(200, error(429, "Rate limit exceeded: free-models-per-day", headers=IN_MS))),
    ("quota_minute", failed(429, "Rate limit exceeded: free-models-per-min", headers=PER_MINUTE)),
    ("quota_minute", reply(429, error(429, "Rate limit exceeded"), {"x-ratelimit-limit": "20"})),
    ("price_rose", failed(404, "No endpoints found that match max_price")),
    ("free_period_ended", failed(404, "The free x period has ended. Please migrate to the paid slug: y")),
    ("free_period_ended", named(404, availability={"code": "free_variant_ended"})),
    ("no_tool_use", failed(404, "No endpoints found that support tool use. To learn more, ...")),
    ("data_policy", failed(404, "No endpoints found matching your data policy (Free model training).")),
    ("region", named(403, http_status=403, availability={"code": "region_restricted"})),
    ("model_gone", failed(404, "No endpoints found for x/y:free.")),
    ("model_gone", failed(400, "x/y is not a valid model ID")),
    ("model_gone", named(400, type="model_not_found", code="x")),
    ("context_overflow", failed(400, "This endpoint's maximum context length is 8192 tokens. However, ...")),
    ("context_overflow", failed(400, "no", error_type="context_length_exceeded")),
    ("context_overflow", failed(413, "Request entity too large")),
    ("refused_content", failed(403, "x requires moderation. Your input was flagged", reasons=["violence"])),
    ("refused_content", failed(403, "Request blocked by a guardrail", patterns=["secret"])),
    ("refused_content", failed(400, "no", error_type="content_policy_violation")),
    ("forbidden", failed(403, "You do not have access to this model")),
    ("invalid_request", failed(400, "Invalid request")),
    ("invalid_request", failed(422, "Unprocessable request")),
    ("upstream_rate_limit", failed(429, "Provider returned error", **UPSTREAM)),
    ("upstream_rate_limit", failed(429, "Provider returned error", provider_name="X", raw="limit of X")),
    ("upstream_rate_limit", reply(200, error(429, "Provider returned error", **UPSTREAM))),
    ("upstream_rate_limit", reply(429, {"error": {"message": "Rate limit reached", "type": "requests"}})),
    ("upstream_timeout", failed(408, "Request timed out")),
    ("upstream_timeout", reply(524, None)),
    ("upstream_timeout", reply(200, error(504, "The provider timed out"))),
    ("provider_failed", failed(502, "Provider returned error", provider_name="X")),
    ("provider_failed", reply(200, error(502, "Provider returned error"))),
    ("provider_failed", reply(502, None)),
    ("provider_overloaded", failed(503, "There is no available model provider")),
    ("provider_overloaded", failed(529, "Overloaded")),
    ("server_error", failed(500, "Internal Server Error")),
    ("server_error", reply(200, error("server_error", "boom"))),
    ("server_error", reply(520, None)),
    ("unknown_status", failed(418, "teapot")),
    ("error_in_200", reply(200, {"error": {"message": "Something went wrong"}})),
    ("error_in_200", reply(200, {"error": "Something went wrong"})),
    ("not_json", reply(200, None)),
    ("mid_stream_error", reply(200, answer("error", content="half"))),
    ("mid_stream_error", reply(200, HALF)),
    ("empty_completion", reply(200, answer(content=""))),
    ("empty_completion", reply(200, answer(content="  \n", reasoning="I think"))),
    ("empty_completion", reply(200, answer(content=None))),
    ("empty_completion", reply(200, {"choices": []})),
    ("empty_completion", reply(200, {})),
]  # fmt: skip

UNSEEN_ON_THE_WIRE = {
    "abandoned",
    "budget_reached",
    "price_unknown",
    "not_measurable",
    "disk_full",
    "sandbox_unavailable",
    "state_store_down",
    "prefect_api_down",
}


@pytest.mark.parametrize(("fault", "seen"), REPLIES)
def test_a_reply_is_recognised(fault: str, seen: Reply) -> None:
    outcome = from_reply(seen, now=NOW)
    assert outcome.row is not None and outcome.row.fault == fault


@pytest.mark.parametrize("fault", ["connection_failed", "connection_lost", "timeout", "abandoned"])
def test_no_reply_is_recognised(fault: str) -> None:
    outcome = from_no_reply(NoReply(fault, "why", sent=fault != "connection_failed"))
    assert outcome.row is not None and outcome.row.fault == fault
    assert outcome.may_have_cost == (fault != "connection_failed")


@pytest.mark.parametrize(
    ("fault", "chunk"),
    [
        ("mid_stream_error", error("server_error", "Provider disconnected unexpectedly")),
        ("mid_stream_error", error(502, "Provider disconnected unexpectedly")),
        ("mid_stream_error", {"choices": [{"delta": {}, "finish_reason": "error"}]}),
        ("upstream_rate_limit", error(429, "Provider returned error", **UPSTREAM)),
        ("quota_day", error(429, "Rate limit exceeded: free-models-per-day", headers=IN_MS)),
        ("payment_required", error(402, "Insufficient credits")),
    ],
)
def test_an_error_in_a_stream_is_recognised(fault: str, chunk: dict[str, Any]) -> None:
    outcome = from_chunk_error(chunk, reply(200, {}), now=NOW)
    assert outcome.row is not None and outcome.row.fault == fault


@pytest.mark.parametrize(
    "body",
    [answer(content="yes"), answer("tool_calls", tool_calls=[{"id": "1"}]), answer("length", content="ha")],
)
def test_an_answer_is_no_fault(body: dict[str, Any]) -> None:
    assert from_reply(reply(200, body), now=NOW).row is None


def test_every_row_has_a_form_in_which_it_is_seen() -> None:
    seen = {fault for fault, _ in REPLIES} | {"connection_failed", "connection_lost", "timeout"}
    ends = {row.fault for row in TABLE if row.ends}
    assert {row.fault for row in TABLE} - UNSEEN_ON_THE_WIRE - ends == seen


@pytest.mark.parametrize("end", AttemptEnd)
def test_every_end_of_an_attempt_has_one_row_and_faults_never_touch_a_models_skill(end: AttemptEnd) -> None:
    (row,) = [row for row in TABLE if end in row.ends]
    if end.is_fault:
        assert row.charged is not Charged.MODEL


def test_only_poor_work_is_charged_to_a_model() -> None:
    charged = {row.fault for row in TABLE if row.charged is Charged.MODEL}
    assert not charged & {fault for fault, _ in REPLIES}
    assert {row.fault_class for row in TABLE if row.charged is Charged.MODEL} == {row_of("prose").fault_class}


def test_names_are_unique_and_the_documentation_has_them_all() -> None:
    names = [row.fault for row in TABLE]
    assert len(set(names)) == len(names)
    assert [line.split("`")[1] for line in documentation().splitlines()[2:]] == names


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1795478400000", 43_200), ("1795478400", 43_200), ("43200", 43_200), ("nonsense", None), ("-1", None)],
)
def test_a_reset_is_read_in_milliseconds_seconds_and_from_now(header: str, seconds: int | None) -> None:
    limited = reply(429, error(429, PER_DAY), {"X-RateLimit-Limit": "50", "X-RateLimit-Reset": header})
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert from_reply(limited, now=NOW).trouble.reset_at == expected


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    outcome = from_reply(reply(503, error(503, "busy"), headers), now=NOW)
    assert outcome.trouble.retry_after_seconds == seconds


def test_an_outcome_says_in_a_sentence_what_happened() -> None:
    assert "Chutes" not in Outcome(None).message
    outcome = from_reply(failed(429, "Provider returned error", **UPSTREAM), now=NOW)
    assert "temporarily rate-limited upstream" in outcome.message
    assert outcome.trouble.provider == "Chutes"
