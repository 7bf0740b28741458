"""The four steps of the work on a task: select a model, execute, validate, record. Blocking code."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta

from nightcrew.execution.attempt import Attempt, AttemptEnd, ModelCall
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.execution.executors.edit_format import formats_for
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.availability import budgets_of, limits_of
from nightcrew.openrouter.books.offline import go_offline
from nightcrew.openrouter.gateway import Gateway
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.secrets.redaction import redact, redact_object
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.plan import Plan
from nightcrew.task import ExecutorName
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.canary import tried_plan
from nightcrew.work.learning import worker_of
from nightcrew.work.obstacles import stopping_on_a_full_disk, wait_for_models, wait_for_provider
from nightcrew.work.outcome import Judged, NoModelLeft
from nightcrew.work.planning import models_of, plan_for
from nightcrew.work.published import published
from nightcrew.work.recollection import learn
from nightcrew.work.traces.export import send
from nightcrew.work.traces.spans import attempt_spans
from nightcrew.work.work import Work

log = logging.getLogger(__name__)

STALE = timedelta(hours=3)  # several hourly refreshes were missed


def select_model(work: Work) -> Plan:
    """Make a new plan from everything known by now; sets `work.wait` if no attempt can start yet.

    Raises:
        NoModelLeft: no model can do this task, now or after a wait.
        AccountStopped: the crew is stopped.
    """
    work.report_progress(0.0)
    crew = work.crew
    age = crew.catalogue.age
    if age is None or age > STALE:
        refreshed = crew.catalogue.refresh()
        # Of a new crew that begins without a network; where the answer is an empty list, waiting is no help.
        if refreshed.error and not refreshed.answered and not crew.catalogue.candidates():
            go_offline(crew.store, crew.api.account, refreshed.error)
    with stopping_on_a_full_disk(crew):
        plan = tried_plan(work, plan_for(work, work.answer), lambda: plan_for(work, work.answer))
    work.plans.append(plan)
    crew.collector.decision(work.task.task_id, len(work.trials) + 1, plan)
    log.info("%s", plan.explanation)
    work.wait = wait_for_provider(crew) or wait_for_models(
        crew, plan, lambda changed: plan_for(work, work.answer, changed)
    )
    if not plan.rungs and work.wait is None:
        raise NoModelLeft(plan)
    return plan


def execute(work: Work, plan: Plan) -> Attempt:
    """Make one attempt with the plan's first rung; its model calls go through their own gateway."""
    work.report_progress(0.1)
    work.hold()
    with stopping_on_a_full_disk(work.crew):
        attempt = _execute(work, plan)
    work.crew.collector.attempt_finished(attempt)
    log.info("attempt %s with %s: %s: %s", attempt.number, attempt.model, attempt.end, attempt.detail)
    return attempt


def validate(work: Work, attempt: Attempt) -> Verdict:
    """Judge an attempt, unless a fault of ours or of the provider ended it."""
    work.report_progress(0.7)
    with stopping_on_a_full_disk(work.crew):
        verdict = published(_verdict(work, attempt))
        work.results.keep(attempt, verdict)
    log.info("verdict: %s, score %.2f: %s", verdict.kind, verdict.score, verdict.summary)
    return verdict


def record(work: Work, attempt: Attempt, verdict: Verdict) -> None:
    """Record the attempt and its verdict, learn from it, and decide whether the task has ended."""
    work.hold()
    crew, candidates = work.crew, work.crew.catalogue.candidates()
    slug = worker_of(attempt.models_served, attempt.model, {c.model: c.slug for c in candidates})
    judged = Judged(attempt, verdict, slug)
    crew.collector.verdict(attempt.attempt_id, work.task.task_id, verdict)
    first_time = crew.queue.record_attempt(
        attempt, verdict=verdict.kind, score=verdict.score, summary=verdict.summary
    )
    if first_time:
        learn(crew.settings, candidates, work.task, judged, work.trials)
    if judged not in work.trials:  # unless this is a retried step
        work.trials.append(judged)
    of_attempt = [asdict(call) for call in work.calls if call.attempt_id == attempt.attempt_id]
    send(work.task.task_id, attempt_spans(attempt, verdict, of_attempt))
    work.settle()


# ---------------------------------------------------------------------------------------------------------


def _execute(work: Work, plan: Plan) -> Attempt:
    crew, rung, task_id = work.crew, plan.rungs[0], work.task.task_id
    number = crew.queue.begin_attempt(task_id)
    attempt_id = f"{task_id}:{number}"
    models = models_of(work, plan)
    crew.collector.attempt_started(work.task, attempt_id, number, rung.executor, rung.model)
    calls = work.calls = []
    with (
        work_folder(crew.settings.work_dir, "gateway") as place,
        Gateway(_dispatcher(work, attempt_id, number, models, calls), place) as door,
    ):
        attempt = crew.engine.run(
            work.task,
            work.base,
            number=number,
            executor=rung.executor,
            model=rung.model,
            feedback=work.feedback,
            door=door,
            context_tokens=models[0].context_tokens,
            formats=formats_for(structured=models[0].structured, missed_share=models[0].missed_share),
        )
    _note_forms(work, attempt, calls)
    return attempt


def _note_forms(work: Work, attempt: Attempt, calls: Sequence[ModelCall]) -> None:
    """Learn from the form of the attempt's answers; its verdict says nothing about that."""
    catalogue = work.crew.catalogue
    if attempt.executor is ExecutorName.OPENHANDS:
        catalogue.note_calls(calls)
    elif attempt.text_was_read is not None and len({call.asked_model for call in calls}) == 1:
        catalogue.note_text(calls[0].asked_model, was_read=attempt.text_was_read)


def _dispatcher(
    work: Work, attempt_id: str, number: int, models: Sequence[Candidate], calls: list[ModelCall]
) -> Dispatcher:
    """What serves an attempt's model calls, within the crew's quota and the task's budgets; fills `calls`."""
    crew, task = work.crew, work.task

    def record(call: ModelCall) -> OSError | None:
        calls.append(call)
        return crew.collector.model_call(call)

    budgets, limits = budgets_of(crew.settings, task), limits_of(crew.settings)
    return Dispatcher(
        crew.api,
        models,
        AttemptBooks(crew.store, crew.api.account, task.task_id, attempt_id, budgets, limits),
        record=record,
        evidence=work.results.evidence(number) if crew.settings.keep_prompts_days else None,
        rules=CallRules(crew.settings.data_policy, seconds=crew.settings.call_seconds),
    )


def _of_no_change(attempt: Attempt) -> Verdict:
    """The verdict on an attempt without a change: it says what happened instead."""
    why = redact(attempt.detail)
    feedback = (
        f"The previous attempt made no change, because: {why}\n"
        "Make the change this time, in the form that was asked for."
    )
    return Verdict(VerdictKind.REJECTED, 0.0, (), f"there is no change; {why}", feedback)


def _verdict(work: Work, attempt: Attempt) -> Verdict:
    if attempt.end.is_fault:
        return Verdict(VerdictKind.INFRASTRUCTURE_FAULT, 0.0, (), attempt.detail, "")
    if not attempt.patch:
        return _of_no_change(attempt)
    evidence = work.results.evidence(attempt.number)
    verdict = work.crew.validator.judge_against(work.base, work.task, attempt.patch, evidence=evidence)
    if verdict.kind is VerdictKind.REJECTED and attempt.end is not AttemptEnd.FINISHED:
        early = f"The attempt ended before its work was done: {attempt.detail}"
        verdict = replace(verdict, feedback=f"{early}\n{verdict.feedback}")
    return redact_object(verdict)
