"""Between queue and Prefect: cancelling, crashes, priorities, and the doors that are not ours."""

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, update

from nightcrew.crew import bootstrap, dispatch, services
from nightcrew.crew.runs import reconciliation
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import BadInput
from nightcrew.form import form_values
from nightcrew.queue import leases
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_table import tasks
from nightcrew.task import TaskPriority, TaskStatus
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows


def test_cancelling_kills_the_running_process_tree_within_five_seconds(crew: RunningCrew) -> None:
    queued = crew.submit("Cancel me while the model thinks.", models=["twin/slow"])
    running = crew.until(
        queued.task_id, lambda task: task.status is TaskStatus.RUNNING and task.attempts == 0
    )
    assert running.pid is not None
    time.sleep(2)
    family = psutil.Process(running.pid).children(recursive=True)
    began = time.monotonic()
    cancelled = dispatch.cancel(crew.settings, queued.task_id)
    assert time.monotonic() - began < 5
    assert cancelled.status is TaskStatus.CANCELLED
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == psutil.STATUS_ZOMBIE
    assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    time.sleep(3)  # the worker has noticed by now
    assert crew.api.get(f"/flow_runs/{running.flow_run_id}")["state_type"] == "CANCELLED"
    assert crew.get(queued.task_id).status is TaskStatus.CANCELLED


def test_what_has_ended_cannot_be_cancelled(crew: RunningCrew) -> None:
    queued = crew.submit("To be cancelled twice.", models=["twin/slow"])
    dispatch.cancel(crew.settings, queued.task_id)
    with pytest.raises(BadInput, match="has ended: it is cancelled"):
        dispatch.cancel(crew.settings, queued.task_id)


def test_a_run_cancelled_in_prefects_ui_cancels_its_task(crew: RunningCrew) -> None:
    queued = crew.submit("Cancel me in the UI.", models=["twin/slow"])
    running = crew.until(queued.task_id, lambda task: task.status is TaskStatus.RUNNING)
    state = {"type": "CANCELLING", "name": "Cancelling"}
    crew.api.post(f"/flow_runs/{running.flow_run_id}/set_state", {"state": state, "force": True})
    assert crew.run(running)["state_type"] == "CANCELLED"
    reconcile(crew.settings)
    ended = crew.get(queued.task_id)
    assert ended.status is TaskStatus.CANCELLED, ended.detail
    assert running.pid is not None
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == psutil.STATUS_ZOMBIE


def test_a_task_whose_process_is_killed_goes_back_to_the_queue_and_is_done(crew: RunningCrew) -> None:
    queued = crew.submit("Survive a kill.", models=["twin/slow"])
    running = crew.until(
        queued.task_id, lambda task: task.status is TaskStatus.RUNNING and task.pid is not None
    )
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    assert crew.run(running)["state_type"] == "CRASHED"
    reconcile(crew.settings)  # or the crew's own upkeep, if that was quicker
    dispatch.dispatch_pending(crew.settings)
    ended = crew.ended(queued.task_id)
    assert (ended.status, ended.restarts) == (TaskStatus.COMPLETED, 1)
    assert ended.flow_run_id != running.flow_run_id


def test_a_run_that_was_taken_and_never_started_is_given_up_and_its_task_is_done(
    crew: RunningCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker's machine goes down between taking a run and starting it: nothing tells of that."""
    task = crew.task("Be taken and never started.")
    deployment = crew.api.get("/deployments/name/run-task/normal")
    run = {"state": {"type": "PENDING"}, "parameters": {"task": form_values(task)}}
    taken = crew.api.post(f"/deployments/{deployment['id']}/create_flow_run", run)
    with dispatch.open_queue(crew.settings) as queue:
        queue.submit(task)
        queue.update(task.task_id, status=TaskStatus.QUEUED, flow_run_id=taken["id"])
    reconcile(crew.settings)  # a worker may be slow
    assert crew.get(task.task_id).flow_run_id == taken["id"]

    monkeypatch.setattr(reconciliation, "LONGEST_PENDING", timedelta())
    reconcile(crew.settings)
    again = crew.get(task.task_id)
    assert again.restarts == 1
    assert again.flow_run_id not in {None, taken["id"]}, "it was not handed to a worker again"
    given_up = crew.api.get(f"/flow_runs/{taken['id']}")["state"]
    assert given_up["type"] == "CRASHED" and "never started" in given_up["message"]
    assert crew.ended(task.task_id).status is TaskStatus.COMPLETED


def test_a_task_of_a_lost_host_runs_again_and_has_not_crashed(
    crew: RunningCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crew.paused():
        queued = crew.submit("Say it on another host.")
        at_work = {"status": TaskStatus.RUNNING, "host": "lost-host", "pid": 7, "pid_started": 1.0}
        with StateStore(ensure_database(crew.settings)) as store, store.engine.begin() as connection:
            mine = tasks.c.task_id == queued.task_id
            connection.execute(update(tasks).where(mine).values(**at_work, beat=func.now()))
        crew.set_state(queued, "RUNNING", "Running")
        assert reconcile(crew.settings) == 0, "its lease was renewed just now"
        monkeypatch.setattr(leases, "LOST_AFTER", timedelta())
        assert reconcile(crew.settings) == 1
        again = crew.get(queued.task_id)
        assert again.crashes == 0 and again.flow_run_id != queued.flow_run_id
    assert crew.ended(queued.task_id).status is TaskStatus.COMPLETED


def test_a_deleted_run_cancels_its_task(crew: RunningCrew) -> None:
    with dispatch.open_queue(crew.settings) as queue:
        stored = queue.submit(crew.task("Delete my run."))
        gone = "00000000-0000-4000-8000-000000000000"
        queue.update(stored.task_id, status=TaskStatus.QUEUED, flow_run_id=gone)
    reconcile(crew.settings)
    assert crew.get(stored.task_id).status is TaskStatus.CANCELLED


def test_a_deleted_deployment_comes_back_and_its_tasks_wait_for_it(crew: RunningCrew) -> None:
    assert crew.prefect("deployment", "delete", "run-task/low").returncode == 0
    waits = crew.submit("Wait for my deployment.", priority="low")
    assert waits.status is TaskStatus.PENDING
    dispatch.dispatch_pending(crew.settings)
    assert "run-task/low was deleted" in crew.get(waits.task_id).detail
    result: list[str] = []
    assert services.restore_deployments(crew.settings, result.append)
    assert result == ["deleted in Prefect, created again: deployment low"]
    assert not services.restore_deployments(crew.settings, result.append)
    assert bootstrap.paused(crew.api) == []
    pool = crew.api.get("/work_pools/nightcrew/queues/low")
    crew.api.patch(f"/work_queues/{pool['id']}", {"is_paused": True})
    assert bootstrap.paused(crew.api) == ["work queue low"]
    assert not services.restore_deployments(crew.settings, result.append), "what an operator pauses is left"
    crew.api.patch(f"/work_queues/{pool['id']}", {"is_paused": False})
    dispatch.dispatch_pending(crew.settings)
    assert crew.ended(waits.task_id).status is TaskStatus.COMPLETED


def test_tasks_of_a_deployment_that_is_there_again_at_once_run_again(crew: RunningCrew) -> None:
    """Nobody looked between its deletion and the next deploy, so that the run alone is missing."""
    with crew.paused():
        waits = crew.submit("Wait for my second deployment.", priority="low")
        assert crew.prefect("deployment", "delete", "run-task/low").returncode == 0
        made = crew.prefect("deploy", "--name", "low")
        assert made.returncode == 0, made.stdout + made.stderr
        reconcile(crew.settings)
        again = crew.get(waits.task_id)
        assert again.deployment_id not in {None, waits.deployment_id}
        assert again.restarts == 1 and again.flow_run_id != waits.flow_run_id
    assert crew.ended(waits.task_id).status is TaskStatus.COMPLETED


def test_a_task_submitted_twice_makes_one_run(crew: RunningCrew) -> None:
    task = crew.task("Only once, please.")
    first = dispatch.submit(crew.settings, task)
    assert first.is_new and not dispatch.submit(crew.settings, task).is_new
    with dispatch.open_queue(crew.settings) as queue:
        again = dispatch.dispatch(queue, crew.api, first)
    assert again.flow_run_id == first.flow_run_id
    crew.ended(task.task_id)


def test_a_critical_task_overtakes_all_that_wait(crew: RunningCrew) -> None:
    """Three slots are busy and four low tasks wait when the critical one comes."""
    busy = [
        crew.submit(f"Keep slot {number} busy.", models=["twin/slow"], priority="low") for number in range(3)
    ]
    for queued in busy:
        crew.until(queued.task_id, lambda task: task.status is TaskStatus.RUNNING)
    low = [crew.submit(f"Wait in line {number}.", priority="low") for number in range(4)]
    critical = crew.submit("Now.", priority="critical")
    for queued in busy:
        dispatch.cancel(crew.settings, queued.task_id)
    started = {task.task_id: crew.ended(task.task_id).started_at for task in (critical, *low)}
    order = sorted(started, key=lambda task_id: str(started[task_id]))
    assert order.index(critical.task_id) < len(busy)  # at once with what else the freed slots take


def test_ci_runs_a_task_through_prefects_own_command_and_learns_how_it_ended(crew: RunningCrew) -> None:
    good = form_values(crew.task("Say it from CI."), only_set=True)
    bad = crew.task("Write from CI.", task_type="unit_test", models=["twin/lazy:free"])
    ran = crew.prefect("deployment", "run", "run-task/high", "-p", f"task={json.dumps(good)}", "--watch")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "UUID" in ran.stdout
    with dispatch.open_queue(crew.settings) as queue:
        (done,) = (one for one in queue.list(limit=20) if one.task.description == "Say it from CI.")
    assert done.task.priority is TaskPriority.HIGH, "that of the deployment, not the parameter's default"
    failed = crew.prefect(
        "deployment", "run", "run-task/high", "-p", f"task={json.dumps(form_values(bad))}", "--watch"
    )
    assert failed.returncode == 1, failed.stdout
    assert crew.get(bad.task_id).failure_reason == "rejected"


def test_a_bad_parameter_is_refused_before_anything_runs(crew: RunningCrew) -> None:
    ran = crew.prefect("deployment", "run", "run-task/low", "-p", 'task={"description": "x", "repo": "y"}')
    assert ran.returncode == 1
    assert "description" in ran.stdout + ran.stderr


def test_the_form_in_the_ui_explains_every_field_and_offers_choices(crew: RunningCrew) -> None:
    schema = crew.api.get("/deployments/name/run-task/normal")["parameter_openapi_schema"]
    task = schema["definitions"]["Task"]["properties"]
    assert all(field.get("description") for field in task.values())
    kinds = schema["definitions"]["TaskType"]["enum"]
    assert "unit_test" in kinds and "bug_fix" in kinds


@pytest.mark.parametrize(
    ("deployment", "key"),
    [("refresh-models/hourly", "models"), ("report-costs/daily", "costs"), ("sync-ledger/frequent", None)],
)
def test_the_cron_deployments_run(crew: RunningCrew, deployment: str, key: str | None) -> None:
    ran = crew.prefect("deployment", "run", deployment, "--watch")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if key is not None:
        (artifact,) = crew.api.post("/artifacts/latest/filter", {"artifacts": {"key": {"any_": [key]}}})
        assert artifact["data"]


def test_bootstrap_twice_changes_nothing(crew: RunningCrew) -> None:
    before = _inventory(crew)
    import subprocess
    import sys

    from nightcrew.crew.environment import crew_environment
    from nightcrew.crew.storage.database import open_database

    project = Path(crew.status.project)
    env = crew_environment(
        crew.settings, api_url=crew.status.api_url, project=project, database=open_database(crew.settings)
    )
    ran = subprocess.run(
        [sys.executable, "-m", "deployments.bootstrap"],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == ""
    assert _inventory(crew) == before


def _inventory(crew: RunningCrew) -> dict[str, object]:
    api = crew.api
    queues = api.post("/work_queues/filter", {})
    pool = api.get("/work_pools/nightcrew")
    return {
        "pool": (pool["id"], pool["type"], pool["base_job_template"]),
        "queues": sorted((queue["name"], queue["priority"], queue["id"]) for queue in queues),
        "automations": sorted(rule["id"] for rule in api.post("/automations/filter", {})),
        "deployments": sorted(one["id"] for one in api.post("/deployments/filter", {})),
        "schedules": sorted(
            (one["name"], schedule["schedule"].get("cron", ""))
            for one in api.post("/deployments/filter", {})
            for schedule in one["schedules"]
        ),
        "blocks": sorted(kind["slug"] for kind in api.post("/block_types/filter", {})),
    }
