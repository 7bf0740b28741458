"""The OpenHands agent in the sandbox: `python -I -m nightcrew.openhands.inside.client SOCKET STATE`.

Or forked from a process that has the SDK loaded (`load`), with the same two words for `main`.

It works in the current folder. It reads a brief from stdin, and writes one event per line, then the result
(`protocol`), to the results socket of its sandbox. It only has the attempt's token for the gateway, and hides
token and socket from the agent's shell, which runs as the same user.
"""

import asyncio
import ctypes
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn, TextIO

from nightcrew.execution.confinement.mount import RESULTS_VARIABLE
from nightcrew.execution.confinement.relay import Relay
from nightcrew.openhands.inside.protocol import (
    RESULT_MARK,
    STATE,
    Brief,
    ErrorFacts,
    Exit,
    Result,
    cut,
    exit_code,
)

PR_SET_DUMPABLE = 4
CLOSE_SECONDS = 2.0


class OpenHandsClient:
    """Executes one brief."""

    def __init__(self, brief: Brief, *, socket_path: str, state_dir: str, out: TextIO) -> None:
        self._brief = brief
        self._socket_path = socket_path
        self._state_dir = state_dir
        self._out = out
        self._deadline = time.monotonic() + brief.wall_seconds

    def run(self) -> Result:
        """Load the SDK, let the agent work, and report the result."""
        load(self._state_dir)
        from nightcrew.openhands.inside.session import Session

        relay = Relay(self._socket_path).start()
        session = Session(
            self._brief,
            base_url=f"http://127.0.0.1:{relay.port}",
            state_dir=self._state_dir,
            emit=self._emit,
        )
        # Not asyncio.run(), which would wait for the thread of a running tool.
        loop = asyncio.new_event_loop()
        result = loop.run_until_complete(session.run(max(0.1, self._deadline - time.monotonic())))
        _give(CLOSE_SECONDS, session.close)
        return result

    def _emit(self, event: dict[str, object]) -> None:
        self._out.write(json.dumps(event) + "\n")
        self._out.flush()


def load(state_dir: str = STATE) -> None:
    """Import the SDK and our part that needs it; nothing is left to do where that was done."""
    from nightcrew.openhands.inside.quiet import load_sdk

    load_sdk(state_dir)
    import nightcrew.openhands.inside.session  # noqa: F401


def main(words: list[str]) -> NoReturn:
    """Execute the brief from stdin, and exit with the code of its result."""
    _lock_process()
    out = _results()
    try:
        socket_path, state_dir = words
        brief = Brief.model_validate_json(sys.stdin.buffer.read())
    except ValueError as error:
        sys.stderr.write(f"the brief cannot be read: {error}\n")
        _leave(Exit.CONFIG)
    try:
        result = OpenHandsClient(brief, socket_path=socket_path, state_dir=state_dir, out=out).run()
        code = exit_code(result)
    except Exception as error:  # any error has to be reported to the adapter
        facts = ErrorFacts(name=type(error).__name__, text=cut(str(error)))
        result, code = Result(status="crashed", error=facts), Exit.INTERNAL
    out.write(f"{RESULT_MARK}{result.model_dump_json()}\n")
    out.flush()
    _leave(code)


def _results() -> TextIO:
    """The trusted channel for results: a connection that no other process can open and no child inherits."""
    path = os.environ.pop(RESULTS_VARIABLE, "")
    if not path:
        sys.stderr.write(f"there is no channel for results: {RESULTS_VARIABLE} is not set\n")
        _leave(Exit.CONFIG)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        return connection.makefile("w", encoding="utf-8", errors="replace")


def _lock_process() -> None:
    """Make this process's /proc entries unreadable, from which the agent's shell could read the token."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)


def _give(seconds: float, close: Callable[[], None]) -> None:
    """Run `close`, but continue after a time limit."""
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(seconds)


def _leave(code: Exit) -> NoReturn:
    """Exit at once, without waiting for threads of tools and exit handlers of libraries."""
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
