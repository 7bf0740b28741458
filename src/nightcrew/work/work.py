"""The work on one task: the task, its attempts, what it waits for, and its outcome."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from functools import cached_property

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.attempt import ModelCall
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.environments.layout import read_target
from nightcrew.execution.executors.context_need import ContextNeed, measured_need
from nightcrew.ledger.delivery import deliver, share_journals
from nightcrew.queue.deliveries import Deliveries
from nightcrew.queue.leases import Lease
from nightcrew.queue.reviews import ACCEPTED_BY_A_PERSON, Answer, Review
from nightcrew.queue.state_store import utc_now
from nightcrew.queue.task_table import QueuedTask
from nightcrew.queue.transitions import Changes
from nightcrew.selection.plan import Plan
from nightcrew.settings import DeliveryKind
from nightcrew.task import Task, TaskStatus
from nightcrew.validation.verdict import Verdict
from nightcrew.work.crew import Crew
from nightcrew.work.history import past_trials
from nightcrew.work.obstacles import Wait
from nightcrew.work.outcome import (
    Judged,
    Outcome,
    as_before_the_round,
    as_recorded,
    decide,
    feedback_for_the_next,
    outcome_of_answer,
)
from nightcrew.work.results import results_of
from nightcrew.work.traces.export import send
from nightcrew.work.traces.spans import task_spans

log = logging.getLogger(__name__)


class Work:
    """A task with its attempts so far, its open question for a person, and its outcome once it has ended.

    The steps are functions in `steps`; the files are those of `results`.
    """

    def __init__(self, crew: Crew, queued: QueuedTask) -> None:
        self.crew = crew
        self.queued = queued
        self.results = results_of(crew.settings, queued.task_id)
        self.trials: list[Judged] = []
        self.calls: list[ModelCall] = []  # of the last attempt that this run made
        self.plans: list[Plan] = []  # of this run, one for each attempt
        self.accepted: Outcome | None = None  # how it will end once its change is delivered
        self.outcome: Outcome | None = None
        self.question: str | None = None  # a person has to answer it before the work continues
        self.review: Review | None = None  # about the last attempt
        self.wait: Wait | None = None  # for free calls or models: no attempt can start before
        self.on_progress: Callable[[float], object] = lambda share: None
        self.lease: Lease | None = None  # from its start on
        self._opened = ExitStack()
        self._began = time.monotonic()
        self._earlier_seconds = 0.0  # of earlier runs' attempts; waiting for a person does not count

    @property
    def task(self) -> Task:
        """The task."""
        return self.queued.task

    @property
    def budget_usd(self) -> Decimal:
        """The most that the task may cost."""
        own = self.task.max_cost_usd
        return self.crew.settings.task_budget_usd if own is None else own

    @property
    def trials_of_round(self) -> list[Judged]:
        """The attempts since a review sent the accepted change back to work; all of them if none did."""
        since = self.queued.round.since if self.queued.round else 0
        return [trial for trial in self.trials if trial.attempt.number > since]

    @property
    def accepted_trial(self) -> Judged:
        """The attempt whose change the task has, or the last one."""
        try:
            change = self.queued.read_change() if self.queued.change_path else None
        except OSError:
            change = None
        same = (trial for trial in reversed(self.trials) if trial.attempt.patch == change)
        return next(same, self.trials[-1])

    @property
    def answer(self) -> Answer | None:
        """A person's answer about the last attempt."""
        return self.review.answer if self.review else None

    @property
    def seconds(self) -> float:
        """How long the task has been worked on, earlier runs included."""
        return self._earlier_seconds + time.monotonic() - self._began

    @property
    def feedback(self) -> str:
        """What the next attempt gets to know about the earlier ones, and a person's hint."""
        hint = (self.answer.hint if self.answer else None) or ""
        found = feedback_for_the_next(self.trials_of_round, hint)
        return "\n\n".join(filter(None, (found, self.queued.round.feedback if self.queued.round else "")))

    @cached_property
    def base(self) -> Checkout:
        """The repository at the task's commit, fetched once; attempts and verdicts work on copies of it."""
        place = base_checkout(self.task.repo, self.queued.commit, self.crew.settings)
        return self._opened.enter_context(place)

    @cached_property
    def delivery(self) -> DeliveryKind:
        """How the change is to be handed over: as the task says, else its repository, else the crew."""
        return self.task.deliver or self._of_repository() or self.crew.settings.deliver

    @cached_property
    def context(self) -> ContextNeed:
        """The context that the task needs; measured once, since commit and task do not change."""
        return measured_need(self.task, lambda: self.base)

    def close(self) -> None:
        """Remove the checkout of the base; what the work left lies in the results folder."""
        if self.lease:
            self.lease.end()
        self._opened.close()
        share_journals(self.crew.settings)

    def hold(self) -> None:
        """Be sure that the task is still this process's; if it is another's by now, this process ends."""
        if self.lease:
            self.lease.ensure()

    def report_progress(self, share: float) -> None:
        """Report that `share` (0 to 1) of the current attempt is done, out of all allowed attempts."""
        judged = sum(not trial.is_fault for trial in self.trials_of_round)
        self.on_progress(min(0.99, (judged + share) / self.task.max_attempts))

    def restore(self) -> None:
        """Restore what earlier runs of this task left: attempts, verdicts, a question, its answer."""
        self.read_trials()
        spans = (trial.attempt.ended_at - trial.attempt.started_at for trial in self.trials_of_round)
        self._earlier_seconds = sum((span.total_seconds() for span in spans), 0.0)
        self.settle()

    def read_trials(self) -> None:
        """Read the attempts that were recorded, with their verdicts."""
        rows = self.crew.queue.attempts(self.task.task_id)
        if rows:
            self.results.fetch()
        candidates = self.crew.catalogue.candidates() if rows else ()
        self.trials = past_trials(rows, self.results, {c.model: c.slug for c in candidates})

    def settle(self) -> None:
        """Decide from the trials so far: the change is delivered, the task ends, a person is asked, or the
        work continues."""
        self.question = self.review = self.accepted = None
        trials = self.trials_of_round
        spent = sum((one.attempt.cost_usd for one in self.trials if one not in trials), Decimal(0))
        outcome = decide(self.task, trials, seconds=self.seconds, budget_usd=self.budget_usd - spent)
        if outcome is not None and outcome.status is TaskStatus.NEEDS_REVIEW:
            self.review = self.crew.reviews.find(self.task.task_id, self.trials[-1].attempt.number)
            self.question = None if self.answer else outcome.detail
            outcome = outcome_of_answer(self.answer) if self.answer else None
        if outcome is None:
            return
        if outcome.status is TaskStatus.COMPLETED and self.delivery is not DeliveryKind.PATCH:
            self.accepted = outcome
            return
        self.finish(outcome)

    def take_back(self, verdict: Verdict, onto: str) -> None:
        """Continue with another verdict on the last attempt, and from now on with the commit `onto`."""
        last = self.trials[-1]
        self.results.keep(last.attempt, verdict)
        attempt_id, deliveries = last.attempt.attempt_id, Deliveries(self.crew.store)
        self.queued = deliveries.take_back(
            self.task.task_id, attempt_id, verdict.kind, verdict.summary, onto=onto
        )
        self.trials[-1] = replace(last, verdict=verdict)
        self._opened.close()
        for name in ("base", "context", "delivery"):
            self.__dict__.pop(name, None)  # they were those of the old commit
        self.settle()

    def put_back(self, why: str) -> None:
        """Put the task back into the queue; its run will restart by itself."""
        self.queued = self.crew.queue.update(self.task.task_id, status=TaskStatus.QUEUED, detail=why)
        self.crew.collector.flush()

    def finish(self, outcome: Outcome) -> None:
        """End the task; its change and its evidence are on disk before the status changes."""
        self.hold()
        outcome = as_before_the_round(outcome, self.queued)
        completed = outcome.status is TaskStatus.COMPLETED and not outcome.is_unchanged
        change = self.results.keep_change(self.trials[-1].attempt.number) if completed else None
        task_id, queue = self.task.task_id, self.crew.queue
        changes = Changes(
            status=outcome.status,
            failure_reason=outcome.reason,
            detail=outcome.detail,
            change_path=change or (self.queued.change_path if self.queued.round else None),
        )
        if outcome.by_a_person:
            changes["verdict"] = ACCEPTED_BY_A_PERSON
        try:
            self.queued = queue.update(task_id, **changes)
        except BadInput:  # the task was cancelled in the meantime
            self.queued = queue.get(task_id)
            outcome = as_recorded(self.queued)
        deliver(self.crew.store, self.crew.collector)
        send(task_id, task_spans(self.queued, utc_now()))
        self.outcome = outcome

    def _of_repository(self) -> DeliveryKind | None:
        """What the repository says; an accepted change is not lost where it cannot be read any more."""
        try:
            return read_target(self.base.path, self.task.target_file).deliver
        except (BadInput, Transient) as error:
            log.warning("task %s: how to deliver is not known: %s", self.task.task_id, error)
            return None
