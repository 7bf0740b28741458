"""What must hold after a slice, asked of the store, the ledger, Prefect and the provider's own books.

Each check returns the sentences that contradict it: none if it holds.
"""

import itertools
import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benchmarks.chaos.look import Row
from benchmarks.chaos.tasks import CAPABLE, Wanted
from nightcrew.task import FailureReason, TaskStatus

_LIKE_PREFECT = {
    TaskStatus.COMPLETED: "COMPLETED",
    TaskStatus.FAILED: "FAILED",
    TaskStatus.CANCELLED: "CANCELLED",
}
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
_LOST_CALLS = {"abandoned", "connection_lost", "timeout", "connection_failed", "mid_stream_error"}


@dataclass(frozen=True)
class Found:
    """Everything that the checks compare."""

    wanted: Sequence[Wanted]
    tasks: Sequence[Row]
    acts: Mapping[str, set[str]]  # task: what people did to it
    ledger_tasks: Sequence[Mapping[str, Any]]
    ledger_attempts: Sequence[Mapping[str, Any]]
    ledger_calls: Sequence[Mapping[str, Any]]
    ledger_ends: Mapping[str, int]  # task: how many facts say how it ended
    spent_usd: Decimal  # that the store has charged
    reservations: Sequence[Mapping[str, Any]]  # that are still open
    runs: Mapping[str, str]  # Prefect's runs of tasks: their types of state
    names: Mapping[str, str]  # of these runs: which task
    provider: Sequence[Mapping[str, Any]]  # the calls that the provider has seen
    outbox: int

    def wanted_of(self, task: Row) -> Wanted | None:
        """How the task was submitted."""
        return next((one for one in self.wanted if task.description.endswith(one.mark)), None)


def none_lost(found: Found) -> list[str]:
    """Each task that was submitted is in the store once, and in the ledger."""
    marks = Counter(one.mark for task in found.tasks if (one := found.wanted_of(task)))
    in_ledger = {row["task_id"] for row in found.ledger_tasks}
    return [
        *(
            f"{one.mark} is {marks[one.mark]} times in the store"
            for one in found.wanted
            if marks[one.mark] != 1
        ),
        *(f"{task.task_id} is not in the ledger" for task in found.tasks if task.task_id not in in_ledger),
    ]


def none_twice(found: Found) -> list[str]:
    """No task was done twice, or by two processes at once, and no call was entered or paid twice."""
    ends = [
        f"{task} has {count} ends in the ledger" for task, count in found.ledger_ends.items() if count > 1
    ]
    accepted = Counter(row["task_id"] for row in found.ledger_attempts if row["verdict"] == "accepted")
    calls = Counter(row["generation_id"] for row in found.ledger_calls if row["generation_id"])
    return [
        *ends,
        *(f"{task} was accepted {count} times" for task, count in accepted.items() if count > 1),
        *(f"call {name} is {count} times in the ledger" for name, count in calls.items() if count > 1),
        *_at_once(found.ledger_attempts),
    ]


def none_false(found: Found) -> list[str]:
    """What is completed was accepted on evidence, and no work of a model that cannot do it is."""
    accepted = {row["task_id"]: row for row in found.ledger_attempts if row["verdict"] == "accepted"}
    wrong = []
    for task in found.tasks:
        if task.status is not TaskStatus.COMPLETED:
            continue
        wanted = found.wanted_of(task)
        if task.task_id not in accepted:
            wrong.append(f"{task.task_id} is completed without an accepted verdict")
        elif not set(accepted[task.task_id]["models_served"]) <= set(CAPABLE):
            wrong.append(f"{task.task_id} is completed with the work of a model that cannot do it")
        if wanted is not None and wanted.end is not TaskStatus.COMPLETED:
            wrong.append(f"{task.task_id} is completed, and none of its models can do it")
    return wrong


def none_failed_of_ours(found: Found) -> list[str]:
    """Nothing ended otherwise than its models and people made it end."""
    wrong = []
    for task in found.tasks:
        wanted, touched = found.wanted_of(task), found.acts.get(task.task_id)
        stopped_by_people = touched and task.status is TaskStatus.CANCELLED
        poor = task.status is TaskStatus.FAILED and task.failure_reason == FailureReason.REJECTED
        expected = wanted is not None and task.status is wanted.end
        if stopped_by_people or (expected and (task.status is TaskStatus.COMPLETED or poor)):
            continue
        wrong.append(f"{task.task_id} is {task.status} ({task.failure_reason}): {task.detail}")
    return wrong


def store_is_ledger(found: Found) -> list[str]:
    """The store and the ledger tell the same of each task, and no fact is still on its way."""
    ledger = {row["task_id"]: row for row in found.ledger_tasks}
    wrong = [f"{found.outbox} facts wait in the outbox"] if found.outbox else []
    for task in found.tasks:
        row = ledger.get(task.task_id)
        if row is not None and row["status"] != task.status:
            wrong.append(f"{task.task_id} is {task.status} in the store and {row['status']} in the ledger")
    known = {task.task_id for task in found.tasks}
    return wrong + [f"{name} is in the ledger only" for name in ledger if name not in known]


def store_is_prefect(found: Found) -> list[str]:
    """Prefect shows each task as it ended, and no run of a task goes on."""
    wrong = []
    for task in found.tasks:
        state = found.runs.get(task.flow_run_id or "")
        if state is None and "deleted" in found.acts.get(task.task_id, ()):
            continue
        if task.status.is_final and state not in {_LIKE_PREFECT[task.status], None}:
            wrong.append(f"{task.task_id} is {task.status} in the store and {state} in Prefect")
    open_runs = [run for run, state in found.runs.items() if state not in ENDED]
    return wrong + [f"the run {run} of {found.names[run]} is {found.runs[run]}" for run in open_runs]


def books_agree(found: Found) -> list[str]:
    """Every call that the provider charged is in the ledger with its cost, or was charged in full."""
    served = {row["generation"]: Decimal(row["usage"]["cost_usd"]) for row in found.provider if row["usage"]}
    known = {row["generation_id"]: row for row in found.ledger_calls if row["generation_id"]}
    wrong = [f"call {name} is unknown to the provider" for name in known if name not in served]
    for name, row in known.items():
        if row["cost_usd"] is not None and name in served and abs(row["cost_usd"] - served[name]) > _CENT:
            wrong.append(f"call {name} cost {served[name]}, and {row['cost_usd']} in the ledger")
    missing = [name for name in served if name not in known]
    unknown = [row for row in found.ledger_calls if not row["generation_id"] and row["fault"] in _LOST_CALLS]
    if len(missing) > len(unknown):
        wrong.append(f"{len(missing)} calls of the provider's are missing, and {len(unknown)} are unknown")
    if found.spent_usd + _CENT < (charged := sum(served.values(), Decimal(0))):
        wrong.append(f"the provider charged {charged}, and the store {found.spent_usd}")
    return wrong + [f"a call of {row['attempt_id']} is not settled" for row in found.reservations]


CHECKS: Mapping[str, Callable[[Found], list[str]]] = {
    "0 lost": none_lost,
    "0 done or paid twice": none_twice,
    "0 false completed": none_false,
    "0 failed through no fault of their own": none_failed_of_ours,
    "store = ledger": store_is_ledger,
    "store = Prefect": store_is_prefect,
    "ledger = the provider's books": books_agree,
}


def provider_calls(twin_url: str) -> list[dict[str, Any]]:
    """Every call that the provider has seen."""
    with urllib.request.urlopen(twin_url.replace("/api/v1", "/twin/requests"), timeout=60) as reply:
        found: list[dict[str, Any]] = json.load(reply)["data"]
    return found


# ---------------------------------------------------------------------------------------------------------

_CENT = Decimal("0.000001")


def _at_once(attempts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Attempts at one task that went on at the same time."""
    ended = sorted(
        (row for row in attempts if row["ended_at"]),
        key=lambda row: (row["task_id"], row["started_at"]),
    )
    return [
        f"{one['attempt_id']} and {next_one['attempt_id']} went on at the same time"
        for one, next_one in itertools.pairwise(ended)
        if one["task_id"] == next_one["task_id"] and next_one["started_at"] < one["ended_at"]
    ]
