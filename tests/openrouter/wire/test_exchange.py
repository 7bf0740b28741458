"""A call that is given up is over for the other side too, also before it has sent anything."""

import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import uvicorn

from nightcrew.openrouter import api as openrouter_api
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.wire.exchange import Cancellation, NoReply

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


class Provider:
    """Answers the first `answers` requests, then listens and says nothing; notices a closed connection."""

    def __init__(self, answers: int) -> None:
        self._left = answers
        self.connections = 0
        self.requests = 0
        self.hung_up = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65536):
                if not data.endswith(b"}"):
                    continue  # the body comes apart from the head
                self.requests += 1
                if self._left > 0:
                    self._left -= 1
                    connection.sendall(REPLY)
        if self.requests and self._left == 0:
            self.hung_up.set()


@pytest.fixture
def provider() -> Iterator[Callable[[int], Provider]]:
    made: list[Provider] = []

    def make(answers: int) -> Provider:
        made.append(Provider(answers))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("answers", [0, 1])  # on a new connection, and on one that was used before
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_timed_out_is_hung_up(
    provider: Callable[[int], Provider], answers: int, stream: bool
) -> None:
    other = provider(answers)
    with OpenRouterApi(other.base_url, None) as api:
        for _ in range(answers):
            assert api.chat({}, wall_seconds=10).status == 200
        with pytest.raises(NoReply) as ended:
            (api.stream if stream else api.chat)({}, wall_seconds=0.3)
        assert ended.value.fault == "timeout"
        assert other.hung_up.wait(5)
        assert (other.connections, other.requests) == (1, answers + 1)


@pytest.mark.parametrize("wall", [60.0, 1200.0])
def test_a_call_that_is_given_more_time_may_be_silent_for_longer(
    provider: Callable[[int], Provider], monkeypatch: pytest.MonkeyPatch, wall: float
) -> None:
    monkeypatch.setattr(openrouter_api, "IDLE_SECONDS", 0.5)
    monkeypatch.setattr(openrouter_api, "IDLE_SHARE", 1 / 600)
    with OpenRouterApi(provider(0).base_url, None) as api:
        began = time.monotonic()
        with pytest.raises(NoReply, match="no data arrived for too long"):
            api.chat({}, wall_seconds=wall)
        assert time.monotonic() - began >= max(0.5, wall / 600)


def test_a_call_that_is_cancelled_is_hung_up(provider: Callable[[int], Provider]) -> None:
    other, cancellation = provider(0), Cancellation()
    with OpenRouterApi(other.base_url, None) as api:
        threading.Timer(0.3, cancellation.cancel).start()
        began = time.monotonic()
        with pytest.raises(NoReply) as ended:
            api.chat({}, wall_seconds=60, cancellation=cancellation)
        assert ended.value.fault == "abandoned" and time.monotonic() - began < 10
        assert other.hung_up.wait(5)


def test_what_is_cancelled_before_it_began_is_never_sent(provider: Callable[[int], Provider]) -> None:
    other, cancellation = provider(1), Cancellation()
    cancellation.cancel()
    with OpenRouterApi(other.base_url, None) as api, pytest.raises(NoReply) as ended:
        api.chat({}, wall_seconds=60, cancellation=cancellation)
    assert ended.value.fault == "abandoned" and not ended.value.sent and other.requests == 0


def test_after_a_hang_up_the_next_call_gets_through(provider: Callable[[int], Provider]) -> None:
    silent = provider(1)
    with OpenRouterApi(silent.base_url, None) as api:
        api.chat({}, wall_seconds=10)
        with pytest.raises(NoReply):
            api.chat({}, wall_seconds=0.2)
        assert silent.hung_up.wait(5)
        silent._left = 1
        assert api.chat({}, wall_seconds=10).status == 200
        assert silent.connections == 2


def test_an_idle_connection_is_given_up_before_the_other_side_may_close_it(
    provider: Callable[[int], Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that closes it just as the next call is sent would cost that call, and the model a fault."""
    usual = inspect.signature(uvicorn.Config).parameters["timeout_keep_alive"].default
    assert usual - 1 >= openrouter_api.KEPT_SECONDS
    monkeypatch.setattr(openrouter_api, "KEPT_SECONDS", 0.2)
    other = provider(3)
    with OpenRouterApi(other.base_url, None) as api:
        api.chat({}, wall_seconds=10)
        time.sleep(0.4)
        api.chat({}, wall_seconds=10)
        assert (other.connections, other.requests) == (2, 2)
