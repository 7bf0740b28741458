"""Tasks on a schedule: schedules of Prefect, each with a task, so that the UI shows and changes them too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.crew.dispatch import FLOW, deployment_of
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.errors import BadInput
from nightcrew.task import Task, TaskPriority

MOST_SCHEDULES = 500


@dataclass(frozen=True, slots=True)
class TaskSchedule:
    """A task and when it is submitted; `deployment_id` and `schedule_id` are Prefect's."""

    name: str
    cron: str
    timezone: str
    active: bool
    task: Mapping[str, Any]
    deployment_id: str
    schedule_id: str


def add_schedule(api: PrefectApi, name: str, cron: str, timezone: str, task: Task) -> TaskSchedule:
    """Submit `task` at the times of a cron line, each time as a new task.

    Raises:
        BadInput: the name is taken, or Prefect does not understand cron line or time zone.
        Transient: Prefect cannot be reached, or the deployment is missing for now.
    """
    if name in {one.name for one in task_schedules(api)}:
        raise BadInput(f"there is a schedule {name} already: remove it first, or choose another --name")
    deployment = deployment_of(api, task)
    wanted = {
        "active": True,
        "slug": name,
        "schedule": {"cron": cron, "timezone": timezone},
        "parameters": {"task": task.model_dump(mode="json", exclude={"task_id"}, exclude_unset=True)},
    }
    try:
        api.post(f"/deployments/{deployment}/schedules", [wanted])
    except BadInput:  # its message lists every form that a schedule could have
        raise BadInput(
            f"Prefect does not understand --cron '{cron}' with --timezone '{timezone}': give minute, hour, "
            "day, month and weekday, such as '0 2 * * 1-5', and a zone such as Europe/Berlin"
        ) from None
    return find_schedule(api, name)


def task_schedules(api: PrefectApi) -> list[TaskSchedule]:
    """All schedules of tasks, by name."""
    return sorted(_all(api), key=lambda one: one.name)


def find_schedule(api: PrefectApi, name: str) -> TaskSchedule:
    """One schedule.

    Raises:
        BadInput: there is none of this name.
    """
    found = [one for one in _all(api) if one.name == name]
    if not found:
        raise BadInput(f"there is no schedule {name}: 'nightcrew schedule list' shows all")
    return found[0]


def set_active(api: PrefectApi, schedule: TaskSchedule, *, active: bool) -> None:
    """Pause or resume a schedule; runs that were planned are removed or planned again by Prefect."""
    api.patch(
        _path(schedule), {"active": active, "parameters": {"task": schedule.task}}
    )  # else it forgets them


def remove_schedule(api: PrefectApi, schedule: TaskSchedule) -> None:
    """Remove a schedule, and the runs that were planned for it."""
    api.delete(_path(schedule))


# ---------------------------------------------------------------------------------------------------------


def _path(schedule: TaskSchedule) -> str:
    return f"/deployments/{schedule.deployment_id}/schedules/{schedule.schedule_id}"


def _all(api: PrefectApi) -> Iterator[TaskSchedule]:
    for priority in TaskPriority:
        deployment = api.get(f"/deployments/name/{FLOW}/{priority}") or {"schedules": ()}
        for one in deployment["schedules"][:MOST_SCHEDULES]:
            task = (one.get("parameters") or {}).get("task")
            if task:
                when = one["schedule"]
                yield TaskSchedule(
                    name=one.get("slug") or one["id"],
                    cron=when.get("cron") or str(when.get("interval") or when.get("rrule")),
                    timezone=when.get("timezone") or "UTC",
                    active=one["active"],
                    task=task,
                    deployment_id=deployment["id"],
                    schedule_id=one["id"],
                )
