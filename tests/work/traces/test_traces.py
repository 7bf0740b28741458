"""The trace of a task: what it consists of, and that a collector gets it by OTLP."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nightcrew import host
from nightcrew.crew.environment import FOR_WORK
from nightcrew.errors import BadInput
from nightcrew.execution.attempt import Attempt, AttemptEnd, ModelCall
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import ExecutorName, Task, TaskStatus, TaskType
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind
from nightcrew.work.traces import export
from nightcrew.work.traces.spans import Span, attempt_spans, task_spans

START = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
SECRET_TEXT = "what the prompt says"

ATTEMPT = Attempt(
    attempt_id="t-1:1",
    task_id="t-1",
    number=1,
    executor=ExecutorName.DIRECT,
    model="maker/small",
    models_served=("maker/small",),
    started_at=START,
    ended_at=START + timedelta(seconds=10),
    end=AttemptEnd.FINISHED,
    detail=SECRET_TEXT,
    patch=SECRET_TEXT,
    calls=2,
    input_tokens=10,
    output_tokens=5,
    cost_usd=Decimal("0.001"),
)
CALL = ModelCall(
    call_id="t-1:1:1",
    attempt_id="t-1:1",
    task_id="t-1",
    sequence=1,
    asked_model="maker/small",
    served_model="maker/small-1",
    provider="Maker",
    started_at=START + timedelta(seconds=1),
    duration_ms=2_000.0,
    first_token_ms=None,
    http_status=200,
    input_tokens=10,
    output_tokens=5,
    cached_tokens=0,
    reasoning_tokens=0,
    cost_usd=Decimal("0.001"),
    input_price_usd=None,
    output_price_usd=None,
    finish_reason="stop",
    fault=None,
    generation_id="gen-1",
    streamed=False,
)
REFUSED = replace(
    CALL,
    call_id="t-1:1:2",
    fault="rate_limited",
    http_status=429,
    served_model=None,
    finish_reason=None,
    generation_id=None,
    cost_usd=None,
)
GATE = GateResult(
    "scope",
    GateOutcome.FAIL,
    SECRET_TEXT,
    began=START.timestamp() + 12,
    seconds=3.0,
    evidence={"a": SECRET_TEXT},
)
VERDICT = Verdict(VerdictKind.REJECTED, 0.2, (GATE,), SECRET_TEXT, SECRET_TEXT)


@pytest.fixture
def spans() -> list[Span]:
    task = Span("t-1", None, "task bug_fix", START, START + timedelta(seconds=20))
    return [task, *attempt_spans(ATTEMPT, VERDICT, [asdict(CALL), asdict(REFUSED)])]


def test_an_attempt_holds_its_calls_and_gates(spans: list[Span]) -> None:
    tree = [(span.key, span.parent, span.name, span.seconds, span.error) for span in spans[1:]]
    assert tree == [
        ("t-1:1", "t-1", "invoke_agent direct", 15.0, None),
        ("t-1:1:1", "t-1:1", "chat maker/small", 2.0, None),
        ("t-1:1:2", "t-1:1", "chat maker/small", 2.0, "rate_limited"),
        ("t-1:1/scope", "t-1:1", "gate scope", 3.0, "fail"),
    ]
    assert spans[2].attributes["gen_ai.response.model"] == "maker/small-1"
    assert spans[2].attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert spans[3].attributes["error.type"] == "rate_limited"
    assert "nightcrew.call.cost_usd" not in spans[3].attributes, "an unknown cost is not zero"
    assert SECRET_TEXT not in str(spans)


def test_the_call_that_tries_the_model_first_belongs_to_its_attempt() -> None:
    early = asdict(replace(CALL, started_at=START - timedelta(seconds=1)))
    attempt, call = attempt_spans(ATTEMPT, None, [early])
    assert attempt.started_at == call.started_at == START - timedelta(seconds=1)


@pytest.mark.parametrize(("started", "seconds"), [(None, 20.0), (START + timedelta(seconds=8), 8.0)])
def test_the_wait_in_the_queue_is_a_span_of_the_task(started: datetime | None, seconds: float) -> None:
    task = Task(task_id="t-1", task_type=TaskType.BUG_FIX, description=SECRET_TEXT, repo="https://a.b/c.git")
    queued = QueuedTask(task, "a" * 40, TaskStatus.RUNNING, START, started_at=started)
    whole, wait = task_spans(queued, START + timedelta(seconds=20))
    assert (wait.parent, wait.name, wait.seconds) == (whole.key, "wait in the queue", seconds)
    assert whole.seconds == 20.0
    assert SECRET_TEXT not in str([whole, wait])


def test_spans_have_the_same_ids_whenever_they_are_sent(spans: list[Span]) -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    export.deliver("t-1", spans[1:], exporter)
    export.deliver("t-1", spans, exporter)
    sent = exporter.get_finished_spans()
    ids = [(span.context.trace_id, span.context.span_id) for span in sent]
    assert len(sent) == 4 + 5
    assert ids[:4] == ids[5:]
    assert len({trace for trace, _ in ids}) == 1
    task, attempt, call = sent[4], sent[5], sent[6]
    assert task.parent is None
    assert (attempt.parent.span_id, call.parent.span_id) == (task.context.span_id, attempt.context.span_id)
    assert (call.kind.name, call.status.status_code.name) == ("CLIENT", "OK")
    assert call.end_time - call.start_time == 2 * 10**9


class Collector(BaseHTTPRequestHandler):
    """Keeps the bodies that it is sent."""

    bodies: list[bytes]
    keys: list[str | None]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.keys.append(self.headers.get("x-key"))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Collector]]:
    """A collector that the usual variables name."""
    kind = type("Kept", (Collector,), {"bodies": [], "keys": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    export._exporter.cache_clear()
    yield kind
    export._exporter.cache_clear()
    server.shutdown()
    server.server_close()


def test_a_collector_gets_the_spans_by_otlp(collector: type[Collector], spans: list[Span]) -> None:
    message = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    export.send("t-1", spans)
    request = message.ExportTraceServiceRequest.FromString(collector.bodies[0])
    (resource,) = request.resource_spans
    names = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert names["service.name"] == "nightcrew"
    assert [span.name for span in resource.scope_spans[0].spans] == [span.name for span in spans]
    assert collector.keys == ["abc"]
    assert SECRET_TEXT.encode() not in collector.bodies[0]


def test_a_process_that_forks_has_the_libraries_and_no_thread_of_them() -> None:
    pytest.importorskip("opentelemetry.sdk.trace")
    code = (
        "import sys, os; from nightcrew.work.traces.export import load, _exporter; load(); "
        "before = set(sys.modules); assert len(os.listdir('/proc/self/task')) == 1; "
        "_exporter(); print(len(set(sys.modules) - before))"
    )
    env = host.environment() | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_a_collector_that_is_not_there_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, spans: list[Span], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    export._exporter.cache_clear()
    export.send("t-1", spans)
    export._exporter.cache_clear()
    assert "trace of task t-1" in caplog.text


def test_nothing_is_loaded_while_no_variable_asks_for_traces() -> None:
    code = (
        "import sys; from nightcrew.work.traces.export import check_traces, send; "
        "check_traces(); send('t', []); "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=host.environment()).returncode == 0


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_usual_variables_turn_traces_on_and_off(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert export.traces_are_wanted() is wanted


def test_missing_libraries_are_named_before_the_crew_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"install nightcrew\[traces\]"):
        export.check_traces()


def test_the_variables_reach_the_worker_and_no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    assert "OTEL_EXPORTER_OTLP_HEADERS" in host.environment(*FOR_WORK)
    assert "OTEL_EXPORTER_OTLP_HEADERS" not in host.environment()
