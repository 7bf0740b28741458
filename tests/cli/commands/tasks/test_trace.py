"""The trace of a task as a tree, for a person."""

from dataclasses import asdict
from datetime import timedelta

from nightcrew.cli.commands.tasks.trace import _tree
from nightcrew.work.traces.spans import Span, attempt_spans
from tests.work.traces.test_traces import ATTEMPT, CALL, START, VERDICT


def test_each_line_has_begin_duration_and_result() -> None:
    task = Span("t-1", None, "task bug_fix", START, START + timedelta(seconds=20))
    spans = [task, *attempt_spans(ATTEMPT, VERDICT, [asdict(CALL)])]
    lines = [" ".join(line.split()) for line in _tree(spans, task, "")]
    assert lines == [
        "task bug_fix at 0.0 s took 20.0 s",
        "attempt 1: direct with maker/small at 0.0 s took 15.0 s rejected",
        "chat maker/small at 1.0 s took 2.0 s",
        "gate scope at 12.0 s took 3.0 s fail",
    ]
