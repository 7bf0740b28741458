"""A run that has to wait holds no process: it is scheduled anew, and its state says why and until when."""

import asyncio
import errno
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prefect.exceptions import Pause
from sqlalchemy import update

from flows import later
from flows.later import AWAITING_DISK, wait_for_services
from nightcrew.crew import dispatch
from nightcrew.crew import stop as crew_stop
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import AccountStopped
from nightcrew.openrouter.books.account import accounts, stop_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.queue.state_store import StateStore, utc_now
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import TaskStatus
from nightcrew.work.work import Work
from tests.flows.conftest import RunningCrew
from tests.flows.test_review import state_of, works_on

pytestmark = pytest.mark.flows

FREE = "twin/diligent:free"


def set_used(crew: RunningCrew, calls: int) -> None:
    with StateStore(ensure_database(crew.settings)) as store, store.engine.begin() as connection:
        today = {"day": datetime.now(UTC).date(), "day_used": calls}
        mine = accounts.c.account == account_of(crew.settings)
        connection.execute(update(accounts).where(mine).values(**today))


def waiting_run(crew: RunningCrew, queued: QueuedTask) -> dict[str, Any]:
    state: Any = state_of(crew, queued, "SCHEDULED")["state"]
    return dict(state)


def test_a_plan_that_does_not_fit_todays_free_calls_waits_for_the_reset(crew: RunningCrew) -> None:
    crew.ended(crew.submit("Say it, so that the account is known.").task_id)
    set_used(crew, 10_000)
    try:
        queued = crew.submit("Say it for free.", models=[FREE])
        waits = crew.until(queued.task_id, lambda task: "free calls" in task.detail)
        assert waits.status is TaskStatus.QUEUED and waits.attempts == 0
        state = waiting_run(crew, waits)
    finally:
        set_used(crew, 0)
    midnight = (utc_now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert state["name"] == "AwaitingQuota"
    assert f"{midnight:%Y-%m-%d %H:%M} UTC" in state["message"] and "free calls" in state["message"]
    assert datetime.fromisoformat(state["state_details"]["scheduled_time"]) == midnight
    assert not works_on(waits)
    assert reconcile(crew.settings) == 0, "waiting is nothing amiss"
    dispatch.run_again(crew.api, waits, state_name="AwaitingQuota")
    ended = crew.ended(waits.task_id)
    assert (ended.status, ended.models) == (TaskStatus.COMPLETED, (FREE,)), ended.detail


def test_a_stopped_crew_fails_no_task_and_goes_on_when_a_person_says_so(crew: RunningCrew) -> None:
    with StateStore(ensure_database(crew.settings)) as store:
        stop_crew(store, account_of(crew.settings), fault="disk_full", message="no space is left")
    try:
        queued = crew.submit("Say it when there is room.")
        waits = crew.until(queued.task_id, lambda task: task.detail.startswith("The crew is stopped"))
        assert waits.status is TaskStatus.QUEUED
        assert "no space is left" in waits.detail and "nightcrew resume" in waits.detail
        assert waiting_run(crew, waits)["name"] == "CrewStopped"
        assert crew.api.get("/work_pools/nightcrew")["is_paused"]
        next_one = crew.submit("Say it after that.")
    finally:
        resumed = crew_stop.resume(crew.settings)
    assert resumed.stop is not None and resumed.stop.fault == "disk_full" and resumed.tasks == 1
    for task_id in (waits.task_id, next_one.task_id):
        assert crew.ended(task_id).status is TaskStatus.COMPLETED
    assert crew_stop.resume(crew.settings).stop is None


def test_a_crew_that_is_resumed_while_a_run_stops_it_does_not_stay_paused(
    crew: RunningCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk had room again between the stop in the store and the pause in Prefect."""
    with crew.paused(), StateStore(ensure_database(crew.settings)) as store:
        queued = crew.submit("Say it although the crew is resumed already.")
        run = crew.api.get(f"/flow_runs/{queued.flow_run_id}")
        monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", run["id"])
        monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", run["deployment_id"])
        monkeypatch.setattr(later, "stop_crew", lambda *_, **__: None)  # it is lifted again at once
        inner = SimpleNamespace(settings=crew.settings, store=store)
        work = cast(Work, SimpleNamespace(crew=inner, put_back=lambda message: None))
        with crew.as_client(), pytest.raises(Pause):
            asyncio.run(later.wait_until_resumed(work, AccountStopped("no space is left")))
        assert not crew.api.get("/work_pools/nightcrew")["is_paused"]
        assert waiting_run(crew, queued)["name"] == crew_stop.CREW_STOPPED
    assert crew_stop.end_stop(crew.settings) == 1
    assert crew.ended(queued.task_id).status is TaskStatus.COMPLETED
    assert crew_stop.end_stop(crew.settings) == 0


def test_a_task_that_still_waits_for_the_provider_after_an_outage_is_started(crew: RunningCrew) -> None:
    tomorrow = (utc_now() + timedelta(days=1)).isoformat()
    with crew.paused():
        queued = crew.submit("Say it after an outage whose end another process saw.")
        crew.set_state(queued, "SCHEDULED", crew_stop.AWAITING_PROVIDER, scheduled_time=tomorrow)
    assert crew_stop.end_outage(crew.settings) == 1
    assert crew.ended(queued.task_id).status is TaskStatus.COMPLETED
    assert crew_stop.end_outage(crew.settings) == 0


def test_a_disk_that_is_full_before_the_work_begins_fails_no_task(
    crew: RunningCrew, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crew.paused():
        queued = crew.submit("Say it once there is room to begin.")
        run = crew.api.get(f"/flow_runs/{queued.flow_run_id}")
        # Prefect's own way to say in a test which run is under way.
        monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", run["id"])
        monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", run["deployment_id"])
        with crew.as_client(), pytest.raises(Pause):
            asyncio.run(wait_for_services(OSError(errno.ENOSPC, "No space left on device")))
        state = waiting_run(crew, queued)
        assert state["name"] == AWAITING_DISK and "No space left" in state["message"]
        crew.set_state(queued, "SCHEDULED", "Scheduled")
    assert crew.ended(queued.task_id).status is TaskStatus.COMPLETED
