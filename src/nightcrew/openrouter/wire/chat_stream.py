"""A streamed reply, chunk by chunk."""

from collections.abc import Iterator
from typing import Any

from nightcrew.openrouter.wire.exchange import Exchange
from nightcrew.openrouter.wire.replies import Reply, parse_json
from nightcrew.secrets.redaction import redact_values


class ChatStream:
    """A streamed reply: `reply` has status and headers (and the whole body if it is not a stream)."""

    def __init__(self, reply: Reply, exchange: Exchange | None) -> None:
        self.reply = reply
        self._exchange = exchange
        self.is_done = False  # True: the end mark has come

    @property
    def is_stream(self) -> bool:
        """False if the reply is not streamed, as with errors."""
        return self._exchange is not None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The chunks up to `[DONE]`; comments, keep-alives and invalid JSON are skipped."""
        if self._exchange is None:
            return
        for line in _lines(self._exchange.chunks()):
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                self.is_done = True
                return
            chunk = parse_json(data.decode("utf-8", errors="replace"))
            if chunk is not None:
                yield redact_values(chunk)

    def close(self) -> None:
        """Abandon the rest of the stream; the provider sees the connection close."""
        if self._exchange is not None:
            self._exchange.abandon()


# ----------------------------------------------------------------------------------------------------


def _lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *complete, rest = (rest + part).split(b"\n")
        yield from (line.rstrip(b"\r") for line in complete)
    if rest:
        yield rest
