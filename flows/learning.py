"""What the model selector learns from an attempt, for this task and for all that come."""

from collections.abc import Collection, Sequence

from flows.crew import Crew
from flows.outcome import Judged
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.plan import Rung
from nightcrew.task import Task
from nightcrew.validation.verdict import VerdictKind


def tried(trials: Sequence[Judged], *, but_for: Collection[str] = ()) -> list[Trial]:
    """The trials that count when the next model is chosen: those that were judged, and those whose model
    cannot take this task; but none of the models in `but_for`, which a person wants all the same."""
    ends = [(judged, _end(judged)) for judged in trials if judged.slug not in but_for]
    return [_trial(judged) for judged, end in ends if end is not TrialEnd.FAULT]


def learn(crew: Crew, task: Task, rung: Rung, judged: Judged, before: Sequence[Judged]) -> None:
    """Remember what a verdict says about the rung's model; a fault says nothing about it."""
    candidate = next((c for c in crew.catalogue.candidates() if c.model == rung.model), None)
    if candidate is None or judged.is_fault:
        return
    attempt = judged.attempt
    spent = Spent(
        input_tokens=attempt.input_tokens,
        output_tokens=attempt.output_tokens,
        calls=attempt.calls,
        seconds=(attempt.ended_at - attempt.started_at).total_seconds(),
        cost_usd=attempt.cost_usd,
    )
    with Memory.updating(crew.settings.memory_path) as memory:
        memory.record(
            category=task.task_type,
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
