"""The gateway: an OpenAI-compatible endpoint for one attempt, on a unix socket.

It runs on the trusted side and holds the API key. The sandbox only has the attempt's token, which is useless
elsewhere. This module handles HTTP; `dispatcher.py` decides which model is called and what it may cost.
"""

import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nightcrew.execution.assignment import DoorUsage
from nightcrew.execution.attempt import RecordCall
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.budget import Budgets, charge_overdue
from nightcrew.openrouter.books.quota import QuotaLimits
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.door_server import DoorServer
from nightcrew.openrouter.wire.chat_request import DEFAULT_OUTPUT_TOKENS
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.selection.candidates import Candidate
from nightcrew.settings import DataPolicy

log = logging.getLogger(__name__)

# The only model name in the sandbox, because clients treat well-known names specially, and models rotate.
ALIAS = "nightcrew"
CALL_SECONDS = 180.0  # wall-clock limit of one upstream call
_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes


class Gateway:
    """One attempt's door to the models (a `ModelDoor`); a context manager, open while entered.

    `record` is called for every call. If a folder `evidence` is given, the conversation is stored there.
    """

    def __init__(
        self,
        *,
        api: OpenRouterApi,
        store: StateStore,
        task_id: str,
        attempt_id: str,
        models: Sequence[Candidate],
        budgets: Budgets,
        record: RecordCall,
        socket_dir: Path,
        evidence: Path | None = None,
        data_policy: DataPolicy = DataPolicy.ANY,
        limits: QuotaLimits = QuotaLimits(),  # noqa: B008  (frozen)
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.model = ALIAS
        self.token = secrets.token_urlsafe(24)
        self.socket_path = _socket_path(socket_dir)
        self._models = tuple(models)
        self._store, self._clock = store, clock
        self._dispatcher = Dispatcher(
            api=api,
            store=store,
            task_id=task_id,
            attempt_id=attempt_id,
            models=models,
            budgets=budgets,
            record=record,
            evidence=evidence,
            data_policy=data_policy,
            limits=limits,
            clock=clock,
            sleep=sleep,
            call_seconds=call_seconds,
        )
        self._server: DoorServer | None = None

    def __repr__(self) -> str:
        return f"Gateway({str(self.socket_path)!r}, models={[m.model for m in self._models]!r})"

    def __enter__(self) -> Self:
        charge_overdue(self._store, now=self._clock())
        self.socket_path.parent.mkdir(parents=True, exist_ok=True)
        self._server = DoorServer(self.socket_path, self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="gateway").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dispatcher.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.socket_path.unlink(missing_ok=True)

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an OpenAI-style chat request, without HTTP in between.

        Raises:
            BadInput, BudgetReached, AccountStopped, ModelUnfit, Transient: see `Dispatcher`.
        """
        return self._dispatcher.complete(request)

    def stream(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The same answer in chunks; iterate to the end or close the iterator."""
        return self._dispatcher.stream(request)

    def usage(self) -> DoorUsage:
        """The attempt's usage so far, and whether the door is shut."""
        return self._dispatcher.usage()

    def listing(self) -> dict[str, Any]:
        """The body of `GET /v1/models`."""
        return {"object": "list", "data": [{"id": ALIAS, "object": "model", "owned_by": "nightcrew"}]}

    def model_info(self) -> dict[str, Any]:
        """The body of `GET /v1/model/info`, in a LiteLLM proxy's format; sizes are the first model's."""
        first = self._models[0]
        info = {
            "max_tokens": first.context_tokens,
            "max_input_tokens": first.context_tokens,
            "max_output_tokens": min(first.max_output_tokens or DEFAULT_OUTPUT_TOKENS, DEFAULT_OUTPUT_TOKENS),
            "input_cost_per_token": float(first.input_price_usd or 0),
            "output_cost_per_token": float(first.output_price_usd or 0),
            "mode": "chat",
            "supports_function_calling": first.tools,
            "supports_vision": False,
            "supports_prompt_caching": False,
        }
        return {"data": [{"model_name": ALIAS, "litellm_params": {"model": ALIAS}, "model_info": info}]}


# ----------------------------------------------------------------------------------------------------


def _socket_path(folder: Path) -> Path:
    path = folder / "gateway.sock"
    if len(str(path).encode()) <= _LONGEST_SOCKET_PATH:
        return path
    # The kernel refuses longer paths.
    return Path(tempfile.mkdtemp(prefix="nightcrew-")) / "gateway.sock"
