"""Whatever goes wrong in whatever order: nothing is completed without an accepted verdict, no cap is passed,
no fault of ours or of a provider changes what is remembered of a model's skill, and there is an end to it.

The gateway, the direct executor, the selector, the memory and the flow's rules are the real ones. Only the
gates are left out: what good work is, is known here.
"""

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from nightcrew.errors import NightcrewError
from nightcrew.execution.attempt import Attempt
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.execution.execution_engine import ExecutionEngine
from nightcrew.execution.executors.context_need import ContextNeed
from nightcrew.execution.executors.direct import DirectExecutor
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.openrouter.books.availability import availability
from nightcrew.openrouter.books.budget import Budgets, violations
from nightcrew.openrouter.wire.recovery import TABLE
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.selection.memory import Memory
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.plan import FilterName, Plan
from nightcrew.selection.requirements import requirements_for
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName, Task, TaskStatus
from nightcrew.testing.scenario import Account, Character, Fault, FaultKind, Scenario, ScriptedModel
from nightcrew.testing.solutions import Solution
from nightcrew.validation.verdict import Verdict, VerdictKind
from nightcrew.work.learning import tried, worker_of
from nightcrew.work.outcome import Judged, NoModelLeft, Outcome, decide, outcome_of
from nightcrew.work.recollection import learn
from tests.claims.line import DOCUMENTED, PRICING
from tests.openrouter.conftest import KEY, PAID, Crew

CHEAP = PAID.model_copy(update={"prompt": "0.0000001", "completion": "0.0000002"})
NAMES = ("house/alpha:free", "house/beta", "house/gamma")
MOST_ROUNDS = 60  # hours, mostly: two midnights, at which free calls come back, and more than all attempts
SLOW = {FaultKind.DRIP, FaultKind.LATENCY}  # these take real time and change nothing
KNOWN_FAULTS = {row.fault for row in TABLE}

characters = st.sampled_from(
    [Character.CAPABLE, Character.LAZY, Character.STUCK, Character.TALKER, Character.TRUNCATOR]
)
faults = st.builds(
    Fault,
    kind=st.sampled_from([kind for kind in FaultKind if kind not in SLOW]),
    models=st.sampled_from([*((name,) for name in NAMES), ("*",)]),
    at_call=st.sampled_from([(), (1,), (2,), (1, 2, 3)]),
    per=st.sampled_from(["model", "account"]),
    times=st.sampled_from([1, 2, 4, None]),
    retry_after_seconds=st.sampled_from([None, 2.0, 600.0]),
)
accounts = st.builds(
    Account,
    api_key=st.just(KEY),
    credits_usd=st.sampled_from([100.0, 0.01, 5.0]),
    free_per_minute=st.sampled_from([2, 20]),
    free_used_today=st.sampled_from([0, 49]),
)
caps = st.builds(
    Budgets,
    attempt_usd=st.sampled_from([None, Decimal("0.01")]),
    task_usd=st.sampled_from([Decimal(1), Decimal("0.012"), Decimal(0)]),
    calls=st.sampled_from([2, 20]),
)


@dataclass
class House:
    """One crew in this process for one task, and what came of each attempt."""

    crew: Crew
    settings: Settings
    task: Task
    caps: Budgets
    engine: ExecutionEngine
    trials: list[Judged] = field(default_factory=list)

    def work(self) -> Outcome | None:
        """The task from its first plan to its end, as the flow does it; None if there is no end to it."""
        for _ in range(MOST_ROUNDS):
            try:
                plan = self._plan()
                if not plan.rungs and not self._waits(plan):
                    raise NoModelLeft(plan)
                if plan.rungs:
                    self._try(plan)
            except NightcrewError as error:
                return outcome_of(error, self.trials)
            outcome = decide(self.task, self.trials, seconds=1.0, budget_usd=self.caps.task_usd or Decimal(0))
            if outcome is not None:
                return outcome
        return None

    def remembered(self) -> str:
        path = self.settings.memory_path
        return path.read_text() if path.exists() else ""

    def _plan(self) -> Plan:
        budget = {"max_cost_usd": self.caps.task_usd}
        asked, context = self.task.model_copy(update=budget), ContextNeed(2_000, "a small shop")
        needs = requirements_for(asked, self.settings, context=context)
        state = availability(self.crew.store, self.settings, clock=self.crew.clock.now)
        memory = Memory.load(self.settings.memory_path)
        return ModelSelector().plan(needs, self.crew.candidates(), memory, state, tried(self.trials))

    def _waits(self, plan: Plan) -> bool:
        """Where models rest or free calls are used up, an hour passes."""
        if not any(out.removal.by in {FilterName.RESTING, FilterName.QUOTA} for out in plan.filtered):
            return False
        self.crew.clock.advance(timedelta(hours=1).total_seconds())
        return True

    def _try(self, plan: Plan) -> None:
        rung, number, before = plan.rungs[0], len(self.trials) + 1, self.remembered()
        models = dict.fromkeys(rung.model for rung in (*plan.rungs, *plan.alternatives))
        commit = resolve_commit(self.task.repo, "HEAD")
        with (
            self.crew.gateway(*models, budgets=self.caps, task_id=self.task.task_id) as door,
            base_checkout(self.task.repo, commit, self.settings) as base,
        ):
            attempt = self.engine.run(
                self.task,
                base,
                number=number,
                executor=ExecutorName.DIRECT,
                model=rung.model,
                feedback="",
                door=door,
            )
        slugs = {candidate.model: candidate.slug for candidate in self.crew.candidates()}
        slug = worker_of(attempt.models_served, attempt.model, slugs)
        judged = Judged(attempt, verdict_on(attempt), slug)
        learn(self.settings, self.crew.catalogue.candidates(), self.task, judged, self.trials)
        self.trials.append(judged)
        if judged.is_fault:
            assert self.remembered() == before, f"{attempt.end} changed what is remembered"


def verdict_on(attempt: Attempt) -> Verdict:
    kind = VerdictKind.REJECTED
    if attempt.end.is_fault:
        kind = VerdictKind.INFRASTRUCTURE_FAULT
    elif "The price of `pieces` at `each`" in attempt.patch:
        kind = VerdictKind.ACCEPTED
    return Verdict(kind, 1.0 if kind is VerdictKind.ACCEPTED else 0.0, (), attempt.detail, "do it well")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "shop"
    path.mkdir()
    (path / "pricing.py").write_text(PRICING)
    git = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    return path


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> ExecutionEngine:
    own = Settings(home=tmp_path_factory.mktemp("engine"))
    return ExecutionEngine(own, open_sandbox(own.sandbox), {ExecutorName.DIRECT: DirectExecutor()})


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # an example takes a second: the first that fails will do
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.tuples(characters, characters, characters),
    st.lists(faults, max_size=5),
    accounts,
    caps,
)
def test_any_faults_in_any_order_end_in_a_documented_state(
    database_url: str,
    engine: ExecutionEngine,
    shop: Path,
    tmp_path_factory: pytest.TempPathFactory,
    roles: tuple[Character, Character, Character],
    wrong: list[Fault],
    account: Account,
    caps: Budgets,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    prices = (None, CHEAP, PAID)
    models = tuple(
        ScriptedModel.model_validate(
            {"id": name, "character": role, "coding_index": 40.0, **({"price": price} if price else {})}
        )
        for name, role, price in zip(NAMES, roles, prices, strict=True)
    )
    scenario = Scenario(
        account=account,
        models=models,
        faults=tuple(wrong),
        solutions=(Solution(good={"pricing.py": DOCUMENTED}, vacuous={"pricing.py": PRICING + "# done\n"}),),
    )
    with ExitStack() as stack:
        store = stack.enter_context(StateStore(database_url))
        create_schema(store)
        crew = Crew(stack, store, scenario, folder / "s")
        own = Settings(home=folder, base_url=crew.twin.base_url, api_key=SecretStr(KEY))
        task = Task.model_validate(
            {
                "task_id": f"t-{folder.name.replace('_', '-')}",
                "description": "Say what price does.",
                "repo": str(shop),
                "task_type": "documentation",
                "target_file": "pricing.py",
                "executor": "direct",
            }
        )
        house = House(crew, own, task, caps, engine)
        outcome = house.work()
        with store.engine.connect() as connection:
            assert violations(connection) == []
    assert outcome is not None, "there was no end to it"
    assert outcome.status in {TaskStatus.COMPLETED, TaskStatus.FAILED}
    assert outcome.status is TaskStatus.COMPLETED or outcome.reason is not None
    proven = bool(house.trials) and house.trials[-1].verdict.kind is VerdictKind.ACCEPTED
    assert (outcome.status is TaskStatus.COMPLETED) == proven
    assert {call.fault for call in crew.calls} <= {None, *KNOWN_FAULTS}
