"""Schedules of Prefect with parameters, such as tasks, so that the UI shows and changes them too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightcrew.crew.dispatch import FLOW, DeploymentMissing
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.storage.acts import note
from nightcrew.errors import BadInput
from nightcrew.form import Form, form_values
from nightcrew.queue.audit.line import Act
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskPriority

SWEEP = "sweep-repository/nightly"
MOST_SCHEDULES = 500


@dataclass(frozen=True, slots=True)
class Recurring:
    """One schedule of a deployment; `deployment_id` and `schedule_id` are Prefect's."""

    name: str
    cron: str
    timezone: str
    active: bool
    parameters: Mapping[str, Any]
    deployment_id: str
    schedule_id: str


def add_recurring(
    settings: Settings,
    api: PrefectApi,
    deployment: str,
    name: str,
    cron: str,
    timezone: str,
    parameters: Mapping[str, Any],
) -> Recurring:
    """Run a deployment (`flow/name`) with these parameters at the times of a cron line.

    Raises:
        BadInput: Prefect does not understand cron line or time zone.
        Transient: Prefect cannot be reached, or the deployment is missing for now.
    """
    found = api.get(f"/deployments/name/{deployment}")
    if found is None:
        raise DeploymentMissing(f"the deployment {deployment} was deleted; the engine creates it again")
    schedule = {"cron": cron, "timezone": timezone}
    asked = {"do": "add", "deployment": deployment, **schedule, "parameters": parameters}
    note(settings, Act.SCHEDULE, name, asked)
    wanted = {"active": True, "slug": name, "schedule": schedule, "parameters": dict(parameters)}
    try:
        api.post(f"/deployments/{found['id']}/schedules", [wanted])
    except BadInput:  # its message lists every form that a schedule could have
        raise BadInput(
            f"Prefect does not understand --cron '{cron}' with --timezone '{timezone}': give minute, hour, "
            "day, month and weekday, such as '0 2 * * 1-5', and a zone such as Europe/Berlin"
        ) from None
    return next(one for one in schedules_of(api, deployment) if one.name == name)


def schedules_of(api: PrefectApi, deployment: str) -> list[Recurring]:
    """The schedules of a deployment that have parameters, by name."""
    found = api.get(f"/deployments/name/{deployment}") or {"schedules": ()}
    return sorted(
        (
            Recurring(
                name=one.get("slug") or one["id"],
                cron=when.get("cron") or str(when.get("interval") or when.get("rrule")),
                timezone=when.get("timezone") or "UTC",
                active=one["active"],
                parameters=one["parameters"],
                deployment_id=found["id"],
                schedule_id=one["id"],
            )
            for one in found["schedules"][:MOST_SCHEDULES]
            for when in [one["schedule"]]
            if one.get("parameters")
        ),
        key=lambda one: one.name,
    )


def set_active(settings: Settings, api: PrefectApi, one: Recurring, *, active: bool) -> None:
    """Pause or resume a schedule; runs that were planned are removed or planned again by Prefect."""
    note(settings, Act.SCHEDULE, one.name, {"do": "resume" if active else "pause"})
    api.patch(_path(one), {"active": active, "parameters": dict(one.parameters)})  # else it forgets them


def remove(settings: Settings, api: PrefectApi, one: Recurring) -> None:
    """Remove a schedule, and the runs that were planned for it."""
    note(settings, Act.SCHEDULE, one.name, {"do": "remove"})
    api.delete(_path(one))


def add_schedule(
    settings: Settings, api: PrefectApi, name: str, cron: str, timezone: str, task: Task
) -> Recurring:
    """Submit `task` at the times of a cron line, each time as a new task.

    Raises:
        BadInput: the name is taken, or Prefect does not understand cron line or time zone.
        Transient: Prefect cannot be reached, or the deployment is missing for now.
    """
    if name in {one.name for one in own_schedules(api)}:
        raise BadInput(f"there is a schedule {name} already: remove it first, or choose another --name")
    terms = form_values(task, only_set=True)
    terms.pop("task_id", None)
    parameters = {"task": terms}
    return add_recurring(settings, api, f"{FLOW}/{task.priority}", name, cron, timezone, parameters)


def add_sweep(
    settings: Settings, api: PrefectApi, name: str, cron: str, timezone: str, terms: Form
) -> Recurring:
    """Sweep a repository at the times of a cron line; `terms` are those of a `Sweep`. Raises like
    `add_schedule`."""
    if name in {one.name for one in own_schedules(api)}:
        raise BadInput(f"there is a schedule {name} already: remove it first, or choose another --name")
    return add_recurring(settings, api, SWEEP, name, cron, timezone, {"terms": form_values(terms)})


def own_schedules(api: PrefectApi) -> list[Recurring]:
    """All schedules of tasks and sweeps, by name: the parameter `task`, or `terms` of a sweep."""
    places = [*(f"{FLOW}/{each}" for each in TaskPriority), SWEEP]
    found = [one for place in places for one in schedules_of(api, place)]
    given = [one for one in found if one.parameters.get("task") or one.parameters.get("terms")]
    return sorted(given, key=lambda one: one.name)


def run_now(settings: Settings, api: PrefectApi, one: Recurring) -> None:
    """Do once what a schedule does, beside its times."""
    note(settings, Act.SCHEDULE, one.name, {"do": "run"})
    start(api, one)


def start(api: PrefectApi, one: Recurring, *tags: str, because: str | None = None) -> None:
    """Start a run of a schedule at once; a second call with the same reason starts nothing."""
    run = {
        "parameters": dict(one.parameters),
        "state": {"type": "SCHEDULED"},
        "tags": ["nightcrew", *tags],
        "idempotency_key": because,
        "enforce_parameter_schema": False,  # the run checks them, and reads those of earlier versions too
    }
    api.post(f"/deployments/{one.deployment_id}/create_flow_run", run)


def find_schedule(api: PrefectApi, name: str) -> Recurring:
    """One schedule of a task or a sweep.

    Raises:
        BadInput: there is none of this name.
    """
    found = [one for one in own_schedules(api) if one.name == name]
    if not found:
        raise BadInput(f"there is no schedule {name}: 'nightcrew schedule list' shows all")
    return found[0]


# ---------------------------------------------------------------------------------------------------------


def _path(one: Recurring) -> str:
    return f"/deployments/{one.deployment_id}/schedules/{one.schedule_id}"
