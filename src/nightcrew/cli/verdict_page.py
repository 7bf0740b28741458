"""A verdict as a comment on a pull request: Markdown with the evidence as a table."""

from collections.abc import Iterator

from nightcrew.plain_text import code_span, comment_text
from nightcrew.task import Task
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

MARKER = "<!-- nightcrew-verify -->"
"""The comment's first line, by which the next run finds it."""
_WORDS = {
    VerdictKind.ACCEPTED: "accepted",
    VerdictKind.REJECTED: "rejected",
    VerdictKind.NOT_MEASURABLE: "a person has to decide",
    VerdictKind.INFRASTRUCTURE_FAULT: "could not be judged",
}
_MARKS = {
    GateOutcome.PASS: "✅",
    GateOutcome.FAIL: "❌",
    GateOutcome.ASKS: "🙋",
    GateOutcome.NOT_MEASURABLE: "❔",
}


def verdict_page(verdict: Verdict, task: Task, commit: str) -> str:
    """The whole comment; nothing in it mentions people or becomes markup, whatever the change says."""
    kind = f"{task.task_type} {code_span(task.target_file or '')}".strip()
    head = f"Judged as {kind} on {code_span(commit[:12] or task.base)}, in sandbox: {verdict.sandbox}."
    score = f"score {verdict.score:.2f}, {task.quality_threshold:.2f} needed"
    parts = [MARKER, f"### Nightcrew: {_WORDS[verdict.kind]} ({score})", head]
    if verdict.gates:
        parts.append("\n".join(("| gate | | finding |", "| --- | --- | --- |", *_rows(verdict))))
    if verdict.kind is not VerdictKind.ACCEPTED:
        parts.append(f"**What to do:** {comment_text(_hint(verdict))}")
    parts.append(f"The same here: {code_span(_command(task, commit))}")
    return "\n\n".join(parts) + "\n"


# ---------------------------------------------------------------------------------------------------------


def _rows(verdict: Verdict) -> Iterator[str]:
    for gate in verdict.gates:
        yield f"| {gate.name} | {_MARKS[gate.outcome]} | {comment_text(_finding(gate))} |"
    for name in verdict.not_reached:
        yield f"| {name} | – | not reached |"


def _finding(gate: GateResult) -> str:
    places = ", ".join(dict.fromkeys(finding.place for finding in gate.findings))
    return f"{gate.message} ({places})" if places and places not in gate.message else gate.message


def _hint(verdict: Verdict) -> str:
    failed = sorted(verdict.gates, key=lambda gate: gate.outcome is not GateOutcome.FAIL)
    hints = (gate.hint for gate in failed if gate.outcome is not GateOutcome.PASS and gate.hint)
    return next(hints, verdict.feedback or verdict.summary)


def _command(task: Task, commit: str) -> str:
    target = f" --target-file {task.target_file}" if task.target_file else ""
    base = commit[:12] or task.base
    return f"nightcrew verify --task-type {task.task_type}{target} --base {base} --patch BRANCH"
