"""Puts a run off: it is scheduled anew with the reason and the hour in its state, and its process ends."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Pause
from prefect.runtime import deployment, flow_run
from prefect.states import Scheduled

from flows.notices import Notice, announce
from nightcrew.crew.dispatch import POOL
from nightcrew.crew.stop import HOW_TO_RESUME
from nightcrew.errors import AccountStopped, Transient
from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.queue.state_store import is_down, utc_now
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.work.obstacles import AWAITING_QUOTA
from nightcrew.work.outcome import Outcome, outcome_of
from nightcrew.work.work import Work

LONGEST_STOP = timedelta(days=1)  # then the run looks by itself whether the crew may go on
COMEBACK = timedelta(seconds=30)
CREW_STOPPED, AWAITING_STORE = "CrewStopped", "AwaitingDatabase"
MOST_COMEBACKS = 20  # in a run's life, its first start included


async def stand_still(work: Work, stop: AccountStopped) -> None:
    """The whole crew is stopped: the work pool is paused, and the task waits until somebody lets it go on.

    A run that no worker would start again fails instead.

    Raises:
        Pause: the run waits; this process ends.
    """
    await announce(Notice.CREW_STOPPED, about="nightcrew.crew", message=f"The crew stopped: {stop}")
    account = account_of(work.crew.settings)
    await asyncio.to_thread(stop_crew, work.crew.store, account, fault="unauthorized", message=str(stop))
    if not _can_come_back():
        await asyncio.to_thread(work.finish, outcome_of(stop, work.trials))
        return
    async with get_client() as client:
        await client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    message = f"The crew is stopped: {stop}. {HOW_TO_RESUME}"
    await asyncio.to_thread(work.put_back, message)
    await _put_off(CREW_STOPPED, message, until=utc_now() + LONGEST_STOP)


async def wait_for_models(work: Work) -> None:
    """The task waits for free calls, or for models to have rested, without holding a process.

    A run that no worker would start again, or that came back too often, fails instead.

    Raises:
        Pause: the run waits; this process ends.
    """
    wait, work.wait = work.wait, None
    assert wait is not None
    message = f"Waits until {wait.until:%Y-%m-%d %H:%M} UTC: {wait.reason}"
    if _can_come_back() and (flow_run.run_count or 0) < MOST_COMEBACKS:
        await asyncio.to_thread(work.put_back, message)
        await _put_off(wait.name, message, until=wait.until)
    reason = FailureReason.BUDGET if wait.name == AWAITING_QUOTA else FailureReason.INFRASTRUCTURE
    await asyncio.to_thread(work.finish, Outcome(TaskStatus.FAILED, message, reason))


async def wait_for_store(error: Exception) -> None:
    """Nothing can be written down while the state store is down: the run comes back a little later.

    Returns where that is not what is wrong, or has been for too long.

    Raises:
        Pause: the run waits; this process ends.
    """
    if is_down(error) and _can_come_back() and (flow_run.run_count or 0) < MOST_COMEBACKS:
        message = f"The state store does not answer: {str(error).splitlines()[0]}"
        await _put_off(AWAITING_STORE, message, until=utc_now() + COMEBACK)


# ---------------------------------------------------------------------------------------------------------


def _can_come_back() -> bool:
    """True where a worker would start this run again: it belongs to a deployment."""
    return deployment.id is not None


async def _put_off(name: str, message: str, *, until: datetime) -> NoReturn:
    """The run starts again from its beginning at `until`, in a new process.

    Raises:
        Pause: it is scheduled; this process ends and holds nothing.
        Transient: Prefect would not have it.
    """
    proposed: State[Any] = Scheduled(name=name, message=message, scheduled_time=until)
    async with get_client() as client:
        result = await client.set_flow_run_state(UUID(flow_run.id), proposed)
    if result.status is not SetStateStatus.ACCEPT or result.state is None:
        raise Transient(f"the run cannot be put off: {result.details}")
    raise Pause(state=result.state)
