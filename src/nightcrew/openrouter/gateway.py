"""The gateway: an OpenAI-compatible endpoint for one attempt, on a unix socket.

It runs on the trusted side and holds the API key. The sandbox only has the attempt's token, which is useless
elsewhere. `serving/door_server.py` handles HTTP; `serving/dispatcher.py` decides which model is called and
what it may cost.
"""

import secrets
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nightcrew.execution.assignment import DoorUsage
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.door_server import ALIAS, DoorServer

_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes


class Gateway:
    """One attempt's door to the models (a `ModelDoor`); a context manager, open while entered."""

    model = ALIAS

    def __init__(self, dispatcher: Dispatcher, socket_dir: Path) -> None:
        self.dispatcher = dispatcher
        self.token = secrets.token_urlsafe(24)
        self._resources = ExitStack()
        self.socket_path = _socket_path(socket_dir, self._resources)
        self._server: DoorServer | None = None

    def __repr__(self) -> str:
        return f"Gateway({str(self.socket_path)!r}, models={[m.model for m in self.dispatcher.models]!r})"

    def __enter__(self) -> Self:
        self.dispatcher.open()
        self.socket_path.parent.mkdir(parents=True, exist_ok=True)
        self._server = DoorServer(self.socket_path, self.token, self.dispatcher)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="gateway").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dispatcher.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.socket_path.unlink(missing_ok=True)
        self._resources.close()

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an OpenAI-style chat request, without HTTP in between.

        Raises:
            BadInput, BudgetReached, AccountStopped, ModelUnfit, Transient: see `Dispatcher`.
        """
        return self.dispatcher.complete(request)

    def usage(self) -> DoorUsage:
        """The attempt's usage so far, and whether the door is shut."""
        return self.dispatcher.usage()


# ----------------------------------------------------------------------------------------------------


def _socket_path(folder: Path, resources: ExitStack) -> Path:
    path = folder / "gateway.sock"
    if len(str(path).encode()) <= _LONGEST_SOCKET_PATH:
        return path
    # The kernel refuses longer paths.
    return resources.enter_context(temporary_folder("gateway")) / "gateway.sock"
