"""The gateway's door: HTTP over a unix socket, tokens, forms, refusals."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightcrew.execution.attempt import StopCause
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.gateway import Gateway
from tests.openrouter.conftest import USD, MakeCrew, ask, free, paid


def client(gateway: Gateway, token: str | None = None) -> httpx.Client:
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(gateway.socket_path)),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {token or gateway.token}"},
        timeout=30,
    )


def test_an_answer_comes_with_its_cost_and_is_recorded(crew: MakeCrew) -> None:
    c = crew(paid())
    gateway = c.gateway()
    reply = client(gateway).post("/v1/chat/completions", json=ask())
    assert reply.status_code == 200
    body = reply.json()
    assert body["choices"][0]["message"]["content"]
    assert USD(reply.headers["x-litellm-response-cost"]) == USD(str(body["usage"]["cost"])) > 0
    (call,) = c.calls
    assert (call.asked_model, call.served_model, call.fault) == ("house/gamma", "house/gamma", None)
    assert call.provider and call.generation_id and call.http_status == 200
    assert (call.input_tokens, call.cost_usd) == (
        body["usage"]["prompt_tokens"],
        USD(str(body["usage"]["cost"])),
    )
    assert gateway.usage().cost_usd == call.cost_usd
    assert gateway.usage().models_served == ("house/gamma",)


def test_a_stream_arrives_whole(crew: MakeCrew) -> None:
    c = crew(paid())
    with client(c.gateway()).stream("POST", "/v1/chat/completions", json=ask(stream=True)) as reply:
        assert reply.headers["content-type"] == "text/event-stream"
        events = [line[6:] for line in reply.iter_lines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert chunks[-1]["usage"]["cost"] > 0
    (call,) = c.calls
    assert call.streamed and call.first_token_ms and call.cost_usd and call.fault is None


def test_only_the_attempts_own_token_opens_the_door(crew: MakeCrew) -> None:
    c = crew(free())
    gateway, other = c.gateway(), c.gateway()
    for token in (other.token, "x", "sk-or-v1-secret-of-the-crew"):
        assert client(gateway, token).post("/v1/chat/completions", json=ask()).status_code == 401
    assert c.twin.requests == []


def test_the_socket_is_gone_after_the_attempt(crew: MakeCrew) -> None:
    gateway = crew(free()).gateway()
    assert gateway.socket_path.is_socket()
    gateway.__exit__(None, None, None)
    assert not gateway.socket_path.exists()


def test_model_info_says_what_a_litellm_proxy_would(crew: MakeCrew) -> None:
    gateway = crew(free(context_length=50_000)).gateway()
    for path in ("/v1/model/info", "/v1/v1/model/info"):
        (model,) = client(gateway).get(path).json()["data"]
        assert model["model_name"] == gateway.model
        assert model["model_info"]["max_input_tokens"] == 50_000
    assert client(gateway).get("/v1/models").json()["data"][0]["id"] == gateway.model


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"messages": []}, 400),
        ({"messages": ["hello"]}, 400),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            400,
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_and_costs_nothing(
    crew: MakeCrew, body: dict[str, Any], status: int
) -> None:
    c = crew(free())
    reply = client(c.gateway()).post("/v1/chat/completions", json=body)
    assert reply.status_code == status and reply.json()["error"]["message"]
    assert c.twin.requests == [] and c.calls == []


def test_the_sandbox_cannot_choose_who_is_called_or_what_else_is_run(crew: MakeCrew) -> None:
    c = crew(free(), paid())
    body = ask(
        model="house/gamma", models=["house/gamma"], n=8, plugins=[{"id": "web"}], provider={"order": ["x"]}
    )
    client(c.gateway("house/alpha:free")).post("/v1/chat/completions", json=body)
    (seen,) = c.twin.requests
    assert seen.body is not None and seen.body["model"] == "house/alpha:free"
    assert not seen.body.keys() & {"models", "n", "plugins"}
    assert seen.body["provider"] == {"max_price": {"prompt": 0.0, "completion": 0.0}}


def test_a_shut_door_says_so_in_a_status_that_nobody_retries(crew: MakeCrew) -> None:
    c = crew(paid())
    gateway = c.gateway(budgets=Budgets(task_usd=USD(0)))
    reply = client(gateway).post("/v1/chat/completions", json=ask())
    assert reply.status_code == 402
    assert reply.headers["x-should-retry"] == "false"
    assert "task" in reply.json()["error"]["message"]
    assert c.twin.requests == []
    usage = gateway.usage()
    assert usage.stopped is not None and usage.stopped.cause is StopCause.BUDGET and not usage.infrastructure


def test_a_long_folder_name_is_no_obstacle(crew: MakeCrew, tmp_path: Path) -> None:
    gateway = crew(free()).gateway(socket_dir=tmp_path / ("d" * 120))
    assert client(gateway).get("/v1/models").status_code == 200


def test_a_schema_is_sent_only_to_a_model_that_keeps_to_it(crew: MakeCrew) -> None:
    c = crew(paid("alpha"), paid("beta", structured=True))
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
    for name in ("house/alpha", "house/beta"):
        c.gateway(name).complete(ask(response_format=schema))
    plain, structured = (seen.body or {} for seen in c.twin.requests)
    assert "response_format" not in plain
    assert structured["response_format"]["json_schema"]["name"] == "s"
    assert structured["provider"]["require_parameters"] is True
