"""A streamed answer: held back until its first content, then passed on as it arrives.

Before the first content, another model can take over unnoticed; a later fault is passed on to the client.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from nightcrew.openrouter.wire.answers import (
    Outcome,
    chunk_failed,
    first_choice,
    from_chunk_error,
    from_no_reply,
    from_reply,
    has_content,
)
from nightcrew.openrouter.wire.chat_stream import ChatStream
from nightcrew.openrouter.wire.exchange import NoReply
from nightcrew.openrouter.wire.recovery import row_of
from nightcrew.openrouter.wire.replies import Trouble, read_usage

log = logging.getLogger(__name__)

type OnEnd = Callable[[Outcome], None]


class LiveStream:
    """A started answer. Iterate once for its chunks; `on_end` is called with its outcome."""

    def __init__(
        self, stream: ChatStream, facts: "_Facts", chunks: Iterator[dict[str, Any]], on_end: OnEnd
    ) -> None:
        self._stream = stream
        self._facts = facts
        self._chunks = chunks
        self._on_end = on_end

    def __iter__(self) -> Iterator[dict[str, Any]]:
        outcome = self._facts.outcome("abandoned", "the client went away")
        try:
            yield from self._facts.take_held()
            for chunk in self._chunks:
                if chunk_failed(chunk):
                    outcome = self._facts.failed(chunk)
                    yield chunk
                    return
                yield self._facts.note(chunk)
            outcome = self._facts.end()
            if outcome.row is not None:
                yield _error_chunk(outcome)
        except NoReply as error:
            outcome = self._facts.lost(error)
            yield _error_chunk(outcome)
        finally:
            self._stream.close()
            self._on_end(outcome)


def begin_stream(stream: ChatStream, *, now: datetime, started: float, on_end: OnEnd) -> LiveStream | Outcome:
    """Read up to the first content. Returns an outcome for a fault, which the client has not seen.

    `started` is the monotonic time at which the request was sent; `on_end` hears of streams that began only.
    """
    if not stream.is_stream:
        outcome = from_reply(stream.reply, now=now)
        # No known provider sends a whole answer to a streaming request.
        return outcome if outcome.row is not None else replace(outcome, row=row_of("not_json"))
    facts, chunks = _Facts(stream, now), iter(stream)
    try:
        for chunk in chunks:
            if chunk_failed(chunk):
                return _closed(stream, facts.failed(chunk))
            facts.hold(chunk)
            if has_content(_delta(chunk)):
                facts.first_token_ms = (time.monotonic() - started) * 1000
                return LiveStream(stream, facts, chunks, on_end)
    except NoReply as error:
        return _closed(stream, facts.lost(error))
    outcome = facts.end()
    return _closed(stream, outcome if outcome.row is not None else facts.outcome("empty_completion"))


# ----------------------------------------------------------------------------------------------------


class _Facts:
    """The facts about the call from its chunks so far."""

    def __init__(self, stream: ChatStream, now: datetime) -> None:
        self._stream = stream
        self._now = now
        self._held: list[dict[str, Any]] = []
        self._said = ""
        self._calls: dict[int, dict[str, str]] = {}
        self._outcome = from_chunk_error({}, stream.reply, now=now)
        self.first_token_ms: float | None = None

    def hold(self, chunk: dict[str, Any]) -> None:
        self._held.append(self.note(chunk))

    def take_held(self) -> list[dict[str, Any]]:
        held, self._held = self._held, []
        return held

    def note(self, chunk: dict[str, Any]) -> dict[str, Any]:
        known = self._outcome
        self._listen(_delta(chunk))
        self._outcome = replace(
            known,
            served_model=known.served_model or chunk.get("model"),
            provider=known.provider or chunk.get("provider"),
            generation_id=known.generation_id or chunk.get("id"),
            finish_reason=first_choice(chunk).get("finish_reason") or known.finish_reason,
            usage=read_usage(chunk) or known.usage,
        )
        return chunk

    def _listen(self, delta: Mapping[str, Any]) -> None:
        """Join the pieces for the transcript."""
        self._said += str(delta.get("content") or "")
        for piece in delta.get("tool_calls") or ():
            call = self._calls.setdefault(piece.get("index") or 0, {"name": "", "arguments": ""})
            for name, part in (piece.get("function") or {}).items():
                call[name] = call.get(name, "") + str(part or "")

    def _answer(self) -> dict[str, Any]:
        message = {"content": self._said, "tool_calls": list(self._calls.values())}
        return {"choices": [{"message": message}]}

    def failed(self, chunk: Mapping[str, Any]) -> Outcome:
        self.note(dict(chunk))
        fault = from_chunk_error(chunk, self._stream.reply, now=self._now)
        return self._with(fault.row.fault if fault.row else "mid_stream_error", fault.trouble)

    def lost(self, error: NoReply) -> Outcome:
        return self._with(error.fault, from_no_reply(error).trouble)

    def end(self) -> Outcome:
        if self._outcome.finish_reason is None:
            return self.outcome("mid_stream_error", "the stream ended before the answer did")
        return replace(self._outcome, row=None, body=self._answer(), first_token_ms=self.first_token_ms)

    def outcome(self, fault: str, message: str = "") -> Outcome:
        return self._with(fault, Trouble(None, message))

    def _with(self, fault: str, trouble: Trouble) -> Outcome:
        return replace(
            self._outcome,
            row=row_of(fault),
            trouble=trouble,
            body=self._answer(),
            first_token_ms=self.first_token_ms,
        )


def _closed(stream: ChatStream, outcome: Outcome) -> Outcome:
    stream.close()
    return outcome


def _delta(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    delta = first_choice(chunk).get("delta")
    return delta if isinstance(delta, Mapping) else {}


def _error_chunk(outcome: Outcome) -> dict[str, Any]:
    """An error chunk in the format in which OpenRouter ends a failed stream."""
    return {
        "error": {"code": 502, "message": outcome.message},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }
