"""What the gateway's door would cost as one asyncio loop: the door of threads beside starlette, call by call.

    python -m benchmarks.async_door

Each caller is a process with three gateways on one store and one twin: the door of threads, the same
dispatcher behind starlette and uvicorn, and that with httpx's asyncio client for the calls upstream. The
ways take turns in a random order, and each is charged with the CPU time of its process, in which the client
runs too: what a way adds to *straight* is the gateway's. The asyncio doors are only as complete as the
question needs: they check the token and answer, but bound neither headers, bodies, connections nor idle
time, and when places run out they do not hang up on whoever has shown no token, as the door of threads
does.
"""

import asyncio
import hmac
import json
import os
import random
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.gateway_overhead import BUDGETS, LIMITS, SCENARIO, asking
from benchmarks.support import FORK, percentile, postgres, quiet, table, twin_process
from nightcrew.errors import NightcrewError
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.openrouter.api import OnName, OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.door_server import status_of
from nightcrew.openrouter.wire.exchange import Cancellation, NoReply, no_reply
from nightcrew.openrouter.wire.replies import Reply
from nightcrew.queue.state_store import StateStore

CALLERS, TURNS, CALLS_A_TURN, WARM_UP = 6, 6, 5, 3
MODEL = "house/free:free"


class AsyncDoor:
    """A gateway's dispatcher behind starlette, in a loop of its own thread."""

    def __init__(self, gateway: Gateway, path: Path) -> None:
        self.gateway = gateway
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(64)
        self.loop = asyncio.new_event_loop()
        app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])
        self._server = uvicorn.Server(
            uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False, http="h11")
        )
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._server.serve(sockets=[self._socket]))

    async def _chat(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.gateway.token}".encode()):
            return Response(status_code=401)
        body = json.loads(await request.body())
        try:
            before = self.gateway.usage().cost_usd
            answer = await run_in_threadpool(self.gateway.complete, body)
            cost_usd = self.gateway.usage().cost_usd - before
        except NightcrewError as error:
            return Response(str(error), status_of(error))
        headers = {"x-litellm-response-cost": str(float(cost_usd))}
        return Response(json.dumps(answer), 200, headers, "application/json")


class AsyncApi(OpenRouterApi):
    """The provider's API with chat requests sent by the door's own loop."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, base_url: str, key: SecretStr) -> None:
        super().__init__(base_url, key)
        headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._async = httpx.AsyncClient(headers=headers, timeout=60)

    def chat(
        self,
        body: Any,
        *,
        wall_seconds: float,
        cancellation: Cancellation | None = None,
        on_name: OnName = lambda name: None,
    ) -> Reply:
        async def ask() -> httpx.Response:
            async with asyncio.timeout(wall_seconds):
                return await self._async.post(
                    f"{self.base_url}/chat/completions", json={**body, "stream": False}
                )

        try:
            reply = asyncio.run_coroutine_threadsafe(ask(), self.loop).result()
        except TimeoutError:
            raise NoReply("timeout", "no answer", sent=True) from None
        except httpx.HTTPError as error:
            raise no_reply(error) from None
        return self._reply(reply.status_code, reply.headers, reply.content)


def caller(number: int, url: str, base_url: str, together: Any, results: Any) -> None:
    """The process of one caller; it sends the milliseconds and the CPU seconds of each way."""
    with ExitStack() as stack:
        store = stack.enter_context(StateStore(url))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightcrew-")))
        collector = stack.enter_context(MetricsCollector(folder / "ledger", f"door-{number}"))

        def gateway(name: str, api: OpenRouterApi) -> Gateway:
            models = [each for each in ModelCatalogue(store, api).candidates() if each.model == MODEL]
            task_id = f"t-{number}-{name}"
            books = AttemptBooks(store, api.account, task_id, f"{task_id}:1", BUDGETS, LIMITS)
            evidence = folder / name / "evidence"
            dispatcher = Dispatcher(api, models, books, record=collector.model_call, evidence=evidence)
            return stack.enter_context(Gateway(dispatcher, folder / name))

        def through(gateway: Gateway, path: Path) -> Any:
            client = httpx.Client(
                transport=httpx.HTTPTransport(uds=str(path)),
                headers={"Authorization": f"Bearer {gateway.token}"},
                timeout=60,
            )
            return asking(stack.enter_context(client), "http://gateway/v1/chat/completions", gateway.model)

        api = stack.enter_context(OpenRouterApi(base_url, SecretStr("key")))
        async_api = stack.enter_context(AsyncApi(base_url, SecretStr("key")))
        threads, starlette, whole = gateway("a", api), gateway("b", api), gateway("c", async_api)
        AsyncDoor(starlette, folder / "starlette.sock")
        async_api.loop = AsyncDoor(whole, folder / "whole.sock").loop
        direct = stack.enter_context(httpx.Client(timeout=60))
        ways = {
            "straight": asking(direct, f"{base_url}/chat/completions", MODEL),
            "threads": through(threads, threads.socket_path),
            "starlette": through(starlette, folder / "starlette.sock"),
            "starlette, asyncio upstream": through(whole, folder / "whole.sock"),
        }
        for way in [*ways.values()] * WARM_UP:
            way()
        figures: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
        for turn in range(TURNS):
            for name in random.Random(turn).sample(list(ways), len(ways)):
                together.wait(60)
                time.sleep(random.uniform(0, 0.5))
                used = time.process_time()
                figures[name][0].extend(ways[name]() for _ in range(CALLS_A_TURN))
                figures[name][1].append(time.process_time() - used)
        results.put(figures)
        results.close()
        results.join_thread()
        os._exit(0)  # the loops' threads end with the process


def main() -> None:
    quiet()
    with postgres() as database, twin_process(SCENARIO) as base_url:
        url = database()
        with StateStore(url) as store, OpenRouterApi(base_url, SecretStr("key")) as api:
            ModelCatalogue(store, api).refresh()
        results, together = FORK.Queue(), FORK.Barrier(CALLERS)
        processes = [
            FORK.Process(target=caller, args=(n, url, base_url, together, results)) for n in range(CALLERS)
        ]
        for process in processes:
            process.start()
        found = [results.get(timeout=300) for _ in processes]
    rows = []
    for name in found[0]:
        calls = [ms for one in found for ms in one[name][0]]
        cpu = Decimal(1000 * sum(sum(one[name][1]) for one in found) / len(calls))
        rows.append(
            {
                "way": name,
                "calls": len(calls),
                "p50 ms": percentile(calls, 0.5),
                "p99 ms": percentile(calls, 0.99),
                "CPU ms a call": round(float(cpu), 2),
            }
        )
    table(rows)


if __name__ == "__main__":
    main()
