"""Postpones a run: it is rescheduled with reason and time in its state, and its process ends."""

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

from flows.notices import announce
from flows.outage import is_away, wait_for_server
from nightcrew.crew.dispatch import POOL
from nightcrew.crew.notice import Notice
from nightcrew.crew.stop import CREW_STOPPED, HOW_TO_RESUME
from nightcrew.errors import AccountStopped, Transient
from nightcrew.execution.checkout.free_space import was_full
from nightcrew.openrouter.books.account import crew_stop, stop_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.queue.state_store import is_down, utc_now
from nightcrew.work.obstacles import WaitKind, outcome_of_wait
from nightcrew.work.outcome import outcome_of
from nightcrew.work.work import Work

LONGEST_STOP = timedelta(days=1)  # then the run checks by itself whether the crew was resumed
COMEBACK = timedelta(seconds=30)
AWAITING_STORE, AWAITING_SERVER, AWAITING_DISK = "AwaitingDatabase", "AwaitingServer", "AwaitingDisk"
MOST_COMEBACKS = 20  # per run, its first start included


async def wait_until_resumed(work: Work, stop: AccountStopped) -> None:
    """The whole crew is stopped: pause the work pool; the task waits until a person resumes the crew.

    A run without a deployment, which no worker would start again, fails instead.

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
        if await asyncio.to_thread(crew_stop, work.crew.store, account) is None:
            # It was resumed meanwhile: this pause would look like an operator's, which nobody lifts.
            await client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    message = f"The crew is stopped: {stop}. {HOW_TO_RESUME}"
    await asyncio.to_thread(work.put_back, message)
    await _postpone(CREW_STOPPED, message, until=utc_now() + LONGEST_STOP)


async def wait_for_models(work: Work) -> None:
    """Let the task wait for free calls, or for a model to be available again, without holding a process.

    A run without a deployment, or one that was postponed too often, fails instead; an outage is waited out.

    Raises:
        Pause: the run waits; this process ends.
    """
    wait, work.wait = work.wait, None
    assert wait is not None
    message = str(wait)
    is_patient = wait.kind is WaitKind.PROVIDER or (flow_run.run_count or 0) < MOST_COMEBACKS
    if _can_come_back() and is_patient:
        await asyncio.to_thread(work.put_back, message)
        await _postpone(wait.kind, message, until=wait.until)
    await asyncio.to_thread(work.finish, outcome_of_wait(wait))


async def wait_for_services(error: Exception) -> None:
    """Postpone the run if `error` says that the state store is down, since nothing can be recorded, or that
    Prefect's server is, or that a disk is full.

    Returns if the error is another one.

    Raises:
        Pause: the run waits; this process ends.
    """
    if is_away(error) and _can_come_back() and await wait_for_server():
        await _postpone(AWAITING_SERVER, "Prefect's server did not answer", until=utc_now())
    full = was_full(error)  # met before there was any work that could stop the crew
    if (full or is_down(error)) and _can_come_back():
        what = "A disk was full or read-only" if full else "The state store does not answer"
        pause = COMEBACK * min(flow_run.run_count or 1, MOST_COMEBACKS)
        message = f"{what}: {str(error).splitlines()[0]}"
        await _postpone(AWAITING_DISK if full else AWAITING_STORE, message, until=utc_now() + pause)


# ---------------------------------------------------------------------------------------------------------


def _can_come_back() -> bool:
    """True if a worker can start this run again, because it belongs to a deployment."""
    return deployment.id is not None


async def _postpone(name: str, message: str, *, until: datetime) -> NoReturn:
    """Restart the run from its beginning at `until`, in a new process.

    Raises:
        Pause: it is scheduled; this process ends and holds nothing.
        Transient: Prefect refused to reschedule it.
    """
    proposed: State[Any] = Scheduled(name=name, message=message, scheduled_time=until)
    async with get_client() as client:
        result = await client.set_flow_run_state(UUID(flow_run.id), proposed)
    if result.status is not SetStateStatus.ACCEPT or result.state is None:
        raise Transient(f"the run cannot be postponed: {result.details}")
    raise Pause(state=result.state)
