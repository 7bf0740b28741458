"""What the model selector learns from an attempt, for this task and for later ones."""

from collections.abc import Collection, Mapping, Sequence

from nightcrew.execution.attempt import AttemptEnd
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.plan import Rung
from nightcrew.task import Task
from nightcrew.validation.verdict import VerdictKind
from nightcrew.work.crew import Crew
from nightcrew.work.outcome import Judged


def tried(trials: Sequence[Judged], *, but_for: Collection[str] = ()) -> list[Trial]:
    """The trials that count in choosing the next model: the judged ones, and those with an unfit model.

    Models in `but_for` are left out: a person asked for them in spite of their trials.
    """
    ends = [(judged, _end(judged)) for judged in trials if judged.slug not in but_for]
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


def learn(crew: Crew, task: Task, rung: Rung, judged: Judged, before: Sequence[Judged]) -> None:
    """Update the selector's memory with a verdict; an infrastructure fault says nothing about the model.

    Attempts served by several models are skipped: the verdict cannot be attributed to one of them.
    """
    attempt = judged.attempt
    candidate = next((c for c in crew.catalogue.candidates() if c.model == rung.model), None)
    if candidate is None or judged.is_fault or len(attempt.models_served) > 1:
        return
    if judged.slug != candidate.slug:
        candidate = next((c for c in crew.catalogue.candidates() if c.slug == judged.slug), candidate)
    spent = Spent(
        input_tokens=attempt.input_tokens,
        output_tokens=attempt.output_tokens,
        calls=attempt.calls,
        seconds=(attempt.ended_at - attempt.started_at).total_seconds(),
        cost_usd=attempt.cost_usd,
    )
    with Memory.updating(crew.settings.memory_path) as memory:
        memory.record(
            task_type=task.task_type,
            executor=rung.executor,
            candidate=candidate,
            end=_end(judged),
            spent=spent,
            complexity=task.complexity,
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
