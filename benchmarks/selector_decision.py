"""The time of a decision: the planner compared with the original's scoring loop, on one catalogue.

    python benchmarks/selector_decision.py [--models 400] [--outcomes 100000] [--decisions 300]

The two alternate, so that a busy machine affects both equally.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial

from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.memory import Memory, Spent
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.replay.original import Capability, original_score
from nightcrew.selection.requirements import Requirements
from nightcrew.task import ExecutorName, TaskType

LIMIT_MS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=400)
    parser.add_argument("--outcomes", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=300)
    arguments = parser.parse_args()
    dice = random.Random(0)
    catalogue = [_candidate(number, dice) for number in range(arguments.models)]
    begun = time.perf_counter()
    memory = _memory(catalogue, arguments.outcomes, dice)
    learned_us = 1e6 * (time.perf_counter() - begun) / arguments.outcomes
    table = [
        Capability((), dice.uniform(100, 5000), dice.uniform(2, 5), dice.random(), False) for _ in catalogue
    ]
    own, original = [], []
    for number in range(arguments.decisions):
        needs = _requirements(number)
        original.append(_timed(partial(max, table, key=original_score)))
        own.append(_timed(partial(ModelSelector().plan, needs, catalogue, memory, Availability())))
    print(f"{len(catalogue)} models, {arguments.outcomes} outcomes, {arguments.decisions} decisions, medians")
    _print_row("original's scoring loop", original)
    _print_row("planned ladder", own)
    print(f"learning one outcome     {learned_us:.0f} us")
    kept = statistics.median(wall for wall, _ in own) <= LIMIT_MS
    print(f"limit {LIMIT_MS} ms at the median: {'kept' if kept else 'broken'}")


def _print_row(name: str, times: list[tuple[float, float]]) -> None:
    wall, processor = zip(*times, strict=True)
    print(
        f"{name:<24} {statistics.median(wall):7.3f} ms, {statistics.median(processor):7.3f} ms of processor"
    )


def _candidate(number: int, dice: random.Random) -> Candidate:
    price = Decimal(str(round(10 ** dice.uniform(-1.5, 1.2), 4))) / 1_000_000
    return Candidate(
        model=f"maker{number % 40}/model-{number}",
        slug=f"maker{number % 40}/model-{number}",
        name=f"Model {number}",
        context_tokens=dice.choice([32_000, 128_000, 1_000_000]),
        max_output_tokens=None,
        input_price_usd=price,
        output_price_usd=4 * price,
        tools=dice.random() < 0.85,
        free=dice.random() < 0.04,
        expires_on=None,
        coding_index=dice.uniform(5, 70) if dice.random() < 0.55 else None,
        provider=f"maker{number % 40}",
    )


def _memory(catalogue: list[Candidate], outcomes: int, dice: random.Random) -> Memory:
    memory, categories = Memory(), list(TaskType)
    for _ in range(outcomes):
        candidate = dice.choice(catalogue)
        memory.success.begin_task()
        memory.learn(
            task_type=dice.choice(categories),
            executor=dice.choice(list(ExecutorName)),
            candidate=candidate,
            accepted=dice.random() < (candidate.coding_index or 30) / 70,
            spent=Spent(dice.randint(5_000, 400_000), dice.randint(500, 10_000), 20, 200.0),
        )
    return memory


def _requirements(number: int) -> Requirements:
    categories = list(TaskType)
    return Requirements(
        task_type=categories[number % len(categories)],
        today=date(2026, 1, 1),
        executors=tuple(ExecutorName),
        context_tokens=20_000,
        budget_usd=Decimal(1),
        seed=number,
    )


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU time in milliseconds, which differ on a busy machine."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - processor)


if __name__ == "__main__":
    main()
