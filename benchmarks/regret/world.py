"""Models of known skill and price, and the tasks for them. The selector does not know their skill.

Skill is not what price suggests: the most expensive is the best, but a cheap one writes documentation nearly
as well, another one fixes bugs nearly as well, and one is expensive and poor. The catalogue names no coding
index.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from nightcrew.task import ExecutorName, Task, TaskType
from nightcrew.testing.characters import is_right
from nightcrew.testing.scenario import Character, Price, Scenario, ScriptedModel, shipped_scenario
from nightcrew.testing.solutions import Match, Solution

OUTPUT_OVER_INPUT = 4  # what a token written costs over one read
DEGRADED = 0.10  # the favourite's skill once it has gone bad

DOCUMENTATION, ANALYSIS, BUG_FIX = TaskType.DOCUMENTATION, TaskType.ANALYSIS, TaskType.BUG_FIX
KINDS = (DOCUMENTATION, ANALYSIS, BUG_FIX)
CYCLE = (*(DOCUMENTATION, ANALYSIS) * 4, ANALYSIS, BUG_FIX)  # bug fixes take half a minute to judge
TARGETS = {
    DOCUMENTATION: "src/stockroom/reorder.py",
    ANALYSIS: None,
    BUG_FIX: "src/stockroom/inventory.py",
}
WORDS = {
    DOCUMENTATION: "Document the reorder module",
    ANALYSIS: "Find what can go wrong when an order is shipped, see src/stockroom/orders.py",
    BUG_FIX: "Issuing pieces across two lots returns the wrong cost",
}
FOUND = {
    "file": "src/stockroom/orders.py",
    "line": 51,
    "quote": "wanted[line.code] = wanted.get(line.code, 0) + line.quantity",
    "message": "A line with a negative quantity lowers what the other lines ask for, and nobody refuses it.",
}

# USD for a million tokens read, and the chance of good work at documentation, analysis, bug fixes.
POOL: Mapping[str, tuple[float, tuple[float, float, float]]] = {
    "twin/pebble": (1.0, (0.40, 0.30, 0.20)),
    "twin/otter": (2.0, (0.80, 0.65, 0.45)),
    "twin/lynx": (4.0, (0.55, 0.60, 0.80)),
    "twin/peacock": (8.0, (0.40, 0.35, 0.35)),
    "twin/heron": (10.0, (0.80, 0.88, 0.78)),
    "twin/stag": (16.0, (0.85, 0.86, 0.84)),
    "twin/oak": (30.0, (0.92, 0.92, 0.90)),
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of an attempt."""

    read: float
    written: float


@dataclass(frozen=True, slots=True)
class World:
    """The models in one phase of the run."""

    seed: int
    models: Mapping[str, ScriptedModel]

    def scenario(self) -> Scenario:
        """The twin's scenario."""
        models, solutions = tuple(self.models.values()), (_analysis(), *shipped_scenario().solutions)
        return Scenario(name="regret", seed=self.seed, models=models, solutions=solutions)

    def skill(self, model: str, kind: TaskType) -> float:
        """The probability that the model's work is good."""
        return self.models[model].skills[kind]

    def is_right(self, model: str, kind: TaskType, number: int) -> bool:
        """True if the model's work on task `number` is good, by the twin's random draw."""
        return is_right(
            self.models[model],
            self.seed,
            task_type=kind,
            target_file=TARGETS[kind],
            description=description(kind, number),
        )

    def with_degraded(self, favourite: str) -> "World":
        """The world after `favourite` has become bad at everything."""
        bad = self.models[favourite].model_copy(update={"skills": dict.fromkeys(KINDS, DEGRADED)})
        return World(self.seed, {**self.models, favourite: bad})


def first_world(seed: int) -> World:
    """The models at the start."""
    return World(seed, {name: _model(name, *known) for name, known in POOL.items()})


def kind_of(number: int) -> TaskType:
    """The kind of task `number` (from 0)."""
    return CYCLE[number % len(CYCLE)]


def description(kind: TaskType, number: int) -> str:
    """One line, different for every task."""
    return f"{WORDS[kind]}, ticket {number}."


def make_task(number: int, repository: str, **more: object) -> Task:
    """Task `number`."""
    kind = kind_of(number)
    fields = {
        "task_id": f"regret-{number:04d}",
        "task_type": kind,
        "target_file": TARGETS[kind],
        "description": description(kind, number),
        "repo": repository,
        "executor": ExecutorName.DIRECT,
    }
    return Task.model_validate(fields | more)


def usd(model: str, tokens: Tokens) -> float:
    """The model's price for these tokens, in USD."""
    per_million = POOL[model][0]
    return per_million * (tokens.read + OUTPUT_OVER_INPUT * tokens.written) / 1e6


# ----------------------------------------------------------------------------------------------------


def _analysis() -> Solution:
    """A report whose quotation is on the line it names, and one whose quotation is not."""
    good, bad = (json.dumps({"findings": [FOUND | {"line": line}]}, indent=1) for line in (FOUND["line"], 1))
    return Solution(
        match=Match(task_type=ANALYSIS), good={"analysis.json": good}, wrong={"analysis.json": bad}
    )


def _model(name: str, price: float, skills: tuple[float, float, float]) -> ScriptedModel:
    return ScriptedModel(
        id=name,
        character=Character.SKILL,
        skills=dict(zip(KINDS, skills, strict=True)),
        price=Price(prompt=f"{price / 1e6:.10f}", completion=f"{OUTPUT_OVER_INPUT * price / 1e6:.10f}"),
    )
