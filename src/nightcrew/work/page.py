"""A task's page in Prefect's UI: the verdict with its gates and the change, as Markdown."""

from collections.abc import Sequence
from urllib.parse import quote

from nightcrew.crew.status import DASHBOARD
from nightcrew.plain_text import code_block, code_span, markdown_text
from nightcrew.queue.reviews import Review
from nightcrew.queue.task_table import QueuedTask
from nightcrew.selection.plan import Plan
from nightcrew.validation.verdict import GateOutcome, Verdict
from nightcrew.work.outcome import Judged, Outcome
from nightcrew.work.published import published_patch

MOST_DIFF_CHARACTERS = 20_000
WORDS = {
    GateOutcome.PASS: "passed",
    GateOutcome.FAIL: "**failed**",
    GateOutcome.ASKS: "**asks a person**",
    GateOutcome.NOT_MEASURABLE: "**not measurable**",
}


def page(queued: QueuedTask, outcome: Outcome, trials: Sequence[Judged], plans: Sequence[Plan] = ()) -> str:
    """The page of a task that has ended; `plans` are those of the current run."""
    task = queued.task
    head = [
        f"# {outcome.name}: {task.task_type} {markdown_text(task.target_file or '')}".rstrip(),
        markdown_text(outcome.detail),
        _quote(task.description),
        f"Task `{task.task_id}` on commit `{queued.commit[:12]}` of {code_span(task.repo)}: "
        f"[its story, with plans and calls]({DASHBOARD}/tasks/{quote(task.task_id)}).",
    ]
    attempts = [section for trial in trials for section in _attempt(trial)]
    return "\n\n".join((*head, _attempts(trials), *attempts, *_change(trials), *_choices(plans))) + "\n"


def question_page(queued: QueuedTask, review: Review, trials: Sequence[Judged]) -> str:
    """The page of a task that waits for a person: the question, the choices, and then the evidence."""
    asked = Outcome(queued.status, review.question)
    return f"{page(queued, asked, trials)}\n{CHOICES.format(until=review.expires_at, task_id=review.task_id)}"


CHOICES = """\
## Your choices

Resume the run here and fill in the form, or use the command line, until {until:%Y-%m-%d %H:%M} UTC:

- **accept** the change as it is: `nightcrew review {task_id} --accept --reason "..."`
- **retry with a hint**: `nightcrew review {task_id} --retry --hint "..."`
- **retry with a model** of your choice: `nightcrew review {task_id} --retry --model NAME`
- **give up**: `nightcrew review {task_id} --give-up`
"""


# ---------------------------------------------------------------------------------------------------------


def _attempts(trials: Sequence[Judged]) -> str:
    """The attempts as a list, because the UI's tables do not wrap: its form would cut the verdict off."""
    lines = (
        f"- {t.attempt.number}: {_models(t)} with {t.attempt.executor} {t.attempt.end}; "
        f"**{_words(t.verdict)}**, score {t.verdict.score:.2f}; {t.attempt.calls} calls, "
        f"{t.attempt.input_tokens + t.attempt.output_tokens:,} tokens, ${t.attempt.cost_usd:f}"
        for t in trials
    )
    return "\n".join(("**Attempts**\n", *lines)) if trials else "No attempt was made."


def _models(trial: Judged) -> str:
    return " → ".join(code_span(model) for model in trial.attempt.models_served or (trial.attempt.model,))


def _attempt(trial: Judged) -> list[str]:
    verdict = trial.verdict
    found = _gates(verdict) if verdict.gates else markdown_text(verdict.summary)
    return [
        f"## Attempt {trial.attempt.number}: {_words(verdict)}, score {verdict.score:.2f}",
        found,
    ]


def _words(verdict: Verdict) -> str:
    return str(verdict.kind).replace("_", " ")


def _gates(verdict: Verdict) -> str:
    """The gates as a list, for the same reason."""
    return "\n".join(
        f"- {gate.name} {WORDS[gate.outcome]}: {markdown_text(gate.message)}" for gate in verdict.gates
    )


def _change(trials: Sequence[Judged]) -> list[str]:
    patch = published_patch(trials[-1].attempt.patch) if trials else ""
    if not patch:
        return []
    shown = patch[:MOST_DIFF_CHARACTERS]
    cut = [] if shown == patch else ["The rest is in the results folder."]
    return ["## Change", code_block(shown, "diff"), *cut]


def _choices(plans: Sequence[Plan]) -> list[str]:
    """The reasons for each choice of models, latest first because it used the most evidence."""
    if not plans:
        return []
    return ["## Why these models", "\n\n---\n\n".join(plan.explanation for plan in reversed(plans))]


def _quote(text: str) -> str:
    return "\n".join(f"> {markdown_text(line)}" for line in text.splitlines())
