"""One task on its way through the rooms: select a model, execute, validate, record. Plain blocking code."""

import json
import logging
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.crew import Crew
from flows.outcome import Judged, NoModelLeft, Outcome, as_recorded, decide
from nightcrew.errors import BadInput
from nightcrew.execution.attempt import Attempt
from nightcrew.openrouter.availability import availability, budgets_of, limits_of
from nightcrew.openrouter.gateway import Gateway
from nightcrew.queue.task_table import QueuedTask
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.plan import Plan, Rung
from nightcrew.selection.requirements import Requirements, requirements_for
from nightcrew.task import Task, TaskStatus
from nightcrew.validation.verdict import Verdict, VerdictKind

log = logging.getLogger(__name__)

MOST_ROTATIONS = 4
USUAL_CONTEXT_TOKENS = 16_000
STALE = timedelta(hours=3)  # the hourly refresh has not been running


class Work:
    """A task, what was tried so far, and how it ends once it does."""

    def __init__(self, crew: Crew, queued: QueuedTask) -> None:
        self.crew = crew
        self.queued = queued
        self.trials: list[Judged] = []
        self.outcome: Outcome | None = None
        self.on_progress: Callable[[float], object] = lambda share: None
        self._began = time.monotonic()

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

    def select_model(self) -> Plan:
        """Plan the ladder anew from all that is known by now.

        Raises:
            NoModelLeft: no model can do this task now.
        """
        self.tell(0.0)
        crew, memory = self.crew, Memory.load(self.crew.memory_path)
        age = crew.catalogue.age
        if age is None or age > STALE:
            crew.catalogue.refresh()
        plan = crew.selector.plan(
            self._requirements(),
            crew.catalogue.candidates(),
            memory,
            availability(crew.store, crew.settings),
            self._tried(),
        )
        crew.collector.decision(self.task.task_id, self.queued.attempts + len(self.trials) + 1, plan)
        log.info("%s", plan.explanation)
        if not plan.rungs:
            raise NoModelLeft(plan)
        return plan

    def execute(self, plan: Plan) -> Attempt:
        """One attempt with the plan's first rung; every model call goes through a gateway of its own."""
        self.tell(0.1)
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
                limits=limits_of(crew.settings),
            ) as door,
        ):
            attempt = crew.engine.run(
                self.task,
                commit=self.queued.commit,
                number=number,
                executor=rung.executor,
                model=rung.model,
                feedback=self._feedback(),
                door=door,
                context_tokens=models[0].context_tokens,
            )
        crew.collector.attempt_finished(attempt)
        log.info("attempt %s with %s: %s: %s", number, rung.model, attempt.end, attempt.detail)
        return attempt

    def validate(self, attempt: Attempt) -> Verdict:
        """The verdict on an attempt; one that a fault of ours or of the provider ended is not judged."""
        self.tell(0.7)
        evidence = self._folder_of(attempt)
        if attempt.end.is_fault:
            verdict = Verdict(VerdictKind.INFRASTRUCTURE_FAULT, 0.0, (), attempt.detail, "")
        else:
            verdict = self.crew.validator.judge(
                self.task, attempt.patch, commit=self.queued.commit, evidence=evidence / "evidence"
            )
        (evidence / "attempt.patch").write_text(attempt.patch)
        (evidence / "verdict.json").write_text(json.dumps(asdict(verdict), indent=1, default=str))
        log.info("verdict: %s, score %.2f: %s", verdict.kind, verdict.score, verdict.summary)
        return verdict

    def record(self, plan: Plan, attempt: Attempt, verdict: Verdict) -> None:
        """Write the attempt and its verdict down, learn from it, and decide whether the task has ended."""
        crew, judged = self.crew, Judged(attempt, verdict, plan.rungs[0].slug)
        crew.collector.verdict(attempt.attempt_id, self.task.task_id, verdict)
        first_time = crew.queue.record_attempt(
            attempt, verdict=verdict.kind, score=verdict.score, summary=verdict.summary
        )
        if first_time:
            self._learn(plan.rungs[0], judged)
        if judged not in self.trials:  # a retried step finds it there
            self.trials.append(judged)
        seconds = time.monotonic() - self._began
        outcome = decide(self.task, self.trials, seconds=seconds, budget_usd=self.budget_usd)
        if outcome is not None:
            self.finish(outcome)

    def finish(self, outcome: Outcome) -> None:
        """The task ends; its change and its evidence are on disk before anything says so."""
        change = self._keep_change() if outcome.status is TaskStatus.COMPLETED else None
        task_id, queue = self.task.task_id, self.crew.queue
        try:
            self.queued = queue.update(
                task_id,
                status=outcome.status,
                failure_reason=outcome.reason,
                detail=outcome.detail,
                change_path=str(change) if change else None,
            )
        except BadInput:  # it was cancelled meanwhile
            self.queued = queue.get(task_id)
            outcome = as_recorded(self.queued)
        self.crew.collector.task_finished(task_id, outcome.status, outcome.reason, outcome.detail, change)
        self.crew.collector.flush()
        self.outcome = outcome

    def _requirements(self) -> Requirements:
        return requirements_for(
            self.task,
            self.crew.settings,
            context_tokens=USUAL_CONTEXT_TOKENS,
            spent_usd=sum((trial.attempt.cost_usd for trial in self.trials), Decimal(0)),
            spent_seconds=time.monotonic() - self._began,
            seed=zlib.crc32(self.task.task_id.encode()),
        )

    def _tried(self) -> list[Trial]:
        return [_trial(judged) for judged in self.trials]

    def _models(self, plan: Plan) -> list[Candidate]:
        """The rung's model, and those that may take over in the middle of a conversation."""
        known = {candidate.model: candidate for candidate in self.crew.catalogue.candidates()}
        rungs = (*plan.rungs, *plan.alternatives)
        names = dict.fromkeys(rung.model for rung in rungs if rung.executor is plan.rungs[0].executor)
        return [known[name] for name in names if name in known][: MOST_ROTATIONS + 1]

    def _feedback(self) -> str:
        """Why the last attempt that was judged was not accepted."""
        judged = [trial for trial in self.trials if not trial.is_fault]
        return judged[-1].verdict.feedback if judged else ""

    def _folder_of(self, attempt: Attempt) -> Path:
        folder = self.folder / f"attempt-{attempt.number}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _learn(self, rung: Rung, judged: Judged) -> None:
        candidate = next((c for c in self.crew.catalogue.candidates() if c.model == rung.model), None)
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
        with Memory.updating(self.crew.memory_path) as memory:
            memory.record(
                category=self.task.task_type,
                executor=rung.executor,
                candidate=candidate,
                end=_trial(judged).end,
                spent=spent,
                complexity=self.task.complexity,
                before=self._tried(),
            )

    def _keep_change(self) -> Path:
        """The accepted attempt's change and verdict, where a person looks for them."""
        folder = self._folder_of(self.trials[-1].attempt)
        shutil.copyfile(folder / "verdict.json", self.folder / "verdict.json")
        return Path(shutil.copyfile(folder / "attempt.patch", self.folder / "change.patch"))


def made(folder: Path) -> Path:
    """`folder`, which is there now."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _trial(judged: Judged) -> Trial:
    if judged.is_fault or judged.verdict.kind is VerdictKind.NOT_MEASURABLE:
        end = TrialEnd.FAULT
    elif judged.verdict.kind is VerdictKind.ACCEPTED:
        end = TrialEnd.ACCEPTED
    else:
        end = TrialEnd.REJECTED
    return Trial(judged.attempt.executor, judged.slug, end)
