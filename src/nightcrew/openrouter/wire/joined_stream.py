"""A streamed answer read to its end as one body, and a body as chunks.

With tools in the request, only a whole answer shows whether it is a call, and in which form. Pieces are
joined tolerantly: calls by index and id, and texts from a whole message if there is no delta.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightcrew.openrouter.wire.answers import chunk_failed, first_choice, has_content
from nightcrew.openrouter.wire.chat_stream import ChatStream
from nightcrew.openrouter.wire.replies import Reply
from nightcrew.secrets.redaction import redact_values

_TEXTS = ("content", "reasoning", "reasoning_content")
_MOST_CALLS = 256
_BROKE_OFF = {"error": {"code": 502, "message": "the stream ended before the answer did"}}


def joined(stream: ChatStream, on_content: Callable[[], None]) -> Reply:
    """The reply that a stream adds up to; `on_content` is called at each chunk with content.

    Raises:
        NoReply: as while iterating over the stream.
    """
    if not stream.is_stream:
        return stream.reply
    parts = _Parts()
    try:
        for chunk in stream:
            if chunk_failed(chunk):
                return Reply(stream.reply.status, stream.reply.headers, chunk)
            if parts.add(chunk):
                on_content()
    finally:
        stream.close()
    body = parts.body()
    if parts.finish is None and not stream.is_done:
        body = {**body, **_BROKE_OFF, "choices": [{**body["choices"][0], "finish_reason": "error"}]}
    # A secret may have been split between chunks.
    return Reply(stream.reply.status, stream.reply.headers, redact_values(body))


def chunks_of(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of an answer: all of its content in one, then its end with the usage."""
    choice = first_choice(body)
    envelope = {name: value for name, value in body.items() if name not in {"choices", "usage", "object"}}
    envelope["object"] = "chat.completion.chunk"
    message = dict(choice.get("message") or {})
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [{**call, "index": number} for number, call in enumerate(calls)]
    begun = {"index": 0, "delta": {"role": "assistant", **message}, "finish_reason": None}
    ended: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": choice.get("finish_reason")}
    yield {**envelope, "choices": [begun]}
    yield {**envelope, "choices": [ended], **({"usage": body["usage"]} if "usage" in body else {})}


# ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Call:
    """One call's pieces."""

    id: str = ""
    name: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)
    flat: bool = False  # without an object `function`


class _Parts:
    """The pieces of an answer so far."""

    def __init__(self) -> None:
        self._envelope: dict[str, Any] = {}
        self._texts: dict[str, list[Any]] = {}
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._legacy: _Call | None = None
        self.finish: Any = None

    def add(self, chunk: Mapping[str, Any]) -> bool:
        """Add a chunk; True if it has content."""
        self._envelope.update(
            {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        )
        choice = first_choice(chunk)
        delta = choice.get("delta") or choice.get("message")
        self.finish = choice.get("finish_reason") or self.finish
        if not isinstance(delta, Mapping):
            return False
        for name in _TEXTS:
            if value := delta.get(name):
                self._texts.setdefault(name, []).append(value)
        pieces = delta.get("tool_calls")
        for piece in pieces if isinstance(pieces, list) else [pieces] if isinstance(pieces, Mapping) else []:
            self._add_call(piece)
        if isinstance(legacy := delta.get("function_call"), Mapping):
            self._legacy = self._legacy or _Call()
            _extend(self._legacy, legacy)
        return has_content(delta)

    def body(self) -> dict[str, Any]:
        """The whole answer's body."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message |= {name: _text(pieces) for name, pieces in self._texts.items()}
        if self._calls:
            message["tool_calls"] = [_entry(call) for call in self._calls]
        if self._legacy is not None:
            message["function_call"] = _function(self._legacy)
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        return {**self._envelope, "object": "chat.completion", "choices": [choice]}

    def _add_call(self, piece: object) -> None:
        if not isinstance(piece, Mapping):
            return
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else piece
        given, index = piece.get("id"), piece.get("index")
        known = self._by_index.get(index) if isinstance(index, int) else None
        if known is None and not isinstance(index, int) and self._calls and not function.get("name"):
            known = self._calls[-1]
        # Some servers send every call under the same index.
        another = known is not None and given and known.id and given != known.id and function.get("name")
        if known is None or another:
            if len(self._calls) >= _MOST_CALLS:
                return
            known = _Call()
            self._calls.append(known)
            if isinstance(index, int):
                self._by_index[index] = known
        known.flat = known.flat or function is piece
        known.id = known.id or (given if isinstance(given, str) else "")
        _extend(known, function)


def _extend(call: _Call, function: Mapping[str, Any]) -> None:
    name, arguments = function.get("name"), function.get("arguments")
    if isinstance(name, str) and name and [name] != call.name:  # some servers repeat the name in each piece
        call.name.append(name)
    if arguments is not None:
        call.arguments.append(arguments)


def _entry(call: _Call) -> dict[str, Any]:
    """The whole call in the form of its pieces."""
    given = {"id": call.id} if call.id else {}
    return given | (_function(call) if call.flat else {"type": "function", "function": _function(call)})


def _function(call: _Call) -> dict[str, Any]:
    texts = [piece if isinstance(piece, str) else json.dumps(piece) for piece in call.arguments]
    whole = call.arguments[0] if len(call.arguments) == 1 else "".join(texts)
    return {"name": "".join(call.name), "arguments": whole}


def _text(pieces: list[Any]) -> Any:
    """The joined text; lists of parts stay a list."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    return [part for piece in pieces for part in (piece if isinstance(piece, list) else [piece])]
