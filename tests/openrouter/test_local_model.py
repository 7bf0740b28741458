"""The gateway before a real model, served by an engine nobody here wrote: `scripts/local_model.sh` runs this.

The model has 135 million parameters. It can speak; it cannot program, and the verdict must say so.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightcrew.errors import ModelUnfit, Transient
from nightcrew.execution.attempt import ModelCall
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.execution_engine import ExecutionEngine
from nightcrew.execution.executors.direct import DirectExecutor
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.queue.state_store import StateStore
from nightcrew.selection.candidates import Candidate
from nightcrew.settings import SandboxKind, Settings
from nightcrew.task import ExecutorName, Task, TaskType
from nightcrew.validation.verdict import VerdictKind
from tests.validation.house import House, make_house

PYTHON = os.environ.get("NIGHTCREW_LOCAL_MODEL")
pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(PYTHON is None, reason="scripts/local_model.sh brings engine and model"),
]
MODEL = "smollm2"
STORY = "Tell me a very long story about a night train. Do not stop early."


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """The engine's address; it takes a few seconds to load the model."""
    assert PYTHON is not None
    script = Path(__file__).with_name("local_engine.py")
    engine = subprocess.Popen(
        [PYTHON, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert engine.stdin is not None and engine.stdout is not None
    yield f"{engine.stdout.readline().strip()}/v1"
    engine.stdin.close()
    try:
        engine.wait(20)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()


class Backend:
    """What the crew would work with, at this engine."""

    def __init__(self, stack: ExitStack, store: StateStore, base_url: str, place: Path) -> None:
        self._stack, self._store, self._place = stack, store, place
        self.api = stack.enter_context(OpenRouterApi(base_url, None))
        self.catalogue = ModelCatalogue(
            store, self.api, configured=[MODEL], unknown_price_usd=Decimal("0.000001")
        )
        self.catalogue.refresh()
        self.calls: list[ModelCall] = []

    @property
    def candidate(self) -> Candidate:
        (found,) = self.catalogue.candidates()
        return found

    def gateway(self, *, most_tokens: int = 2000, **rules: Any) -> Gateway:
        budgets, attempt_id = Budgets(task_usd=Decimal(1)), f"t-local:{len(self.calls)}"
        dispatcher = Dispatcher(
            self.api,
            [replace(self.candidate, max_output_tokens=most_tokens)],
            AttemptBooks(self._store, self.api.account, "t-local", attempt_id, budgets),
            record=self.calls.append,
            rules=CallRules(**rules),
        )
        return self._stack.enter_context(Gateway(dispatcher, self._place / "door"))


@pytest.fixture
def backend(store: StateStore, base_url: str, tmp_path: Path) -> Iterator[Backend]:
    with ExitStack() as stack:
        yield Backend(stack, store, base_url, tmp_path)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    return make_house(folder / "repo", Settings(home=folder / "home"), open_sandbox(SandboxKind.BUBBLEWRAP))


def ask(text: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "temperature": 0, **fields}


def still_answers(backend: Backend) -> bool:
    """The engine has not been left busy by what went before."""
    with backend.gateway() as gateway:
        return bool(gateway.complete(ask("Say yes.", max_tokens=5))["choices"])


def within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_the_catalogue_is_what_the_operator_names_and_what_the_engine_says(backend: Backend) -> None:
    assert backend.candidate.model == MODEL
    assert backend.candidate.context_tokens == 2048


def test_an_answer_comes_with_its_usage_and_is_charged_at_the_stated_price(backend: Backend) -> None:
    gateway = backend.gateway()
    answer = gateway.complete(ask("What is the capital of France?", max_tokens=30))
    assert answer["choices"][0]["message"]["content"].strip()
    (call,) = backend.calls
    assert call.fault is None and call.input_tokens > 5 and 1 < call.output_tokens <= 30
    assert call.cost_usd == (call.input_tokens + call.output_tokens) * Decimal("0.000001")
    assert gateway.usage().cost_usd == call.cost_usd


def test_a_stream_comes_piece_by_piece_with_its_usage_at_the_end(backend: Backend) -> None:
    gateway = backend.gateway()
    transport = httpx.HTTPTransport(uds=str(gateway.socket_path))
    headers = {"Authorization": f"Bearer {gateway.token}"}
    with (
        httpx.Client(transport=transport, headers=headers, timeout=120) as client,
        client.stream(
            "POST",
            "http://gateway/v1/chat/completions",
            json=ask("Count to ten.", max_tokens=40, stream=True),
        ) as reply,
    ):
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    pieces = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert len([piece for piece in pieces if piece]) > 5
    assert chunks[-1]["usage"]["completion_tokens"] > 5
    (call,) = backend.calls
    assert call.streamed and call.fault is None and call.output_tokens > 5
    assert call.first_token_ms is not None and 0 < call.first_token_ms < call.duration_ms


def test_a_call_ends_at_its_wall_clock_and_the_engine_is_free_again(backend: Backend) -> None:
    gateway = backend.gateway(seconds=1.0, sleep=lambda seconds: None)
    began = time.monotonic()
    with pytest.raises(Transient):
        gateway.complete(ask(STORY))
    assert time.monotonic() - began < 20
    assert {call.fault for call in backend.calls} == {"timeout"}
    assert all(call.duration_ms < 5000 for call in backend.calls)


def test_a_client_that_hangs_up_ends_the_call_and_the_engine_is_free_again(backend: Backend) -> None:
    gateway = backend.gateway()
    chunks = gateway.dispatcher.stream(ask(STORY))
    assert next(chunks) is not None
    chunks.close()  # type: ignore[attr-defined]
    assert [call.fault for call in backend.calls] == ["abandoned"]
    assert still_answers(backend)


def test_an_attempt_that_is_over_gives_up_what_is_running(backend: Backend) -> None:
    gateway = backend.gateway()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(gateway.socket_path)), timeout=60) as client:
        headers = {"Authorization": f"Bearer {gateway.token}"}
        request = client.build_request(
            "POST", "http://gateway/v1/chat/completions", json=ask(STORY, stream=True), headers=headers
        )
        reply = client.send(request, stream=True)
        next(reply.iter_raw())
        gateway.__exit__(None, None, None)
        assert within(10, lambda: [call.fault for call in backend.calls] == ["abandoned"])
        reply.close()
    assert still_answers(backend)


def test_a_conversation_that_proves_longer_than_the_context_is_known_for_that(backend: Backend) -> None:
    """By its bytes it could have fitted; only the engine counts tokens."""
    gateway = backend.gateway()
    with pytest.raises(ModelUnfit, match="context_overflow"):
        gateway.complete(ask("7 " * 2600))
    assert [call.fault for call in backend.calls] == ["context_overflow"]
    assert still_answers(backend)


def test_its_useless_work_is_rejected_by_the_verdict(backend: Backend, house: House) -> None:
    task = Task(
        task_id="t-local",
        description="Write unit tests for src/shop/names.py.",
        repo=str(house.repo),
        task_type=TaskType.UNIT_TEST,
        target_file="src/shop/names.py",
    )
    engine = ExecutionEngine(house.settings, house.sandbox, {ExecutorName.DIRECT: DirectExecutor()})
    with base_checkout(task.repo, house.commit, house.settings) as base:
        attempt = engine.run(
            task,
            base,
            number=1,
            executor=ExecutorName.DIRECT,
            model=MODEL,
            feedback="",
            door=backend.gateway(most_tokens=300),
            context_tokens=backend.candidate.context_tokens,
        )
    assert backend.calls and not attempt.end.is_fault, attempt.detail
    verdict = house.judge(attempt.patch, target=task.target_file)
    assert verdict.kind is VerdictKind.REJECTED, verdict.summary


def test_what_it_writes_is_rejected_also_where_it_is_taken_at_its_word(
    backend: Backend, house: House
) -> None:
    source = (house.repo / "src/shop/names.py").read_text()
    question = f"Write pytest tests for this module. Answer with Python code only.\n```python\n{source}```"
    result = backend.gateway().complete(ask(question, max_tokens=400))["choices"][0]["message"]["content"]
    code = re.search(r"```(?:python)?\n(.*?)(?:```|\Z)", result, re.DOTALL)
    patch = house.patch({"tests/test_more_names.py": code.group(1) if code else result})
    verdict = house.judge(patch, target="src/shop/names.py")
    assert verdict.kind is VerdictKind.REJECTED, verdict.summary
