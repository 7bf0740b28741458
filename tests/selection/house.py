"""Small worlds for the selector's tests: models of known price and skill, and memories taught on them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from nightcrew.selection.candidates import Candidate
from nightcrew.selection.memory import Memory, Spent
from nightcrew.selection.requirements import Requirements
from nightcrew.task import ExecutorName

TODAY = date(2026, 3, 1)
AGENT = ExecutorName.OPENHANDS


def model(name: str, price_1m: float | None = 1.0, **other: Any) -> Candidate:
    """A model; output tokens cost four times as much as input tokens."""
    price = None if price_1m is None else Decimal(str(price_1m)) / 1_000_000
    plain = Candidate(
        model=name,
        slug=name.removesuffix(":free"),
        name=name,
        context_tokens=128_000,
        max_output_tokens=8_000,
        input_price_usd=price,
        output_price_usd=None if price is None else 4 * price,
        tools=True,
        free=name.endswith(":free"),
        expires_on=None,
        coding_index=None,
        provider="maker",
    )
    return replace(plain, **other)


def needs(**other: Any) -> Requirements:
    """An ordinary task."""
    return replace(Requirements(task_type="bug_fix", today=TODAY), **other)


def taught(
    models: Sequence[Candidate], skill: Mapping[str, float], *, tasks: int = 60, seed: int = 1
) -> Memory:
    """A memory that saw every model work with its share of successes."""
    memory, dice = Memory(), random.Random(seed)
    for _ in range(tasks):
        memory.success.begin_task()
        for candidate in models:
            memory.learn(
                task_type="bug_fix",
                executor=AGENT,
                candidate=candidate,
                accepted=dice.random() < skill[candidate.slug],
                spent=Spent(100_000, 2_000, 20, 100.0),
            )
    return memory
