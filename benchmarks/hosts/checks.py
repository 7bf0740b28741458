"""What has to hold when the night is over, asked of PostgreSQL, the twin, Prefect and every host."""

import json
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg

from benchmarks.hosts.network import processes_in
from benchmarks.hosts.node import Node
from benchmarks.hosts.place import DATABASE, Place
from nightcrew.task import SETTLED, Task

SHARED_SECONDS = 180.0  # until the journals of all hosts have reached the others
TWICE = "SELECT task_id FROM attempts WHERE verdict = 'accepted' GROUP BY task_id HAVING count(*) > 1"
ENDS = "SELECT about FROM audit WHERE act = 'end' GROUP BY about HAVING count(*) > 1"
SPENT = "SELECT sum(spent_usd), sum(reserved_usd) FROM budgets WHERE scope LIKE 'day%'"
RUNS = (
    "SELECT count(*) FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING', 'SCHEDULED') AND name LIKE %s"
)


def rows(query: str, *values: object, database: str = "") -> Sequence[tuple[Any, ...]]:
    """The answer of PostgreSQL."""
    with psycopg.connect(DATABASE + database, autocommit=True) as connection:
        return connection.execute(query.encode(), values or None).fetchall()


def statuses() -> Mapping[str, str]:
    """The status of each task."""
    return dict(rows("SELECT task_id, status FROM tasks"))


def all_settled() -> bool:
    """True once no task changes any more unless a person acts."""
    return all(status in SETTLED for status in statuses().values())


def same_answers(nodes: Sequence[Node], tasks: Sequence[Task]) -> Mapping[str, bool]:
    """For each command, whether every host gives the same answer; the last facts take a moment."""
    questions = [("metrics",), ("review",), ("list-tasks", "--limit", "500")]
    questions += [("show-task", task.task_id) for task in (tasks[0], tasks[len(tasks) // 2], tasks[-1])]
    deadline = time.monotonic() + SHARED_SECONDS
    found: dict[str, bool] = {}
    for question in questions:
        name = " ".join(question[:2])
        while True:
            answers = [_at_rest(node.ask(*question)) for node in nodes]
            found[name] = answers[0] is not None and all(answer == answers[0] for answer in answers)
            if found[name] or time.monotonic() > deadline:
                break
            time.sleep(5)
        if not found[name]:
            print(f"{name}: {json.dumps(answers)[:2000]}")
    return found


def claims(place: Place, nodes: Sequence[Node], tasks: Sequence[Task]) -> Mapping[str, bool]:
    """What was to be shown, and whether it was, while all hosts are there."""
    now = statuses()
    expected = {task.task_id: "needs_review" if task.task_id == "review" else "completed" for task in tasks}
    if wrong := {
        task_id: (now.get(task_id), status)
        for task_id, status in expected.items()
        if now.get(task_id) != status
    }:
        print(f"not as expected (is, should be): {wrong}")
    twice = [*rows(TWICE), *rows(ENDS)]
    if twice:
        print(f"done twice: {twice}")
    ((spent, reserved),) = rows(SPENT)
    paid = Decimal(str(place.twin.key_record()["data"]["usage"]))
    print(f"the twin was paid {paid} USD, the crew's books say {spent} USD and {reserved} USD reserved")
    metrics = nodes[0].ask("metrics") or {}
    counted = sum(status == "completed" for status in now.values())
    return {
        f"all {len(tasks)} tasks ended as they should, none was lost": not wrong,
        "no task was done twice": not twice,
        "no call was paid that is not in the books, and nothing is reserved any more": paid <= spent
        and not reserved,
        f"the ledger has the {counted} accepted tasks": metrics.get("accepted") == counted,
        "Prefect has no run left that waits or runs": not rows(RUNS, "%task-%", database="_prefect")[0][0],
        **{f"every host answers the same: {name}": same for name, same in same_answers(nodes, tasks).items()},
    }


def leftovers(nodes: Sequence[Node]) -> Mapping[str, bool]:
    """After the stop: no host has a process left."""
    return {f"{node.name} has no process left": not processes_in(node.name) for node in nodes}


# ---------------------------------------------------------------------------------------------------------


def _at_rest(answer: Any) -> Any:
    """An answer without how long a task has been going on, which moves between two questions."""
    if isinstance(answer, dict):
        return {name: _at_rest(value) for name, value in answer.items() if name != "seconds"}
    return [_at_rest(one) for one in answer] if isinstance(answer, list) else answer
