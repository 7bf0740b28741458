"""Tasks on a schedule, kept by a real Prefect server."""

import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from nightcrew.crew.dispatch import cancel, open_queue
from nightcrew.crew.schedules import (
    add_recurring,
    add_schedule,
    add_sweep,
    find_schedule,
    own_schedules,
    remove,
    run_now,
    set_active,
)
from nightcrew.errors import BadInput
from nightcrew.queue.audit.line import Act
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import Task
from nightcrew.work.sweep.terms import Sweep
from tests.flows.conftest import RunningCrew, make_repo

pytestmark = pytest.mark.flows


def test_a_schedule_is_added_paused_resumed_and_removed(crew: RunningCrew) -> None:
    task = crew.task("Keep it documented.", priority="low")
    added = add_schedule(crew.settings, crew.api, "nightly", "0 2 * * 1-5", "Europe/Berlin", task)
    assert (added.cron, added.timezone, added.active) == ("0 2 * * 1-5", "Europe/Berlin", True)
    again = Task.model_validate(added.parameters["task"])
    assert again.model_dump(exclude={"task_id"}) == task.model_dump(exclude={"task_id"})
    assert "task_id" not in added.parameters["task"], "each time it is another task"
    with pytest.raises(BadInput, match="there is a schedule nightly already"):
        add_schedule(crew.settings, crew.api, "nightly", "0 3 * * *", "UTC", task)
    for active in (False, True):
        set_active(crew.settings, crew.api, added, active=active)
        changed = find_schedule(crew.api, "nightly")
        assert (changed.active, changed.parameters) == (active, added.parameters)
    remove(crew.settings, crew.api, added)
    assert own_schedules(crew.api) == []
    asked = [line["details"] for line in crew.audit(Act.SCHEDULE, "nightly")]
    assert [details["do"] for details in asked] == ["add", "pause", "resume", "remove"]
    assert (asked[0]["cron"], asked[0]["parameters"]["task"]["description"]) == (
        "0 2 * * 1-5",
        task.description,
    )


def test_a_schedule_of_an_earlier_version_is_paused_resumed_and_run(crew: RunningCrew) -> None:
    task = crew.task("Say what price does, as an earlier version asked.", max_cost_usd="0.25")
    terms = task.model_dump(mode="json", exclude={"task_id"})
    assert None in terms.values() and terms["max_cost_usd"] == "0.25"
    added = add_recurring(
        crew.settings, crew.api, "run-task/normal", "old", "0 2 * * *", "UTC", {"task": terms}
    )
    for active in (False, True):
        set_active(crew.settings, crew.api, added, active=active)
    run_now(crew.settings, crew.api, added)
    deadline = time.monotonic() + 60
    while not (made := [one for one in _tasks(crew, task.repo) if one.task.description == task.description]):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    remove(crew.settings, crew.api, added)
    assert made[0].task.max_cost_usd == Decimal("0.25")
    crew.ended(made[0].task_id)


@pytest.mark.parametrize(("cron", "zone"), [("0 2 *", "UTC"), ("0 2 * * *", "Mars"), ("", "UTC")])
def test_a_time_that_prefect_does_not_understand_is_refused(crew: RunningCrew, cron: str, zone: str) -> None:
    with pytest.raises(BadInput, match="give minute, hour, day, month and weekday"):
        add_schedule(crew.settings, crew.api, "wrong", cron, zone, crew.task("Never."))
    with pytest.raises(BadInput, match="there is no schedule wrong"):
        find_schedule(crew.api, "wrong")


def test_a_sweep_is_on_a_schedule_and_can_be_run_now(crew: RunningCrew, tmp_path: Path) -> None:
    repo = str(make_repo(tmp_path / "swept"))  # one that no other test has asked for anything
    terms = Sweep(repo=repo, most_tasks=2, budget_usd=Decimal("0.5"))
    added = add_sweep(crew.settings, crew.api, "sweep", "0 3 * * *", "UTC", terms)
    run_now(crew.settings, crew.api, added)
    deadline = time.monotonic() + 180
    page = {"artifacts": {"key": {"any_": ["sweep"]}}}
    while not (found := crew.api.post("/artifacts/filter", page)):
        assert time.monotonic() < deadline, _runs(crew)
        time.sleep(0.5)
    swept = [one for one in _tasks(crew, repo) if (one.task.batch or "").startswith("sweep-")]
    remove(crew.settings, crew.api, added)
    assert own_schedules(crew.api) == []
    assert len(swept) == 2 and {one.task.batch_cost_usd for one in swept} == {Decimal("0.5")}
    assert {one.task.target_file for one in swept} == {"pricing.py"}
    assert "| `pricing.py` | 0 of 5 |" in found[0]["data"]
    for one in swept:
        with suppress(BadInput):  # it may have ended; how is no matter of the sweep
            cancel(crew.settings, one.task_id)
        crew.ended(one.task_id)


def _tasks(crew: RunningCrew, repo: str) -> list[QueuedTask]:
    with open_queue(crew.settings) as queue:
        return list(queue.list(repo=repo))


def _runs(crew: RunningCrew) -> list[object]:
    query = {"flows": {"name": {"any_": ["sweep-repository"]}}}
    return [run["state"] for run in crew.api.post("/flow_runs/filter", query)]
