"""One task on its way through the rooms: select a model, execute, validate, record. Plain blocking code."""

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
from nightcrew.selection.memory import Memory
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import Requirements, requirements_for
from nightcrew.task import Task, TaskStatus
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.crew import Crew
from nightcrew.work.history import past_trials
from nightcrew.work.learning import learn, tried, worker_of
from nightcrew.work.obstacles import Wait, stopping_on_a_full_disk, wait_for_models
from nightcrew.work.outcome import Judged, NoModelLeft, Outcome, as_recorded, decide, said_by_a_person
from nightcrew.work.published import published, published_patch

log = logging.getLogger(__name__)

MOST_ROTATIONS = 4
STALE = timedelta(hours=3)  # the hourly refresh has not been running


class Work:
    """A task, what was tried so far, what only a person can say, and how it ends once it does."""

    def __init__(self, crew: Crew, queued: QueuedTask) -> None:
        self.crew = crew
        self.queued = queued
        self.trials: list[Judged] = []
        self.plans: list[Plan] = []  # of this run, one before each attempt
        self.outcome: Outcome | None = None
        self.question: str | None = None  # open: a person has to answer it before the work goes on
        self.review: Review | None = None  # about the last attempt
        self.wait: Wait | None = None  # for free calls or resting models: nothing can be begun before
        self.on_progress: Callable[[float], object] = lambda share: None
        self._context: ContextNeed | None = None  # the same for every plan: commit and task do not change
        self._began = time.monotonic()
        self._earlier_seconds = 0.0  # of attempts in earlier runs; waiting for a person does not count

    @property
    def task(self) -> Task:
        """The task."""
        return self.queued.task

    def tell(self, share: float) -> None:
        """How much of the present attempt is done, as a share of all attempts that the task may take."""
        judged = sum(not trial.is_fault for trial in self.trials)
        self.on_progress(min(0.99, (judged + share) / self.task.max_attempts))

    @property
    def folder(self) -> Path:
        """Where its results are kept."""
        return self.crew.settings.results_dir / self.task.task_id

    @property
    def budget_usd(self) -> Decimal:
        """What the task may cost."""
        own = self.task.max_cost_usd
        return self.crew.settings.task_budget_usd if own is None else own

    @property
    def answer(self) -> Answer | None:
        """What a person said about the last attempt."""
        return self.review.answer if self.review else None

    @property
    def seconds(self) -> float:
        """How long the task has been worked on."""
        return self._earlier_seconds + time.monotonic() - self._began

    def restore(self) -> None:
        """Take up what earlier runs of this task left: attempts, verdicts, a question, its answer."""
        rows = self.crew.queue.attempts(self.task.task_id)
        candidates = self.crew.catalogue.candidates() if rows else ()
        self.trials = past_trials(rows, self.folder, {c.model: c.slug for c in candidates})
        spans = (trial.attempt.ended_at - trial.attempt.started_at for trial in self.trials)
        self._earlier_seconds = sum((span.total_seconds() for span in spans), 0.0)
        self.settle()

    def select_model(self) -> Plan:
        """Plan the ladder anew from all that is known by now; `wait` says if it cannot be begun yet.

        Raises:
            NoModelLeft: no model can do this task, nor could one after a wait.
            AccountStopped: the crew is stopped.
        """
        self.tell(0.0)
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
        """The ladder from all that is known by now, and from what a person said.

        With `changed`, as if that were otherwise about the crew's availability.
        """
        named, candidates = answer.model if answer else None, self.crew.catalogue.candidates()
        state = availability(self.crew.store, self.crew.settings)
        return self.crew.selector.plan(
            self._requirements(named),
            candidates,
            Memory.load(self.crew.settings.memory_path),
            replace(state, **(changed or {})),
            tried(self.trials, but_for={c.slug for c in candidates if c.model == named}),
        )

    def execute(self, plan: Plan) -> Attempt:
        """One attempt with the plan's first rung; every model call goes through a gateway of its own."""
        self.tell(0.1)
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
        """The verdict on an attempt; one that a fault of ours or of the provider ended is not judged."""
        self.tell(0.7)
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
            refused = verdict.kind is VerdictKind.REJECTED  # nobody will ever apply it
            patch = redact_known(published_patch(attempt.patch)) if refused else attempt.patch
            (folder / "attempt.patch").write_text(patch)
            (folder / "verdict.json").write_text(json.dumps(asdict(verdict), indent=1, default=str))
        log.info("verdict: %s, score %.2f: %s", verdict.kind, verdict.score, verdict.summary)
        return verdict

    def record(self, plan: Plan, attempt: Attempt, verdict: Verdict) -> None:
        """Write the attempt and its verdict down, learn from it, and decide whether the task has ended."""
        crew, slugs = self.crew, {c.model: c.slug for c in self.crew.catalogue.candidates()}
        slug = worker_of(attempt.models_served, attempt.model, slugs)
        judged = Judged(attempt, verdict, slug)
        crew.collector.verdict(attempt.attempt_id, self.task.task_id, verdict)
        first_time = crew.queue.record_attempt(
            attempt, verdict=verdict.kind, score=verdict.score, summary=verdict.summary
        )
        if first_time:
            learn(crew, self.task, plan.rungs[0], judged, self.trials)
        if judged not in self.trials:  # a retried step finds it there
            self.trials.append(judged)
        self.settle()

    def settle(self) -> None:
        """See what the trials so far mean: the task ends, a person is asked, or the work goes on."""
        self.question = self.review = None
        outcome = decide(self.task, self.trials, seconds=self.seconds, budget_usd=self.budget_usd)
        if outcome is not None and outcome.status is TaskStatus.NEEDS_REVIEW:
            self.review = self.crew.reviews.find(self.task.task_id, self.trials[-1].attempt.number)
            self.question = None if self.answer else outcome.detail
            outcome = said_by_a_person(self.answer) if self.answer else None
        if outcome is not None:
            self.finish(outcome)

    def put_back(self, why: str) -> None:
        """The task waits in the queue again; its run comes back by itself."""
        self.queued = self.crew.queue.update(self.task.task_id, status=TaskStatus.QUEUED, detail=why)
        self.crew.collector.flush()

    def finish(self, outcome: Outcome) -> None:
        """The task ends; its change and its evidence are on disk before anything says so."""
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
        except BadInput:  # it was cancelled meanwhile
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
        """The rung's model, and those that may take over in the middle of a conversation."""
        known = {candidate.model: candidate for candidate in self.crew.catalogue.candidates()}
        rungs = (*plan.rungs, *plan.alternatives)
        names = dict.fromkeys(rung.model for rung in rungs if rung.executor is plan.rungs[0].executor)
        return [known[name] for name in names if name in known][: MOST_ROTATIONS + 1]

    def _feedback(self) -> str:
        """Why the last attempt that was judged was not accepted, and what a person said about it."""
        judged = [trial for trial in self.trials if not trial.is_fault]
        hint = self.answer.hint if self.answer else None
        said = (judged[-1].verdict.feedback if judged else "", f"A person says: {hint}" if hint else "")
        return "\n\n".join(filter(None, said))

    def _folder_of(self, number: int) -> Path:
        return self.folder / f"attempt-{number}"

    def _evidence_of(self, number: int) -> Path:
        return self._folder_of(number) / "evidence"

    def _keep_change(self) -> Path:
        """The accepted attempt's change and verdict, where a person looks for them."""
        folder = self._folder_of(self.trials[-1].attempt.number)
        shutil.copyfile(folder / "verdict.json", self.folder / "verdict.json")
        return Path(shutil.copyfile(folder / "attempt.patch", self.folder / "change.patch"))


def made(folder: Path) -> Path:
    """`folder`, which is there now."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
