"""The text of a pull request: what was asked, the evidence, and how to verify it again."""

import shlex
from collections.abc import Iterator

from nightcrew.forge.pull_request import MOST_BODY, Page
from nightcrew.plain_text import code_block, code_span, comment_text, unlinked
from nightcrew.queue.delivery import Delivery
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.redaction import redact
from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict
from nightcrew.work.outcome import Judged

MARKER = "<!-- nightcrew task={} -->"
_QUESTIONS = {
    "lost": "Is anything lost that nobody asked to lose?",
    "needed": "Is each line needed?",
    "empowered": "Can the code do anything new that nobody asked for?",
}
_WORDS = {
    GateOutcome.PASS: "yes",
    GateOutcome.FAIL: "no",
    GateOutcome.ASKS: "a person decided",
    GateOutcome.NOT_MEASURABLE: "not measured",
}
_MOST_ASKED = 4_000


def pull_page(
    settings: Settings, queued: QueuedTask, trial: Judged, delivery: Delivery, *, by_a_person: bool
) -> Page:
    """What the pull request of a delivered change says; nothing in it is markup or calls people."""
    task, verdict = queued.task, trial.verdict
    accepted = "by a person" if by_a_person else f"on its evidence, score {verdict.score:.2f}"
    models = trial.attempt.models_served or (trial.attempt.model,)
    parts = [
        MARKER.format(task.task_id),
        f"Nightcrew made this change, and it was accepted {accepted}. Please review it like any other.",
        *([f"Closes #{task.issue}"] if task.issue else []),
        f"### What was asked\n\n{_asked(task)}",
        "### The three questions\n\n" + "\n".join(_questions(verdict)),
        "### All gates\n\n| gate | passed | finding |\n| --- | --- | --- |\n" + "\n".join(_rows(verdict)),
        "### Made by\n\n"
        f"{', '.join(map(code_span, models))} in {queued.attempts} attempts and {queued.calls} calls, for "
        f"{queued.cost_usd} USD. Task {code_span(task.task_id)} on commit "
        f"{code_span((delivery.onto or queued.commit)[:12])}; judged in sandbox: {verdict.sandbox}.",
        f"### Verify it again\n\n{code_block(_command(task, delivery), 'sh')}",
    ]
    body = redact("\n\n".join(parts))
    return Page(
        title=delivery.message.partition("\n")[0],
        body=body if len(body) <= MOST_BODY else f"{body[:MOST_BODY]}…",
        base=task.base,
        draft=settings.draft_pull_requests,
        labels=settings.pull_request_labels,
    )


# ---------------------------------------------------------------------------------------------------------


def _asked(task: Task) -> str:
    cut = "" if len(task.description) <= _MOST_ASKED else "\n(cut)"
    return unlinked(code_block(task.description[:_MOST_ASKED] + cut, "text"))


def _questions(verdict: Verdict) -> Iterator[str]:
    gates = {gate.name: gate for gate in verdict.gates}
    for name, question in _QUESTIONS.items():
        gate = gates.get(name)
        yield f"- **{question}** {_finding(gate) if gate else 'Not asked for this type of task.'}"


def _rows(verdict: Verdict) -> Iterator[str]:
    for gate in verdict.gates:
        yield f"| {gate.name} | {_WORDS[gate.outcome]} | {_finding(gate)} |"
    for name in verdict.not_reached:
        yield f"| {name} | not reached | |"


def _finding(gate: GateResult) -> str:
    strength = "" if gate.strength is None else f" (strength {gate.strength:.2f})"
    return f"{comment_text(gate.message)}{strength}"


def _command(task: Task, delivery: Delivery) -> str:
    target = f" --target-file {shlex.quote(task.target_file)}" if task.target_file else ""
    base = (delivery.onto or task.base)[:12]
    return (
        f"git fetch origin {delivery.branch}:{delivery.branch}\n"
        f"nightcrew verify --task-type {task.task_type}{target} --base {base} --patch {delivery.branch}"
    )
