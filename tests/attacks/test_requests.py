"""An agent asks the gateway for what costs more, or leads out of the sandbox."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from nightcrew.errors import BadInput
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.wire.request_schema import allowed_parameters
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.testing.scenario import Account, Scenario
from tests.attacks.rows import Findings, Row
from tests.conftest import fresh_database
from tests.openrouter.conftest import KEY, Crew, free

pytestmark = [pytest.mark.attack(Row.REQUESTS), pytest.mark.identity_free]

ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
FUNCTION = {"name": "edit", "parameters": {"type": "object"}}
OUT = "http://evil.example/"

# What must not go out: refused, or left out of what is sent ------------------------------------------------


def _message(**part: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


def _with(**more: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x", **more}]}


REQUESTS: dict[str, dict[str, Any]] = {
    "web search as a tool": {"tools": [{"type": "web_search"}]},
    "web search with a function beside it": {"tools": [{"type": "web_search", "function": FUNCTION}]},
    "a remote server of tools": {"tools": [{"type": "mcp", "server_url": OUT}]},
    "code execution": {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
    "a tool inside of a function": {"tools": [{"type": "function", "function": FUNCTION, "server_url": OUT}]},
    "old functions": {"functions": [FUNCTION], "function_call": "edit"},
    "plugins": {"plugins": [{"id": "web", "engine": "exa"}]},
    "options of web search": {"web_search_options": {"search_context_size": "high"}},
    "another model": {"model": "costly/one"},
    "more models": {"models": ["costly/one"], "route": "fallback"},
    "another provider": {"provider": {"order": ["evil"], "data_collection": "allow"}},
    "a preset": {"preset": "theirs"},
    "a picture by its address": _message(type="image_url", image_url={"url": f"{OUT}x.png"}),
    "a picture of the machine": _message(type="image_url", image_url={"url": "file:///etc/passwd"}),
    "a file by its address": _message(type="file", file={"file_data": f"{OUT}x.pdf", "filename": "x"}),
    "a sound": _message(type="input_audio", input_audio={"data": "", "format": "wav"}),
    "a film": _message(type="video_url", video_url={"url": OUT}),
    "text that is a picture as well": _message(type="text", text="x", image_url={"url": OUT}),
    "pictures beside a message": _with(images=[{"type": "image_url", "image_url": {"url": OUT}}]),
    "notes beside a message": _with(annotations=[{"type": "file", "file": {"content": OUT}}]),
    "hidden reasoning": _with(reasoning_details=[{"type": "reasoning.encrypted", "data": OUT}]),
    "a call of another kind": _with(
        role="assistant", tool_calls=[{"id": "1", "type": "custom", "custom": {}}]
    ),
    "a role that nobody has": _with(role="root"),
    "an answer in sound": {"modalities": ["text", "audio"], "audio": {"voice": "a"}},
    "an address to call back": {"webhook": OUT, "callback_url": OUT},
    "many answers at once": {"n": 128, "best_of": 128},
    "usage under another's name": {"user": "somebody", "metadata": {"user_id": OUT}, "store": True},
    "a more expensive class of service": {
        "service_tier": "priority",
        "prediction": {"type": "content", "content": OUT},
    },
    "instructions in a cache's mark": _message(
        type="text", text="x", cache_control={"type": "x", "url": OUT}
    ),
    "a bias of every token": {"logit_bias": {str(n): 100 for n in range(1000)}},
    "bodies within the body": {"extra_body": {"plugins": [{"id": "web"}]}, "extra_headers": {"X": OUT}},
    "a transform": {"transforms": ["middle-out"], "debug": {"echo_upstream_body": True}},
    "an endless number": {"temperature": float("inf")},
    "a number that is none": {"top_p": float("nan")},
    "a huge limit": {"reasoning": {"max_tokens": 10**12}},
    "a schema without a bottom": {
        "tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]
    },
}
_deep: dict[str, Any] = REQUESTS["a schema without a bottom"]["tools"][0]["function"]["parameters"]
for _ in range(500):
    _deep["properties"] = {}
    _deep = _deep["properties"]

KNOWN = {"messages", "tools", "tool_choice", "temperature", "top_p", "reasoning"}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_refused_or_goes_out_without_it(name: str, finding: Findings) -> None:
    asked = {**ASK, **REQUESTS[name]}
    try:
        sent = allowed_parameters(asked)
    except BadInput as error:
        finding(error)
        return
    assert set(sent) <= KNOWN
    text = json.dumps(sent)
    for word in (OUT, "web", "costly/one", "evil", "preset", "encrypted", "priority", "server_url", "image"):
        assert word not in text, text
    finding(f"{sorted(set(asked) - set(sent))} stay behind")


# The door itself ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crew(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    with fresh_database(postgres_url) as url, StateStore(url) as store, ExitStack() as stack:
        create_schema(store)
        scenario = Scenario(models=(free(),), account=Account(api_key=KEY))
        yield Crew(stack, store, scenario, tmp_path_factory.mktemp("doors"))


@pytest.fixture(scope="module")
def door(crew: Crew) -> Gateway:
    return crew.gateway()


def _http(
    *headers: str, method: str = "POST", path: str = "/v1/chat/completions", body: bytes = b"{}"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _of_length(header: str, length: bytes) -> bytes:
    return _http(header, body=b"").replace(b"Content-Length: 0", b"Content-Length: " + length)


def spoken(token: str) -> dict[str, bytes]:
    """What is sent to a door that opens to `token`."""
    header = f"Authorization: Bearer {token}"
    return {
        "no token": _http(),
        "a guessed token": _http("Authorization: Bearer guessed"),
        "half the token": _http(f"Authorization: Bearer {token[:-1]}"),
        "the token in another form": _http(f"Authorization: Basic {token}"),
        "the token in the path": _http(path=f"/v1/chat/completions?token={token}"),
        "the token in a cookie": _http(f"Cookie: token={token}"),
        "two tokens": _http("Authorization: Bearer guessed", header),
        "a listing without a token": _http(method="GET", path="/v1/models"),
        "another method": _http(header, method="PUT"),
        "a tunnel": _http(header, method="CONNECT", path="evil.example:443"),
        "another place": _http(header, path="/v1/embeddings"),
        "another host's place": _http(header, path="http://evil.example/api/v1/key"),
        "a body that is no object": _http(header, body=b"[]"),
        "a body of brackets": _http(header, body=b"[" * 1_000_000),
        "a length that is no number": _http(header, body=b"").replace(
            b"Content-Length: 0", b"Content-Length: 1e3"
        ),
        "a length of other digits": _of_length(header, b"\xb2"),
        "a length below nothing": _of_length(header, b"-1"),
        "a length without end": _http(header, body=b"").replace(
            b"Content-Length: 0", b"Content-Length: " + b"9" * 5000
        ),
        "a body in pieces": _http(header, "Transfer-Encoding: chunked", body=b"").replace(
            b"Content-Length: 0\r\n", b""
        ),
        "a second request behind a refused one": _http() + _http(header),
        "a header without end": b"GET /v1/models HTTP/1.1\r\nX: " + b"a" * 70_000,
        "thousands of headers": b"GET /v1/models HTTP/1.1\r\n" + b"X: a\r\n" * 5_000 + b"\r\n",
        "an older language": b"GET /v1/models\r\n",
        "another language": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "nothing but noise": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    }


def _answer(door: Gateway, sent: bytes) -> bytes:
    answer = b""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(door.socket_path))
        with suppress(OSError):
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while piece := line.recv(65_536):
                answer += piece
    return answer


@pytest.mark.parametrize("name", spoken("a-token"))
def test_nobody_gets_through_the_door_who_should_not(
    crew: Crew, door: Gateway, name: str, finding: Findings
) -> None:
    before = len(crew.asked())
    answer = _answer(door, spoken(door.token)[name])
    first = answer.split(b"\r\n")[0].decode(errors="replace")
    assert " 200" not in first and len(crew.asked()) == before
    assert door.token.encode() not in answer
    finding(first or "the door hung up")


def test_the_attempts_token_gets_through(crew: Crew, door: Gateway, finding: Findings) -> None:
    """Otherwise the refusals above would say nothing."""
    sent = _http(f"Authorization: Bearer {door.token}", body=json.dumps(ASK).encode())
    answer = _answer(door, sent)
    assert answer.startswith(b"HTTP/1.1 200") and crew.asked()
    finding("answered, as it should be")
