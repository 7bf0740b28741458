"""What people do in Prefect's pages and on the command line while the crew works."""

from functools import partial
from typing import Any

from benchmarks.chaos.faults.strike import Kind, NotNow, Strike
from benchmarks.chaos.look import Look, Row
from benchmarks.chaos.stage import Stage
from nightcrew.crew.dispatch import FLOW, POOL
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.errors import NightcrewError
from nightcrew.task import TaskPriority, TaskStatus

LONGEST_PAUSE = 15.0


def cancel_run(stage: Stage, look: Look) -> Strike:
    """Cancel a task's run in Prefect."""
    task = _one(stage, look.unfinished)
    stage.acts[task.task_id].add("cancelled")
    state = {"type": "CANCELLING", "name": "Cancelling", "message": "cancelled by a person"}
    _asked(stage).post(f"/flow_runs/{task.flow_run_id}/set_state", {"state": state})
    return Strike(task.task_id)


def cancel_task(stage: Stage, look: Look) -> Strike:
    """`nightcrew cancel-task`."""
    task = _one(stage, look.unfinished)
    stage.acts[task.task_id].add("cancelled")
    stage.command("cancel-task", task.task_id)
    return Strike(task.task_id)


def delete_run(stage: Stage, look: Look) -> Strike:
    """Delete a task's run in Prefect."""
    task = _one(stage, look.unfinished)
    stage.acts[task.task_id].add("deleted")
    _asked(stage).delete(f"/flow_runs/{task.flow_run_id}")
    return Strike(task.task_id)


def retry_run(stage: Stage, look: Look) -> Strike:
    """Press *Retry* on a run that has ended: what is done is not done twice."""
    ended = [task for task in look.tasks or () if task.status in {TaskStatus.COMPLETED, TaskStatus.FAILED}]
    task = _one(stage, ended)
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    _asked(stage).post(f"/flow_runs/{task.flow_run_id}/set_state", {"state": state, "force": True})
    return Strike(task.task_id)


def pause_pool(stage: Stage, look: Look) -> Strike:
    """Pause the work pool, and resume it after a while."""
    return _paused(stage, f"/work_pools/{POOL}")


def pause_queue(stage: Stage, look: Look) -> Strike:
    """Pause one of the pool's queues, and resume it after a while."""
    return _paused(stage, f"/work_pools/{POOL}/queues/{stage.dice.choice(list(TaskPriority))}")


def delete_deployment(stage: Stage, look: Look) -> Strike:
    """Delete a deployment; Prefect deletes its waiting runs with it."""
    api = _asked(stage)
    name = f"{FLOW}/{stage.dice.choice(list(TaskPriority))}"
    if (found := api.get(f"/deployments/name/{name}")) is None:
        raise NotNow
    api.delete(f"/deployments/{found['id']}")
    return Strike(name)


def delete_queue(stage: Stage, look: Look) -> Strike:
    """Delete one of the pool's queues: its runs wait where no worker looks."""
    name = stage.dice.choice(list(TaskPriority))
    _asked(stage).delete(f"/work_pools/{POOL}/queues/{name}")
    return Strike(str(name))


KINDS = (
    Kind("cancel in Prefect", cancel_run),
    Kind("cancel-task", cancel_task, 1),
    Kind("delete run", delete_run),
    Kind("retry run", retry_run, 3),
    Kind("pause pool", pause_pool, 2),
    Kind("pause queue", pause_queue, 2),
    Kind("delete deployment", delete_deployment, 2),
    Kind("delete queue", delete_queue, 1),
)


# ---------------------------------------------------------------------------------------------------------


class _Api:
    """Prefect's API as a person's browser: what does not answer, or refuses, is not done."""

    def __init__(self, api: PrefectApi) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return partial(self._ask, name)

    def _ask(self, name: str, *words: Any) -> Any:
        try:
            return getattr(self._api, name)(*words)
        except NightcrewError as error:
            raise NotNow from error


def _asked(stage: Stage) -> Any:
    if not stage.services.api_url:
        raise NotNow
    return _Api(stage.services.api())


def _one(stage: Stage, tasks: list[Row]) -> Row:
    able = [task for task in tasks if task.flow_run_id]
    if not able:
        raise NotNow
    return stage.dice.choice(able)


def _paused(stage: Stage, path: str) -> Strike:
    api = _asked(stage)
    api.patch(path, {"is_paused": True})
    lasts = stage.dice.uniform(3.0, LONGEST_PAUSE)
    return Strike(path.rpartition("/")[2], lasts, partial(api.patch, path, {"is_paused": False}))
