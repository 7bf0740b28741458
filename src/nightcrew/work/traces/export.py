"""Sends spans to a collector by OTLP, as the usual `OTEL_*` variables say; without them, nothing is loaded.

A collector that does not answer costs a task a few seconds at its end and never its outcome.
"""

import hashlib
import logging
import os
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nightcrew.errors import BadInput
from nightcrew.work.traces.spans import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

type Exporter = SpanExporter

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_MOST_SECONDS = "5"  # unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise
_SCOPE = "nightcrew"


def traces_are_wanted() -> bool:
    """True if a variable names a collector, and none turns traces off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none"
    return any(os.environ.get(name) for name in ENDPOINTS) and not off and not none


def check_traces() -> None:
    """Raise BadInput if traces are wanted and the libraries for them are missing."""
    if traces_are_wanted() and find_spec("opentelemetry.exporter") is None:
        raise BadInput(
            f"{' or '.join(ENDPOINTS)} asks for traces, whose libraries are missing: "
            "install nightcrew[traces], or unset the variable"
        )


def load() -> None:
    """Make the exporter, if traces are wanted, so that forked processes have it and its libraries already."""
    if traces_are_wanted() and find_spec("opentelemetry.exporter") is not None:
        import_module("opentelemetry.sdk.trace")
        _exporter()  # some of its libraries are only loaded when it is made


def send(task_id: str, spans: Iterable[Span]) -> None:
    """Send spans of a task, if traces are wanted; a failure is logged and changes nothing."""
    if not traces_are_wanted():
        return
    try:
        deliver(task_id, spans, _exporter())
    except Exception as error:
        log.warning("the trace of task %s could not be sent: %s", task_id, error)


def deliver(task_id: str, spans: Iterable[Span], exporter: Exporter) -> None:
    """Give spans of a task to an exporter; each span has the same ids whenever it is sent."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(key: str) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(
            _number(f"task {task_id}", 16), _number(key, 8), is_remote=False, trace_flags=flags
        )

    made = [
        ReadableSpan(
            name=span.name,
            context=context(span.key),
            parent=None if span.parent is None else context(span.parent),
            resource=_resource(),
            attributes=span.attributes,
            kind=SpanKind.CLIENT if span.is_call else SpanKind.INTERNAL,
            instrumentation_scope=InstrumentationScope(_SCOPE),
            status=Status(StatusCode.OK) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=int(span.started_at.timestamp() * 1e9),
            end_time=int(span.ended_at.timestamp() * 1e9),
        )
        for span in spans
    ]
    if made and exporter.export(made).name != "SUCCESS":
        log.warning("the collector did not take the trace of task %s", task_id)


# ---------------------------------------------------------------------------------------------------------


@cache
def _exporter() -> Exporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", _MOST_SECONDS)
    return OTLPSpanExporter()


@cache
def _resource() -> "Resource":
    from opentelemetry.sdk.resources import Resource

    os.environ.setdefault("OTEL_SERVICE_NAME", _SCOPE)
    return Resource.create()


def _number(key: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:size])
