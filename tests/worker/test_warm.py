"""What the warm worker takes from Prefect's private parts; it breaks here first when Prefect changes them."""

import inspect
from typing import Any
from uuid import uuid4

import anyio
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.runner._flow_run_executor import FlowRunExecutorContext, ProcessStarter
from prefect.runner._hook_runner import FlowRunHookRunner
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker

from nightcrew.crew.dispatch import WORKER_TYPE
from nightcrew.worker.nursery import Child
from nightcrew.worker.warm import ForkStarter, Hooks, WarmVariables, WarmWorker


def test_the_worker_is_found_by_its_type() -> None:
    assert BaseWorker.get_worker_class_from_type(WORKER_TYPE) is WarmWorker


def test_an_executor_takes_our_starter_and_our_hooks() -> None:
    taken = inspect.signature(FlowRunExecutorContext.create_executor).parameters
    assert {"flow_run", "starter", "propose_submitting", "hook_runner"} <= taken.keys()
    assert (
        inspect.signature(ForkStarter.start).parameters.keys()
        == inspect.signature(ProcessStarter.start).parameters.keys()
    )
    for name, method in inspect.getmembers(FlowRunHookRunner, inspect.isfunction):
        if name.startswith("run_"):
            ours = inspect.signature(getattr(Hooks, name))
            assert ours.parameters.keys() == inspect.signature(method).parameters.keys()


def test_a_forked_child_passes_for_a_process() -> None:
    handle = ProcessHandle(Child(4_000_000), termination_scope=create_isolated_termination_scope(4_000_000))  # type: ignore[arg-type]
    assert (handle.pid, handle.returncode, handle.is_alive()) == (4_000_000, None, False)


def test_the_stock_worker_still_has_what_we_override() -> None:
    assert {"flow_run", "configuration", "task_status"} <= inspect.signature(
        ProcessWorker.run
    ).parameters.keys()
    assert hasattr(ProcessWorker("pool"), "_exit_stack")
    labels = inspect.signature(ProcessWorker._give_worker_labels_to_flow_run)
    assert labels.parameters.keys() == {"self", "flow_run_id"}
    cancelled = inspect.signature(ProcessWorker._mark_flow_run_as_cancelled)
    assert cancelled.parameters.keys() == {"self", "flow_run", "state_updates"}


def test_an_operator_may_load_modules_ahead() -> None:
    assert WarmVariables(preload=["flows.run_task"]).preload == ["flows.run_task"]


@pytest.mark.parametrize("answer", [None, RuntimeError("the server does not answer")])
def test_a_run_whose_deployment_is_gone_gives_its_slot_back(
    monkeypatch: pytest.MonkeyPatch, answer: Exception | None
) -> None:
    """Prefect's worker keeps it; after as many such runs as it has slots, it would take none any more."""

    async def marked(*_: Any, **__: Any) -> None:
        if answer is not None:
            raise answer

    async def taken_and_cancelled() -> int:
        worker, run = WarmWorker("nightcrew", limit=1), FlowRun(id=uuid4(), flow_id=uuid4())
        worker._limiter = anyio.CapacityLimiter(1)
        worker._limiter.acquire_on_behalf_of_nowait(run.id)
        try:
            await worker._mark_flow_run_as_cancelled(run)
        except RuntimeError:
            assert answer is not None
        return int(worker._limiter.borrowed_tokens)

    monkeypatch.setattr(ProcessWorker, "_mark_flow_run_as_cancelled", marked)
    assert anyio.run(taken_and_cancelled) == 0
