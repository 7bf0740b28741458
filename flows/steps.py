"""Steps: plain functions run as Prefect tasks, with the one retry rule of this project.

Only `Transient` errors are retried, with exponential backoff and jitter. A rejected attempt is not an error
and is not retried here: the flow makes a new plan. Nothing is cached, because an agent's work is not a
function of its input.
"""

import asyncio
import contextvars
import functools
import re
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any

from prefect import get_client, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.exceptions import ObjectAlreadyExists
from prefect.tasks import Task as PrefectTask
from prefect.tasks import exponential_backoff

from flows.log_lines import step_at_work
from nightcrew.errors import Transient
from nightcrew.execution.attempt import Attempt
from nightcrew.queue.state_store import is_down
from nightcrew.selection.plan import Plan

RETRIES = 3
FIRST_WAIT_SECONDS = 2.0
JITTER = 0.5
MODEL_SLOTS = 10


def step[**P, T](
    work: Callable[P, T],
    *,
    name: str,
    run_name: str | Callable[[], str] | None = None,
    retries: int = RETRIES,
    first_wait_seconds: float = FIRST_WAIT_SECONDS,
) -> Callable[P, Awaitable[T]]:
    """`work`, a blocking function, as an awaitable Prefect task called `name`, each run of it `run_name`.

    It runs in its own thread, so that heartbeats continue; its log lines are assigned to the step.
    """

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        step_at_work.begin()
        return await in_thread(functools.partial(work, *args, **kwargs))

    functools.update_wrapper(run, work)
    retrying = task(
        name=name,
        task_run_name=run_name or name,
        description=(work.__doc__ or "").strip() or None,
        retries=retries,
        retry_delay_seconds=exponential_backoff(first_wait_seconds),
        retry_jitter_factor=JITTER,
        retry_condition_fn=is_transient,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return retrying(run)


async def in_thread[T](work: Callable[[], T]) -> T:
    """Run `work` in a daemon thread, which does not keep a cancelled process alive; returns its result."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    done: asyncio.Future[T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed and no one waits for the result
            loop.call_soon_threadsafe(lambda: None if done.done() else outcome())

    def run() -> None:
        try:
            result = context.run(work)
        except BaseException as error:
            settle(functools.partial(done.set_exception, error))
        else:
            settle(functools.partial(done.set_result, result))

    threading.Thread(target=run, daemon=True, name="step").start()
    return await done


def in_model_slot[W](
    execute: Callable[[W, Plan], Awaitable[Attempt]],
) -> Callable[[W, Plan], Awaitable[Attempt]]:
    """Run `execute` under the concurrency limit of the plan's model, which is created at its first attempt.

    A limit that an operator changed is kept.
    """

    async def run(work: W, plan: Plan) -> Attempt:
        async with AsyncExitStack() as slot:
            await _occupy(slot, model_limit(plan.rungs[0].slug))
            return await execute(work, plan)

    return run


async def make_limit(name: str) -> None:
    """Create a global concurrency limit unless one with this name exists."""
    async with get_client() as client:
        with suppress(ObjectAlreadyExists):
            await client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name=name, limit=MODEL_SLOTS)
            )


def model_limit(slug: str) -> str:
    """The name of a model's concurrency limit."""
    return "model-" + re.sub(r"[^a-z0-9.]+", "-", slug.lower()).strip("-")


async def is_transient(task: PrefectTask[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """True if the step failed with an error worth a retry."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, Transient) or is_down(error)


# ---------------------------------------------------------------------------------------------------------


async def _occupy(slot: AsyncExitStack, limit: str) -> None:
    """Hold a slot of `limit` until `slot` closes; a missing limit, which is rare, is created first."""
    try:
        await slot.enter_async_context(_slot_of(limit))
    except ConcurrencySlotAcquisitionError:
        await make_limit(limit)
        await slot.enter_async_context(_slot_of(limit))


def _slot_of(limit: str) -> AbstractAsyncContextManager[None]:
    return concurrency(limit, strict=True, raise_on_lease_renewal_failure=False)
