"""The twin's HTTP server: OpenRouter's paths, with streams, waits and broken connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from nightcrew.settings import first_problem
from nightcrew.testing.calls import Backend, Change, Outcome
from nightcrew.testing.faults import stream_fault
from nightcrew.testing.scenario import FaultKind
from nightcrew.testing.serving import TRANSPORT
from nightcrew.testing.wire import (
    PROCESSING,
    TWIN,
    Completion,
    Reply,
    catalogue,
    chunks,
    completion_body,
    error_body,
    model_record,
    partial_error,
    provider_name,
    sse,
    stream_error,
)

COMMENT_SECONDS = 0.5
SIGNATURE = {"X-Served-By": TWIN}

type Handler = Callable[[Request], Awaitable[Response]]


def build_app(backend: Backend) -> Starlette:
    """The ASGI application of one twin."""
    app = Starlette(
        routes=[
            Route("/", _front_page),
            Route("/api/v1/models", _guarded(_models)),
            Route("/api/v1/models/{author}/{slug}/endpoints", _guarded(_endpoints)),
            Route("/api/v1/key", _guarded(_key)),
            Route("/api/v1/generation", _guarded(_generation)),
            Route("/api/v1/chat/completions", _guarded(_chat), methods=["POST"]),
            Route("/twin/change", _change, methods=["POST"]),
            Route("/twin/requests", _requests),
        ],
        exception_handlers={404: _unknown_path},
    )
    app.state.backend = backend
    return app


# --------------------------------------------------------------------------------------------------------


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


def _guarded(handler: Handler) -> Handler:
    """The handler with a check of the account's key."""

    async def guarded(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        refused = _backend(request).lets_in(token.strip() if scheme.lower() == "bearer" else None)
        return _send(refused) if refused else await handler(request)

    return guarded


def _send(reply: Reply) -> Response:
    headers = {**SIGNATURE, **reply.headers}
    if isinstance(reply.body, str):
        return Response(reply.body, reply.status, headers)
    return JSONResponse(reply.body, reply.status, headers)


async def _front_page(request: Request) -> Response:
    backend = _backend(request)
    return _send(
        Reply(
            200,
            {
                "service": TWIN,
                "what": "A local stand-in for OpenRouter: scripted models; nothing leaves this machine.",
                "scenario": backend.scenario.name,
                "base_url": "/api/v1",
                "models": sorted(backend.models),
                "now": backend.clock.now().isoformat(),
            },
        )
    )


async def _unknown_path(request: Request, error: Exception) -> Response:
    return _send(Reply(404, error_body(404, f"{TWIN} has no {request.url.path}")))


async def _models(request: Request) -> Response:
    backend = _backend(request)
    return _send(Reply(200, catalogue(list(backend.models.values()), int(backend.started.timestamp()))))


async def _endpoints(request: Request) -> Response:
    backend, slug = _backend(request), "{author}/{slug}".format(**request.path_params)
    found = [model for model in backend.models.values() if slug in {model.id, model.slug}]
    if not found:
        return _send(Reply(404, error_body(404, f"{slug} is not known")))
    record = model_record(found[0], int(backend.started.timestamp()))
    endpoints = [
        {
            "name": f"{provider_name(model)} | {model.id}",
            "provider_name": provider_name(model),
            "context_length": model.context_length,
            "pricing": model.price.model_dump(),
            "status": 0,
            "supported_parameters": record["supported_parameters"],
        }
        for model in found
    ]
    return _send(Reply(200, {"data": {**record, "endpoints": endpoints}}))


async def _key(request: Request) -> Response:
    return _send(Reply(200, _backend(request).key_record()))


async def _generation(request: Request) -> Response:
    found = _backend(request).generations.get(request.query_params.get("id", ""))
    if found is None:
        return _send(Reply(404, error_body(404, "Generation not found")))
    whole, seen = found
    data = {
        "id": whole.id,
        "model": whole.model.id,
        "provider_name": provider_name(whole.model),
        "total_cost": float(whole.usage.cost_usd),
        "usage": float(whole.usage.cost_usd),
        "tokens_prompt": whole.usage.prompt_tokens,
        "tokens_completion": whole.usage.completion_tokens,
        "native_tokens_prompt": whole.usage.prompt_tokens,
        "native_tokens_completion": whole.usage.completion_tokens,
        "latency": int(whole.model.latency_seconds * 1000),
        "finish_reason": whole.answer.finish,
        "native_finish_reason": whole.answer.finish,
        "streamed": seen.stream,
        "cancelled": False,
        "created_at": seen.at.isoformat(),
    }
    return _send(Reply(200, {"data": data}))


async def _change(request: Request) -> Response:
    try:
        change = Change.model_validate_json(await request.body())
    except ValidationError as error:
        return _send(Reply(400, error_body(400, first_problem(error))))
    _backend(request).change(change)
    return _send(Reply(200, {"changed": True}))


async def _requests(request: Request) -> Response:
    rows = [{**asdict(seen), "body": None} for seen in list(_backend(request).requests)]
    return Response(json.dumps({"data": rows}, default=str), media_type="application/json", headers=SIGNATURE)


async def _chat(request: Request) -> Response:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return _send(Reply(400, error_body(400, "the body is not a JSON object")))
    outcome = _backend(request).ask(body)
    if outcome.reply is not None:
        return _send(outcome.reply)
    assert outcome.completion is not None
    if _is(outcome, FaultKind.DROPPED):
        return _drop(request)
    headers = {**SIGNATURE, "X-Generation-Id": outcome.completion.id}
    if body.get("stream"):
        return StreamingResponse(
            _stream(request, outcome, outcome.completion), media_type="text/event-stream", headers=headers
        )
    await asyncio.sleep(outcome.wait_seconds)
    return _whole(request, outcome, outcome.completion, headers)


def _whole(request: Request, outcome: Outcome, whole: Completion, headers: Mapping[str, str]) -> Response:
    if _is(outcome, FaultKind.DRIP):
        return StreamingResponse(_drip(outcome, whole), media_type="application/json", headers=dict(headers))
    if _is(outcome, FaultKind.MIDSTREAM_DROP):
        return _drop(request)
    if _is(outcome, FaultKind.MIDSTREAM_ERROR):
        assert outcome.fault is not None
        return _send(Reply(200, partial_error(whole, stream_fault(outcome.fault, whole.model)), headers))
    body = completion_body(whole)
    if _is(outcome, FaultKind.NO_CHOICES):
        body["choices"] = []
    if _is(outcome, FaultKind.NO_USAGE):
        del body["usage"]
    return _send(Reply(200, body, headers))


async def _stream(request: Request, outcome: Outcome, whole: Completion) -> AsyncIterator[bytes]:
    yield PROCESSING
    waited = 0.0
    while waited < outcome.wait_seconds:
        pause = min(COMMENT_SECONDS, outcome.wait_seconds - waited)
        await asyncio.sleep(pause)
        waited += pause
        yield PROCESSING
    events = list(chunks(whole))
    middle, pause = len(events) // 2, _pause(outcome, len(events))
    for number, event in enumerate(events):
        if number == middle and _is(outcome, FaultKind.MIDSTREAM_DROP):
            _abort(request)
            return
        if number == middle and _is(outcome, FaultKind.MIDSTREAM_ERROR):
            assert outcome.fault is not None
            yield sse(stream_error(whole, stream_fault(outcome.fault, whole.model)))
            break
        if _is(outcome, FaultKind.NO_CHOICES):
            event = {**event, "choices": []}
        if _is(outcome, FaultKind.NO_USAGE):
            event.pop("usage", None)
        await asyncio.sleep(pause)
        yield sse(event)
    yield sse("[DONE]")


async def _drip(outcome: Outcome, whole: Completion) -> AsyncIterator[bytes]:
    """The answer in twenty pieces, evenly spread over the fault's seconds."""
    data = json.dumps(completion_body(whole)).encode()
    size = -(-len(data) // 20)
    for start in range(0, len(data), size):
        await asyncio.sleep(_pause(outcome, 20))
        yield data[start : start + size]


def _pause(outcome: Outcome, pieces: int) -> float:
    return outcome.fault.seconds / pieces if outcome.fault and _is(outcome, FaultKind.DRIP) else 0.0


def _is(outcome: Outcome, kind: FaultKind) -> bool:
    return outcome.fault is not None and outcome.fault.kind is kind


def _drop(request: Request) -> Response:
    _abort(request)
    return Response(status_code=500, headers=SIGNATURE)


def _abort(request: Request) -> None:
    """Drop the connection without sending the rest or an end."""
    transport: Any = request.scope.get(TRANSPORT)
    if transport is not None:
        transport.abort()
