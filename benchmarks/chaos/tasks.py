"""The tasks of a slice: of several types, on the example project; and how each of them has to end."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightcrew.task import TaskStatus
from nightcrew.testing.demo_tasks import shipped_tasks
from nightcrew.testing.scenario import Account, Scenario, shipped_scenario

CAPABLE = ("twin/journeyman", "twin/hotshot", "twin/master")
UNABLE = ("twin/bluffer", "twin/fiddler")  # whatever happens, their work must never be completed
LATENCY_SECONDS = 2.0
RECIPES: tuple[tuple[str, int, Sequence[str], str], ...] = (  # the demo's task, how often, models, executor
    ("demo-reorder-docs", 18, CAPABLE, "direct"),
    ("demo-postage-table", 6, CAPABLE, "direct"),
    ("demo-lot-costs", 4, CAPABLE, "direct"),
    ("demo-codes-tests", 4, CAPABLE, "direct"),
    ("demo-stock-report", 2, CAPABLE, "direct"),
    ("demo-full-parcels", 6, UNABLE, "direct"),
    ("demo-lot-costs", 2, CAPABLE, "openhands"),
    ("demo-stock-report", 1, CAPABLE, "openhands"),
)
PRIORITIES = ("critical", "high", "normal", "normal", "low")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A task that will be submitted, found again by its mark, and how it has to end if nobody stops it."""

    mark: str  # stands in its description
    fields: Mapping[str, Any]
    end: TaskStatus


def tasks_of(seed: int, number: int, count: int, repo: Path) -> list[Wanted]:
    """The tasks of a slice; the same seed and number, the same tasks."""
    dice = random.Random(f"tasks {seed} {number}")
    shipped = {task.task["task_id"]: task.task for task in shipped_tasks()}
    weights = [weight for _, weight, *_ in RECIPES]
    wanted = []
    for index in range(count):
        name, _, models, executor = dice.choices(RECIPES, weights)[0]
        mark = f"(No. {seed}-{number}-{index})"
        fields = {key: value for key, value in shipped[name].items() if key not in {"task_id", "deliver"}}
        fields |= {
            "description": f"{fields['description']} {mark}",
            "repo": str(repo),
            "executor": executor,
            "models": list(models),
            "max_attempts": 2 if models is UNABLE else 4,
            "priority": dice.choice(PRIORITIES),
        }
        end = TaskStatus.FAILED if models is UNABLE else TaskStatus.COMPLETED
        wanted.append(Wanted(mark, fields, end))
    return wanted


def batch_of(tasks: Sequence[Wanted], *, name: str = "chaos", **same: str) -> str:
    """A file for `nightcrew submit-batch`; one name is one task, however often the file is submitted."""
    items = [
        {"name": f"no-{task.mark.strip('()').rpartition('-')[2]}", **task.fields, **same} for task in tasks
    ]
    return json.dumps({"batch": name, "tasks": items})


def scenario() -> Scenario:
    """The demo's models without the demo's faults; each answer takes a while, so that faults fall into it."""
    shipped = shipped_scenario()
    models = tuple(model.model_copy(update={"latency_seconds": LATENCY_SECONDS}) for model in shipped.models)
    account = Account(credits_usd=1000, free_per_minute=1000)
    return shipped.model_copy(update={"models": models, "faults": (), "account": account})
