import json
import time
from typing import Any

import httpx
import pytest

from nightcrew.testing import Fault, FaultKind, ScriptedModel, Twin
from tests.testing.support import FREE, PAID, body, chat, scenario, stream, tool

TERMINAL = tool("terminal", "command")
EDITOR = tool("file_editor", "command", "path", "file_text", "summary", "security_risk")


def test_catalogue_has_openrouters_envelope_and_prices_as_strings_per_token() -> None:
    with Twin(scenario()) as twin:
        catalogue = httpx.get(f"{twin.base_url}/models").json()
    assert (catalogue["total_count"], catalogue["links"]) == (2, {"next": None})
    paid = next(record for record in catalogue["data"] if record["id"] == PAID)
    assert paid["pricing"] == {"prompt": "0.000001", "completion": "0.000002", "request": "0"}
    assert "tools" in paid["supported_parameters"]
    assert paid["context_length"] == paid["top_provider"]["context_length"] == 131_072
    assert "nightcrew-twin" in paid["description"]


def test_catalogue_shows_odd_fields_as_the_scenario_wants_them() -> None:
    odd = ScriptedModel(id="twin/odd", tools=False, record={"context_length": None, "new_field": [1]})
    with Twin(scenario(models=(odd,))) as twin:
        (record,) = httpx.get(f"{twin.base_url}/models").json()["data"]
    assert (record["context_length"], record["new_field"]) == (None, [1])
    assert "tools" not in record["supported_parameters"]


def test_completion_carries_usage_cost_generation_and_the_twins_name() -> None:
    with Twin(scenario()) as twin:
        response = chat(twin, body(PAID))
        data = response.json()
        generation = httpx.get(f"{twin.base_url}/generation", params={"id": data["id"]}).json()["data"]
        key = httpx.get(f"{twin.base_url}/key").json()["data"]
    usage = data["usage"]
    cost = usage["prompt_tokens"] * 1e-6 + usage["completion_tokens"] * 2e-6
    assert usage["cost"] == pytest.approx(cost) and cost > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert response.headers["x-generation-id"] == data["id"] == generation["id"]
    assert generation["total_cost"] == key["usage"] == pytest.approx(cost)
    assert data["provider"] == generation["provider_name"] == "nightcrew-twin/works"
    assert response.headers["server"] == "nightcrew-twin"
    assert data["choices"][0]["finish_reason"] == "stop"
    assert data["choices"][0]["message"]["content"].startswith("### FILE src/box.py\n```\nSIZE = 2\n```")


def test_stream_says_the_same_as_the_whole_answer_with_usage_last() -> None:
    with Twin(scenario()) as twin:
        whole = chat(twin, body(PAID)).json()
        response, events, done = stream(twin, body(PAID))
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert text == whole["choices"][0]["message"]["content"]
    assert [event["usage"] for event in events if "usage" in event] == [whole["usage"]]
    assert "usage" in events[-1] and done
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert response.headers["x-generation-id"] == events[0]["id"]


def test_streamed_tool_call_comes_in_pieces_that_join_to_the_whole() -> None:
    request = body(PAID, tools=[TERMINAL, EDITOR])
    with Twin(scenario()) as twin:
        call = chat(twin, request).json()["choices"][0]["message"]["tool_calls"][0]
        _, events, _ = stream(twin, request)
    parts = [part for event in events for part in event["choices"][0]["delta"].get("tool_calls", ())]
    assert parts[0]["function"]["name"] == call["function"]["name"] == "file_editor"
    assert "".join(part["function"]["arguments"] for part in parts) == call["function"]["arguments"]
    assert {part["index"] for part in parts} == {0} and parts[0]["id"].startswith("call_")


STATUS_FORMS: list[tuple[FaultKind, int, int | str, str]] = [
    (FaultKind.UNAUTHORIZED, 401, 401, "User not found"),
    (FaultKind.PAYMENT_REQUIRED, 402, 402, "Insufficient credits"),
    (FaultKind.MODERATION, 403, 403, "requires moderation"),
    (FaultKind.GUARDRAIL, 403, 403, "guardrail"),
    (FaultKind.NO_ENDPOINTS, 404, 404, f"No endpoints found for {PAID}."),
    (FaultKind.NO_TOOL_USE, 404, 404, "support tool use"),
    (FaultKind.DATA_POLICY, 404, 404, "data policy"),
    (FaultKind.FREE_ENDED, 404, 404, f"migrate to the paid slug: {PAID}"),
    (FaultKind.BAD_REQUEST, 400, 400, "Invalid request"),
    (FaultKind.CONTEXT_LENGTH, 400, 400, "maximum context length is 131072 tokens"),
    (FaultKind.REQUEST_TIMEOUT, 408, 408, "timed out"),
    (FaultKind.PAYLOAD_TOO_LARGE, 413, 413, "too large"),
    (FaultKind.UNPROCESSABLE, 422, 422, "Unprocessable"),
    (FaultKind.RATE_LIMIT_UPSTREAM, 429, 429, "Provider returned error"),
    (FaultKind.CAPACITY_EXHAUSTED, 429, 429, "No capacity"),
    (FaultKind.RATE_LIMIT_MINUTE, 429, 429, "free-models-per-min"),
    (FaultKind.RATE_LIMIT_DAY, 429, 429, "free-models-per-day"),
    (FaultKind.SERVER_ERROR, 500, 500, "Internal Server Error"),
    (FaultKind.BAD_GATEWAY, 502, 502, "Provider returned error"),
    (FaultKind.UNAVAILABLE, 503, 503, "no available model provider"),
    (FaultKind.GATEWAY_TIMEOUT, 504, 504, "timed out"),
    (FaultKind.OVERLOADED, 529, 529, "overloaded"),
    (FaultKind.ERROR_IN_200, 200, 502, "Provider returned error"),
]


@pytest.mark.parametrize(
    ("kind", "status", "code", "message"), STATUS_FORMS, ids=lambda value: str(value)[:24]
)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_refusal_forms(kind: FaultKind, status: int, code: int | str, message: str, streamed: bool) -> None:
    with Twin(scenario(Fault(kind=kind, retry_after_seconds=7))) as twin:
        response = chat(twin, body(PAID, stream=streamed))
        (seen,) = twin.requests
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert message in error["message"]
    assert error["metadata"]["error_type"]
    if kind not in {FaultKind.RATE_LIMIT_DAY, FaultKind.RATE_LIMIT_MINUTE}:
        assert response.headers["retry-after"] == "7"
    assert (seen.fault, seen.status, seen.error_code, seen.usage) == (kind, status, code, None)


def test_upstream_429_names_the_provider_and_has_no_account_headers() -> None:
    with Twin(scenario(Fault(kind=FaultKind.RATE_LIMIT_UPSTREAM))) as twin:
        response = chat(twin, body(PAID))
    metadata = response.json()["error"]["metadata"]
    assert metadata["provider_name"] == "nightcrew-twin/works"
    assert "temporarily rate-limited upstream" in metadata["raw"]
    assert not [name for name in response.headers if name.startswith("x-ratelimit") or name == "retry-after"]


def test_a_fault_may_name_its_own_status_code_and_message() -> None:
    fault = Fault(kind=FaultKind.ERROR_IN_200, code=429, message="Rate limit exceeded")
    with Twin(scenario(fault, Fault(kind=FaultKind.SERVER_ERROR))) as twin:
        response = chat(twin, body())
    assert response.status_code == 200
    assert response.json()["error"]["code"] == 429


def test_html_where_json_is_expected() -> None:
    with Twin(scenario(Fault(kind=FaultKind.HTML_BODY, status=200))) as twin:
        response = chat(twin, body())
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("code", [502, "server_error"])
def test_error_in_mid_stream(code: int | str) -> None:
    with Twin(scenario(Fault(kind=FaultKind.MIDSTREAM_ERROR, code=code))) as twin:
        response, events, _ = stream(twin, body())
        partial = chat(twin, body()).json()
    assert response.status_code == 200
    assert events[-1]["error"]["code"] == code
    assert events[-1]["choices"][0]["finish_reason"] == "error"
    assert any(event["choices"][0]["delta"].get("content") for event in events[:-1])
    assert not any("usage" in event for event in events)
    assert partial["choices"][0]["finish_reason"] == "error"
    assert partial["choices"][0]["error"]["code"] == code


@pytest.mark.parametrize("kind", [FaultKind.DROPPED, FaultKind.MIDSTREAM_DROP])
@pytest.mark.parametrize("streamed", [False, True])
def test_connection_dropped(kind: FaultKind, streamed: bool) -> None:
    with Twin(scenario(Fault(kind=kind))) as twin, pytest.raises(httpx.TransportError):
        chat(twin, body(stream=streamed))


@pytest.mark.parametrize("streamed", [False, True])
def test_latency_and_drip_take_their_time(streamed: bool) -> None:
    faults = (Fault(kind=FaultKind.LATENCY, seconds=0.4, at_call=(1,), per="account"),)
    drip = Fault(kind=FaultKind.DRIP, seconds=0.4, at_call=(2,), per="account")
    with Twin(scenario(*faults, drip)) as twin:
        took = [_timed(twin, streamed) for _ in range(3)]
    assert min(took[:2]) >= 0.4
    assert took[2] < 0.4


def _timed(twin: Twin, streamed: bool) -> float:
    start = time.monotonic()
    assert chat(twin, body(stream=streamed)).status_code == 200
    return time.monotonic() - start


def test_a_dripping_answer_outlives_a_read_timeout_that_is_longer_than_its_gaps() -> None:
    with Twin(scenario(Fault(kind=FaultKind.DRIP, seconds=1.0))) as twin:
        response = httpx.post(f"{twin.base_url}/chat/completions", json=body(), timeout=httpx.Timeout(0.5))
    assert response.json()["choices"]


SPOILT: list[tuple[FaultKind, str, Any]] = [
    (FaultKind.EMPTY, "stop", None),
    (FaultKind.FINISH_ERROR, "error", None),
    (FaultKind.REFUSAL, "content_filter", "I can't help with that request."),
    (FaultKind.PROSE, "stop", "I would now run the tests and finish."),
]


@pytest.mark.parametrize(("kind", "finish", "text"), SPOILT)
def test_spoilt_answers(kind: FaultKind, finish: str, text: str | None) -> None:
    with Twin(scenario(Fault(kind=kind))) as twin:
        data = chat(twin, body(PAID, tools=[TERMINAL, EDITOR])).json()
    choice = data["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == (finish, text)
    assert "tool_calls" not in choice["message"]
    assert (data["usage"]["cost"] == 0) is (text is None), "nothing is charged for an answer without a token"


def test_completion_without_choices_and_one_without_usage() -> None:
    faults = (Fault(kind=kind, models=(name,)) for kind, name in _CHOICES)
    with Twin(scenario(*faults)) as twin:
        empty, silent = chat(twin, body(FREE)).json(), chat(twin, body(PAID)).json()
        _, events, _ = stream(twin, body(PAID))
    assert empty["choices"] == []
    assert silent["choices"] and "usage" not in silent
    assert not any("usage" in event for event in events)


_CHOICES = ((FaultKind.NO_CHOICES, FREE), (FaultKind.NO_USAGE, PAID))


@pytest.mark.parametrize(
    ("kind", "name", "finish"),
    [
        (FaultKind.MALFORMED_TOOL_CALL, "file_editor", "tool_calls"),
        (FaultKind.TRUNCATED, "file_editor", "length"),
        (FaultKind.UNKNOWN_TOOL, "execute_everything", "tool_calls"),
        (FaultKind.MISSING_ARGUMENT, "file_editor", "tool_calls"),
    ],
)
def test_spoilt_tool_calls(kind: FaultKind, name: str, finish: str) -> None:
    with Twin(scenario(Fault(kind=kind))) as twin:
        choice = chat(twin, body(tools=[TERMINAL, EDITOR])).json()["choices"][0]
    function = choice["message"]["tool_calls"][0]["function"]
    assert (function["name"], choice["finish_reason"]) == (name, finish)
    if kind in {FaultKind.MALFORMED_TOOL_CALL, FaultKind.TRUNCATED}:
        with pytest.raises(ValueError, match=r"line 1"):
            json.loads(function["arguments"])
    else:
        assert "path" not in json.loads(function["arguments"])


def test_output_limit_cuts_the_answer() -> None:
    with Twin(scenario()) as twin:
        data = chat(twin, body(max_tokens=5)).json()
    assert data["choices"][0]["finish_reason"] == "length"
    assert data["usage"]["completion_tokens"] <= 5


def test_prompt_that_does_not_fit_the_context() -> None:
    small = ScriptedModel(id="twin/small", context_length=256)
    with Twin(scenario(models=(small,))) as twin:
        response = chat(twin, body("twin/small", prompt="word " * 500))
    assert response.status_code == 400
    assert response.json()["error"]["metadata"]["error_type"] == "context_length_exceeded"


def test_model_without_tools_refuses_them() -> None:
    with Twin(scenario(models=(ScriptedModel(id="twin/poet", tools=False),))) as twin:
        assert chat(twin, body("twin/poet", tools=[TERMINAL])).status_code == 404
        assert chat(twin, body("twin/poet")).status_code == 200


def test_free_period_that_has_ended() -> None:
    with Twin(scenario(models=(ScriptedModel(id="twin/a:free", expiration_date="2026-01-01"),))) as twin:
        response = chat(twin, body("twin/a:free"))
    assert response.status_code == 404
    assert response.json()["error"]["message"].endswith("migrate to the paid slug: twin/a")


def test_models_are_fallbacks_and_the_answer_names_the_one_that_served() -> None:
    with Twin(scenario(Fault(kind=FaultKind.BAD_GATEWAY, models=(FREE,)))) as twin:
        data = chat(twin, body(FREE, models=[PAID])).json()
        assert [(seen.asked, seen.status) for seen in twin.requests] == [(FREE, 502), (PAID, 200)]
    assert data["model"] == PAID


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        (b"{", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"messages": []}', "specify 'model'"),
        (b'{"model": "twin/paid"}', "specify 'messages'"),
        (b'{"model": "twin/nobody", "messages": []}', "twin/nobody is not a valid model ID"),
    ],
)
def test_bad_requests(request_body: bytes, message: str) -> None:
    with Twin(scenario()) as twin:
        response = httpx.post(f"{twin.base_url}/chat/completions", content=request_body)
    assert response.status_code == 400
    assert message in response.json()["error"]["message"]
