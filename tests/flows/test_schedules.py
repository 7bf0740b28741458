"""Tasks on a schedule, kept by a real Prefect server."""

import pytest

from nightcrew.crew.schedules import add_schedule, find_schedule, remove, set_active, task_schedules
from nightcrew.errors import BadInput
from nightcrew.queue.audit.line import Act
from nightcrew.task import Task
from tests.flows.conftest import RunningCrew

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
    assert task_schedules(crew.api) == []
    asked = [line["details"] for line in crew.audit(Act.SCHEDULE, "nightly")]
    assert [details["do"] for details in asked] == ["add", "pause", "resume", "remove"]
    assert (asked[0]["cron"], asked[0]["parameters"]["task"]["description"]) == (
        "0 2 * * 1-5",
        task.description,
    )


@pytest.mark.parametrize(("cron", "zone"), [("0 2 *", "UTC"), ("0 2 * * *", "Mars"), ("", "UTC")])
def test_a_time_that_prefect_does_not_understand_is_refused(crew: RunningCrew, cron: str, zone: str) -> None:
    with pytest.raises(BadInput, match="give minute, hour, day, month and weekday"):
        add_schedule(crew.settings, crew.api, "wrong", cron, zone, crew.task("Never."))
    with pytest.raises(BadInput, match="there is no schedule wrong"):
        find_schedule(crew.api, "wrong")
