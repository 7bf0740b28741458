"""What a verdict on an attempt says about a model. Pure rules; `recollection` applies them."""

from collections.abc import Collection, Mapping, Sequence

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.task import Complexity, TaskType
from nightcrew.validation.verdict import VerdictKind
from nightcrew.work.outcome import Judged


def tried(trials: Sequence[Judged], *, but_for: Collection[str] = ()) -> list[Trial]:
    """The trials that count in choosing the next model: the judged ones, and those with an unfit model.

    Models in `but_for` are left out: a person asked for them in spite of their trials.
    """
    counted = [one for one in trials if one.slug not in but_for and not one.is_outdated]
    ends = [(judged, _end(judged)) for judged in counted]
    return [_trial(judged) for judged, end in ends if end is not TrialEnd.FAULT]


def worker_of(served: Sequence[str], rung_model: str, slugs: Mapping[str, str]) -> str:
    """The slug of the model that did the last work in an attempt.

    `slugs` maps models to slugs. A provider may answer under another name than the one that was asked for.
    """
    last = served[-1] if served else rung_model
    known = set(slugs.values())
    return next(
        (slug for slug in (slugs.get(last), last.split(":")[0]) if slug in known),
        slugs.get(rung_model, rung_model),
    )


def remember(
    memory: Memory,
    candidates: Sequence[Candidate],
    task_type: TaskType,
    complexity: Complexity,
    judged: Judged,
    before: Sequence[Judged],
) -> None:
    """Record what a verdict says about the model that did the work; `before` are the task's earlier trials.

    Infrastructure faults are ignored, and so are attempts served by several models, because the verdict
    cannot be attributed to one of them.
    """
    attempt = judged.attempt
    candidate = next((c for c in candidates if c.model == attempt.model), None)
    if candidate is None or judged.is_fault or len(attempt.models_served) > 1:
        return
    if judged.slug != candidate.slug:
        candidate = next((c for c in candidates if c.slug == judged.slug), candidate)
    spent = Spent(
        input_tokens=attempt.input_tokens,
        output_tokens=attempt.output_tokens,
        calls=attempt.calls,
        seconds=(attempt.ended_at - attempt.started_at).total_seconds(),
        cost_usd=attempt.cost_usd,
    )
    memory.record(
        task_type=task_type,
        executor=attempt.executor,
        candidate=candidate,
        end=_end(judged),
        spent=spent,
        complexity=complexity,
        before=tried(before),
    )


# ---------------------------------------------------------------------------------------------------------


def _end(judged: Judged) -> TrialEnd:
    if judged.attempt.end is AttemptEnd.MODEL_UNFIT:
        return TrialEnd.UNFIT
    if judged.is_fault or judged.verdict.kind is VerdictKind.NOT_MEASURABLE:
        return TrialEnd.FAULT
    return TrialEnd.ACCEPTED if judged.verdict.kind is VerdictKind.ACCEPTED else TrialEnd.REJECTED


def _trial(judged: Judged) -> Trial:
    attempt = judged.attempt
    return Trial(attempt.executor, judged.slug, _end(judged), attempt.input_tokens, attempt.output_tokens)
