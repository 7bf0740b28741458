"""`nightcrew trace`: what one task's time was spent on, as a tree."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import duration, print_json, print_line
from nightcrew.settings import load_settings

if TYPE_CHECKING:
    from nightcrew.work.traces.spans import Span

_WIDTH = 60


@app.command("trace")
def trace(
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The id printed by submit-task.")],
    as_json: AsJson = False,
) -> None:
    """Print a task's trace as a tree. It has attempts, model calls and gates, and how long each took."""
    from nightcrew.crew import dispatch
    from nightcrew.work.traces.reading import read_trace

    settings = load_settings()
    with dispatch.open_queue(settings) as queue:
        spans = read_trace(queue, settings, task_id)
    if as_json:
        print_json(spans)
        return
    for line in _tree(spans, spans[0], ""):
        print_line(line)


# ---------------------------------------------------------------------------------------------------------


def _tree(spans: "Sequence[Span]", span: "Span", indent: str) -> "Iterator[str]":
    """The line of a span, and those below it in order of time."""
    start = (span.started_at - spans[0].started_at).total_seconds()
    name = f"{indent}{_title(span)}"
    line = f"{name:<{_WIDTH}} at {start:8.1f} s  took {duration(span.seconds):>11}"
    result = span.error or str(span.attributes.get("nightcrew.verdict", "")).removeprefix("none")
    yield f"{line}  {result}" if result else line
    below = sorted((one for one in spans if one.parent == span.key), key=lambda one: one.started_at)
    for one in below:
        yield from _tree(spans, one, indent + "  ")


def _title(span: "Span") -> str:
    """What the span is, in our words; its name is OpenTelemetry's."""
    known = span.attributes
    if number := known.get("nightcrew.attempt.number"):
        return f"attempt {number}: {known['gen_ai.agent.name']} with {known['gen_ai.request.model']}"
    return span.name
