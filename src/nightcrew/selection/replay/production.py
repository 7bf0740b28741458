"""The production selector as a policy of the replay; it contains no decisions of its own."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from nightcrew.selection.beliefs import Rates
from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.replay.outcomes import Cell, Problem, Table
from nightcrew.selection.replay.run import Run
from nightcrew.selection.requirements import DEFAULT_QUALITY, Requirements
from nightcrew.selection.success_model import EASE
from nightcrew.task import ExecutorName

EXECUTOR = ExecutorName.OPENHANDS  # any executor will do, because the table has a single agent
REPLAY_DAY = date(2000, 1, 1)  # early enough that no model in a table has expired
OUTPUT_SHARE = 0.02  # output tokens per input token of an agent's run


@dataclass(slots=True)
class Nightcrew:
    """The production selector with its own memory, which is taught on a table and keeps learning."""

    catalogue: Mapping[str, Candidate]
    verdict: Callable[[Problem, str], bool]
    rates: Rates
    seed: int
    quality_threshold: float = DEFAULT_QUALITY
    memory: Memory = field(default_factory=Memory)
    selector: ModelSelector = field(default_factory=ModelSelector)

    def teach(self, train: Table) -> None:
        """Record the verdict on every attempt of the table."""
        self.memory.rates["*"] = self.rates
        dice = random.Random(self.seed)  # noqa: S311
        for problem in train.problems:
            models, ease = list(problem.cells), EASE
            dice.shuffle(models)
            self.memory.success.begin_task()
            for model in models:
                ease = self.memory.learn(
                    task_type=problem.category,
                    executor=EXECUTOR,
                    candidate=self.catalogue[model],
                    accepted=self.verdict(problem, model),
                    spent=_spent(self.catalogue[model], problem.cells[model]),
                    ease=ease,
                )

    def solve(self, run: Run) -> None:
        """Plan, run the first rung, learn from the verdict, and repeat."""
        problem = run.problem
        needs = Requirements(
            task_type=problem.category,
            today=REPLAY_DAY,
            quality_threshold=self.quality_threshold,
            executors=(EXECUTOR,),
            seed=self.seed,
        )
        candidates = [self.catalogue[model] for model in run.models]
        trials: list[Trial] = []
        while run.delivered is None:
            plan = self.selector.plan(needs, candidates, self.memory, Availability(), trials)
            if not plan.rungs:
                return
            model = plan.rungs[0].model
            end = TrialEnd.ACCEPTED if run.attempt(model) else TrialEnd.REJECTED
            spent = _spent(self.catalogue[model], problem.cells[model])
            self.memory.record(
                task_type=problem.category,
                executor=EXECUTOR,
                candidate=self.catalogue[model],
                end=end,
                spent=spent,
                before=trials,
            )
            trials.append(Trial(EXECUTOR, model, end, spent.input_tokens, spent.output_tokens))


# ------------------------------------------------------------------------------------------------------


def _spent(candidate: Candidate, cell: Cell) -> Spent:
    """The cost as tokens at the list price, from which the cost model derives the same cost again."""
    price = float(candidate.input_price_usd or 0) + OUTPUT_SHARE * float(candidate.output_price_usd or 0)
    tokens = cell.cost_usd / price
    return Spent(
        round(tokens),
        round(OUTPUT_SHARE * tokens),
        calls=1,
        seconds=cell.seconds,
        cost_usd=Decimal(cell.cost_usd),
    )
