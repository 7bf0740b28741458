"""The work on one task: select a model, execute, validate, record. Blocking code."""

import json
import logging
import shutil
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nightcrew.errors import BadInput
from nightcrew.execution.attempt import Attempt
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.execution.executors.context_need import ContextNeed, measured_need
from nightcrew.openrouter.books.availability import availability, budgets_of, limits_of
from nightcrew.openrouter.gateway import Gateway
from nightcrew.queue.reviews import ACCEPTED_BY_A_PERSON, Answer, Review
from nightcrew.queue.task_queue import Changes
from nightcrew.queue.task_table import QueuedTask
from nightcrew.secrets.redaction import redact_known, redact_object
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import Requirements, requirements_for
from nightcrew.task import Task, TaskStatus
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.crew import Crew
from nightcrew.work.history import past_trials
from nightcrew.work.learning import tried, worker_of
from nightcrew.work.obstacles import Wait, stopping_on_a_full_disk, wait_for_models
from nightcrew.work.outcome import Judged, NoModelLeft, Outcome, as_recorded, decide, outcome_of_answer
from nightcrew.work.published import published, published_patch
from nightcrew.work.recollection import learn, load_memory

log = logging.getLogger(__name__)

MOST_ROTATIONS = 4
STALE = timedelta(hours=3)  # several hourly refreshes were missed


class Work:
    """A task with its attempts so far, its open question for a person, and its outcome once it has ended."""

    def __init__(self, crew: Crew, queued: QueuedTask) -> None:
        self.crew = crew
        self.queued = queued
        self.trials: list[Judged] = []
        self.plans: list[Plan] = []  # of this run, one for each attempt
        self.outcome: Outcome | None = None
        self.question: str | None = None  # a person has to answer it before the work continues
        self.review: Review | None = None  # about the last attempt
        self.wait: Wait | None = None  # for free calls or models: no attempt can start before
        self.on_progress: Callable[[float], object] = lambda share: None
        self._context: ContextNeed | None = None  # measured once: commit and task do not change
        self._began = time.monotonic()
        self._earlier_seconds = 0.0  # of earlier runs' attempts; waiting for a person does not count

    @property
    def task(self) -> Task:
        """The task."""
        return self.queued.task

    def report_progress(self, share: float) -> None:
        """Report that `share` (0 to 1) of the current attempt is done, out of all allowed attempts."""
        judged = sum(not trial.is_fault for trial in self.trials)
        self.on_progress(min(0.99, (judged + share) / self.task.max_attempts))

    @property
    def folder(self) -> Path:
        """The folder of its results."""
        return self.crew.settings.results_dir / self.task.task_id

    @property
    def budget_usd(self) -> Decimal:
        """The most that the task may cost."""
        own = self.task.max_cost_usd
        return self.crew.settings.task_budget_usd if own is None else own

    @property
    def answer(self) -> Answer | None:
        """A person's answer about the last attempt."""
        return self.review.answer if self.review else None

    @property
    def seconds(self) -> float:
        """How long the task has been worked on, earlier runs included."""
        return self._earlier_seconds + time.monotonic() - self._began

    def restore(self) -> None:
        """Restore what earlier runs of this task left: attempts, verdicts, a question, its answer."""
        rows = self.crew.queue.attempts(self.task.task_id)
        candidates = self.crew.catalogue.candidates() if rows else ()
        self.trials = past_trials(rows, self.folder, {c.model: c.slug for c in candidates})
        spans = (trial.attempt.ended_at - trial.attempt.started_at for trial in self.trials)
        self._earlier_seconds = sum((span.total_seconds() for span in spans), 0.0)
        self.settle()

    def select_model(self) -> Plan:
        """Make a new plan from everything known by now; sets `wait` if no attempt can start yet.

        Raises:
            NoModelLeft: no model can do this task, now or after a wait.
            AccountStopped: the crew is stopped.
        """
        self.report_progress(0.0)
        crew = self.crew
        age = crew.catalogue.age
        if age is None or age > STALE:
            crew.catalogue.refresh()
        with stopping_on_a_full_disk(crew):
            plan = self.plan(self.answer)
        self.plans.append(plan)
        crew.collector.decision(self.task.task_id, len(self.trials) + 1, plan)
        log.info("%s", plan.explanation)
        self.wait = wait_for_models(crew, plan, lambda changed: self.plan(self.answer, changed))
        if not plan.rungs and self.wait is None:
            raise NoModelLeft(plan)
        return plan

    def plan(self, answer: Answer | None, changed: Mapping[str, Any] | None = None) -> Plan:
        """The plan from everything known by now, and from a person's answer.

        `changed` replaces fields of the crew's availability, to find out what the plan would then be.
        """
        named, candidates = answer.model if answer else None, self.crew.catalogue.candidates()
        state = availability(self.crew.store, self.crew.settings)
        return self.crew.selector.plan(
            self._requirements(named),
            candidates,
            load_memory(self.crew.settings, candidates),
            replace(state, **(changed or {})),
            tried(self.trials, but_for={c.slug for c in candidates if c.model == named}),
        )

    def execute(self, plan: Plan) -> Attempt:
        """Make one attempt with the plan's first rung; its model calls go through their own gateway."""
        self.report_progress(0.1)
        with stopping_on_a_full_disk(self.crew):
            attempt = self._execute(plan)
        self.crew.collector.attempt_finished(attempt)
        log.info("attempt %s with %s: %s: %s", attempt.number, attempt.model, attempt.end, attempt.detail)
        return attempt

    def _execute(self, plan: Plan) -> Attempt:
        crew, rung = self.crew, plan.rungs[0]
        number = crew.queue.begin_attempt(self.task.task_id)
        attempt_id = f"{self.task.task_id}:{number}"
        models = self._models(plan)
        crew.collector.attempt_started(self.task, attempt_id, number, rung.executor, rung.model)
        with (
            TemporaryDirectory(prefix="gateway-", dir=made(crew.settings.work_dir)) as place,
            Gateway(
                api=crew.api,
                store=crew.store,
                task_id=self.task.task_id,
                attempt_id=attempt_id,
                models=models,
                budgets=budgets_of(crew.settings, self.task),
                record=crew.collector.model_call,
                socket_dir=Path(place),
                evidence=self._evidence_of(number) if crew.settings.keep_prompts_days else None,
                data_policy=crew.settings.data_policy,
                limits=limits_of(crew.settings),
            ) as door,
        ):
            return crew.engine.run(
                self.task,
                commit=self.queued.commit,
                number=number,
                executor=rung.executor,
                model=rung.model,
                feedback=self._feedback(),
                door=door,
                context_tokens=models[0].context_tokens,
            )

    def validate(self, attempt: Attempt) -> Verdict:
        """Judge an attempt, unless a fault of ours or of the provider ended it."""
        self.report_progress(0.7)
        with stopping_on_a_full_disk(self.crew):
            folder = made(self._folder_of(attempt.number))
            if attempt.end.is_fault:
                verdict = Verdict(VerdictKind.INFRASTRUCTURE_FAULT, 0.0, (), attempt.detail, "")
            else:
                verdict = redact_object(
                    self.crew.validator.judge(
                        self.task,
                        attempt.patch,
                        commit=self.queued.commit,
                        evidence=self._evidence_of(attempt.number),
                    )
                )
            verdict = published(verdict)
            refused = verdict.kind is VerdictKind.REJECTED  # it will never be applied
            patch = redact_known(published_patch(attempt.patch)) if refused else attempt.patch
            (folder / "attempt.patch").write_text(patch)
            (folder / "verdict.json").write_text(json.dumps(asdict(verdict), indent=1, default=str))
        log.info("verdict: %s, score %.2f: %s", verdict.kind, verdict.score, verdict.summary)
        return verdict

    def record(self, plan: Plan, attempt: Attempt, verdict: Verdict) -> None:
        """Record the attempt and its verdict, learn from it, and decide whether the task has ended."""
        crew, slugs = self.crew, {c.model: c.slug for c in self.crew.catalogue.candidates()}
        slug = worker_of(attempt.models_served, attempt.model, slugs)
        judged = Judged(attempt, verdict, slug)
        crew.collector.verdict(attempt.attempt_id, self.task.task_id, verdict)
        first_time = crew.queue.record_attempt(
            attempt, verdict=verdict.kind, score=verdict.score, summary=verdict.summary
        )
        if first_time:
            learn(crew.settings, crew.catalogue.candidates(), self.task, judged, self.trials)
        if judged not in self.trials:  # unless this is a retried step
            self.trials.append(judged)
        self.settle()

    def settle(self) -> None:
        """Decide from the trials so far: the task ends, a person is asked, or the work continues."""
        self.question = self.review = None
        outcome = decide(self.task, self.trials, seconds=self.seconds, budget_usd=self.budget_usd)
        if outcome is not None and outcome.status is TaskStatus.NEEDS_REVIEW:
            self.review = self.crew.reviews.find(self.task.task_id, self.trials[-1].attempt.number)
            self.question = None if self.answer else outcome.detail
            outcome = outcome_of_answer(self.answer) if self.answer else None
        if outcome is not None:
            self.finish(outcome)

    def put_back(self, why: str) -> None:
        """Put the task back into the queue; its run will restart by itself."""
        self.queued = self.crew.queue.update(self.task.task_id, status=TaskStatus.QUEUED, detail=why)
        self.crew.collector.flush()

    def finish(self, outcome: Outcome) -> None:
        """End the task; its change and its evidence are on disk before the status changes."""
        change = self._keep_change() if outcome.status is TaskStatus.COMPLETED else None
        task_id, queue = self.task.task_id, self.crew.queue
        changes = Changes(
            status=outcome.status,
            failure_reason=outcome.reason,
            detail=outcome.detail,
            change_path=str(change) if change else None,
        )
        if outcome.by_a_person:
            changes["verdict"] = ACCEPTED_BY_A_PERSON
        try:
            self.queued = queue.update(task_id, **changes)
        except BadInput:  # the task was cancelled in the meantime
            self.queued = queue.get(task_id)
            outcome = as_recorded(self.queued)
        self.crew.collector.task_finished(task_id, outcome.status, outcome.reason, outcome.detail, change)
        self.crew.collector.flush()
        self.outcome = outcome

    def _requirements(self, named: str | None) -> Requirements:
        if self._context is None:
            self._context = measured_need(
                self.task,
                self.queued.commit,
                self.crew.settings.work_dir,
                credentials=Credentials(self.crew.settings.credentials_dir),
            )
        return requirements_for(
            self.task.model_copy(update={"models": (named,)}) if named else self.task,
            self.crew.settings,
            context=self._context,
            spent_usd=sum((trial.attempt.cost_usd for trial in self.trials), Decimal(0)),
            spent_seconds=self.seconds,
            seed=zlib.crc32(self.task.task_id.encode()),
        )

    def _models(self, plan: Plan) -> list[Candidate]:
        """The rung's model, then those that may take over in the middle of a conversation."""
        known = {candidate.model: candidate for candidate in self.crew.catalogue.candidates()}
        rungs = (*plan.rungs, *plan.alternatives)
        names = dict.fromkeys(rung.model for rung in rungs if rung.executor is plan.rungs[0].executor)
        return [known[name] for name in names if name in known][: MOST_ROTATIONS + 1]

    def _feedback(self) -> str:
        """Why the last judged attempt was not accepted, and a person's hint."""
        judged = [trial for trial in self.trials if not trial.is_fault]
        hint = self.answer.hint if self.answer else None
        parts = (judged[-1].verdict.feedback if judged else "", f"A person says: {hint}" if hint else "")
        return "\n\n".join(filter(None, parts))

    def _folder_of(self, number: int) -> Path:
        return self.folder / f"attempt-{number}"

    def _evidence_of(self, number: int) -> Path:
        return self._folder_of(number) / "evidence"

    def _keep_change(self) -> Path:
        """Copy the accepted attempt's change and verdict to the task's folder, where users look for them."""
        folder = self._folder_of(self.trials[-1].attempt.number)
        shutil.copyfile(folder / "verdict.json", self.folder / "verdict.json")
        return Path(shutil.copyfile(folder / "attempt.patch", self.folder / "change.patch"))


def made(folder: Path) -> Path:
    """`folder`, created if it was missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
