"""The warm worker: Prefect's process worker, with flow runs forked from a preloaded process.

Polling, queues, limits, cancelling, crash detection, heartbeats and logs are Prefect's own. Its private
modules (`prefect.runner._*`) are imported only here; a test checks the names.

Each run gets our own command, environment, folder and flow. If its job variables, its deployment or the pool
request others, it fails before anything is started.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.abc
from prefect.client.schemas.objects import State
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle, create_isolated_termination_scope
from prefect.runner._starter_engine import EngineCommandStarter
from prefect.settings import get_current_settings
from prefect.states import Failed
from prefect.utilities.processutils import sanitize_subprocess_env
from prefect.workers.process import (
    ProcessJobConfiguration,
    ProcessVariables,
    ProcessWorker,
    ProcessWorkerResult,
)
from pydantic import Field, PrivateAttr

from nightcrew.crew.dispatch import WORKER_TYPE, announcement, dispatch_pending
from nightcrew.crew.environment import project_root
from nightcrew.crew.runs.reconciliation import reconcile, run_cancelled
from nightcrew.errors import Transient
from nightcrew.openhands.forks import keep_agents_loaded
from nightcrew.secrets.logs import keep_secrets_out_of_logs
from nightcrew.settings import load_settings
from nightcrew.validation.loaded.forks import keep_pytest_loaded
from nightcrew.worker import run_resources
from nightcrew.worker.nursery import Nursery
from nightcrew.worker.polling import Polling
from nightcrew.worker.refusal import RunRequest, refusal

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.objects import Flow, FlowRun, WorkPool
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.runner._control_channel import ControlChannel

log = logging.getLogger(__name__)


class WarmJobConfiguration(ProcessJobConfiguration):
    """The configuration of a process worker, with the modules to preload."""

    preload: list[str] = Field(default_factory=list)

    _refusal: str | None = PrivateAttr(default=None)
    _entrypoint: str = PrivateAttr(default="")
    _resources: str = PrivateAttr(default="[]")

    def prepare_for_flow_run(
        self,
        flow_run: FlowRun,
        deployment: DeploymentResponse | None = None,
        flow: Flow | None = None,
        work_pool: WorkPool | None = None,
        worker_name: str | None = None,
        worker_id: UUID | None = None,
    ) -> None:
        """Check the request before Prefect adds its own values."""
        self._entrypoint = (deployment.entrypoint if deployment else None) or ""
        self._refusal = refusal(
            RunRequest(self.command, self.env, self.working_dir, self.preload, self._entrypoint),
            project_root(),
        )
        self._resources = run_resources.resources_of(flow_run, deployment, flow, work_pool)
        self.working_dir = self.working_dir or project_root()
        super().prepare_for_flow_run(flow_run, deployment, flow, work_pool, worker_name, worker_id)


class WarmVariables(ProcessVariables):
    """The variables that an operator can set for the pool or a deployment."""

    preload: list[str] = Field(
        default_factory=list,
        title="Preloaded modules",
        description="Imported once by the worker; flow runs are forked with these modules loaded.",
    )


class WarmWorker(ProcessWorker):
    """Forks flow runs instead of starting an interpreter for each."""

    type = WORKER_TYPE
    job_configuration = WarmJobConfiguration
    job_configuration_variables = WarmVariables  # type: ignore[assignment]
    _display_name = "Nightcrew warm process"
    _description = "Flow runs forked from a process that has loaded Prefect and the flows."

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        keep_secrets_out_of_logs()
        self._nurseries: dict[tuple[str, ...], Nursery] = {}
        self._context = FlowRunExecutorContext()
        self._polling = Polling(announcement(load_settings()))

    async def setup(self) -> None:
        """Open one executor context for all runs: one events connection, one watch for cancellations."""
        await super().setup()
        await self._exit_stack.enter_async_context(self._context)
        settings = load_settings()
        self._exit_stack.enter_context(keep_agents_loaded(settings))
        self._exit_stack.enter_context(keep_pytest_loaded(settings))
        self._exit_stack.callback(self._close_nurseries)

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Ask for runs and start them, where it is time to ask; Prefect calls it each second."""
        if not self._polling.is_due():
            return []
        found = await super().get_and_submit_flow_runs()
        if found:
            self._polling.wake()
        return found

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Fork the run and wait for its end."""
        warm = cast(WarmJobConfiguration, configuration)
        if warm._refusal is not None:
            return await self._refuse(flow_run, warm._refusal, task_status)
        starter = ForkStarter(self._nursery(warm), warm, self._context.control_channel)
        executor = self._context.create_executor(
            flow_run, starter, propose_submitting=False, hook_runner=Hooks()
        )
        status = task_status or anyio.TASK_STATUS_IGNORED
        result = await executor.submit(task_status=_PidStatus(status))
        self._polling.wake()
        if result is None or result.status_code is None:
            raise RuntimeError(f"flow run {flow_run.id} could not be forked")
        return ProcessWorkerResult(status_code=result.status_code, identifier=str(result.handle.pid))

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Prefect would write its pool and worker to every run: the task's lease has host and process."""

    async def _mark_flow_run_as_cancelled(
        self, flow_run: FlowRun, state_updates: dict[str, Any] | None = None
    ) -> None:
        """Also give back its slot, which Prefect keeps for ever where a taken run's deployment is gone."""
        try:
            await super()._mark_flow_run_as_cancelled(flow_run, state_updates)
        finally:
            self._release_limit_slot(flow_run.id)

    async def _refuse(
        self, flow_run: FlowRun, reason: str, task_status: anyio.abc.TaskStatus[int] | None
    ) -> ProcessWorkerResult:
        log.error("flow run %s is refused: %s", flow_run.id, reason)
        await self.client.set_flow_run_state(flow_run.id, Failed(name="Refused", message=reason), force=True)
        (task_status or anyio.TASK_STATUS_IGNORED).started(0)
        return ProcessWorkerResult(status_code=0, identifier="none")

    def _nursery(self, configuration: WarmJobConfiguration) -> Nursery:
        modules = tuple(configuration.preload)
        if modules not in self._nurseries:
            self._nurseries[modules] = Nursery(modules, _sources(configuration.working_dir))
        return self._nurseries[modules]

    def _close_nurseries(self) -> None:
        for nursery in self._nurseries.values():
            nursery.close()


class ForkStarter:
    """Starts a flow run by forking; the interface is Prefect's `ProcessStarter`."""

    def __init__(
        self, nursery: Nursery, configuration: WarmJobConfiguration, control_channel: ControlChannel
    ) -> None:
        self._nursery = nursery
        self._configuration = configuration
        self._control_channel = control_channel

    async def start(
        self,
        flow_run: FlowRun,
        task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Fork, report the process, and return when it has ended."""
        cwd = self._configuration.working_dir or Path.cwd()
        try:
            child = await self._nursery.fork(env=self._environment(flow_run), cwd=cwd)
        except Transient as error:
            log.warning("flow run %s starts without forking: %s", flow_run.id, error)
            await self._start_slowly(flow_run, cwd, task_status)
            return
        handle = ProcessHandle(
            cast(Any, child), termination_scope=create_isolated_termination_scope(child.pid)
        )
        task_status.started(handle)
        await child.ended.wait()
        if child.cpu_seconds is not None:
            log.info("flow run %s took %.2f CPU seconds", flow_run.id, child.cpu_seconds)

    async def _start_slowly(
        self, flow_run: FlowRun, cwd: Path, task_status: anyio.abc.TaskStatus[ProcessHandle]
    ) -> None:
        starter = EngineCommandStarter(
            cwd=cwd,
            env=self._configuration.env,
            entrypoint=self._configuration._entrypoint,
            control_channel=self._control_channel,
            isolate_process_group=True,
        )
        await starter.start(flow_run, task_status=task_status)

    def _environment(self, flow_run: FlowRun) -> dict[str, str]:
        """The environment that Prefect's own starter gives a child."""
        env: dict[str, str | None] = dict(os.environ)
        env |= self._configuration.env
        env |= get_current_settings().to_environment_variables(exclude_unset=True)
        env["PREFECT__FLOW_RUN_ID"] = str(flow_run.id)
        env[run_resources.VARIABLE] = self._configuration._resources
        # The flow that was checked, even if its deployment has changed; and no pull steps before it.
        env["PREFECT__FLOW_ENTRYPOINT"] = self._configuration._entrypoint
        env["PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS"] = "false"
        try:
            port, token = self._control_channel.register(flow_run.id)
            env |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        except RuntimeError:
            log.warning("no control channel: a cancelled run is only killed")
        return sanitize_subprocess_env(env)


class Hooks:
    """Update the queue when a run was cancelled or has crashed; the worker loads no flow code."""

    async def run_cancellation_hooks(self, flow_run: FlowRun, state: State[Any]) -> None:
        """Called when a run is being cancelled."""
        await asyncio.to_thread(run_cancelled, load_settings(), str(flow_run.id))

    async def run_crashed_hooks(self, flow_run: FlowRun, state: State[Any]) -> None:
        """Called when a run has crashed."""
        await asyncio.to_thread(_put_back)


class _PidStatus:
    """Converts a process handle into its pid, which a worker has to report."""

    def __init__(self, outer: anyio.abc.TaskStatus[int]) -> None:
        self._outer = outer

    def started(self, value: ProcessHandle | None = None) -> None:
        if value is not None and value.pid is not None:
            self._outer.started(value.pid)


def _put_back() -> None:
    settings = load_settings()
    reconcile(settings)
    dispatch_pending(settings)


def _sources(working_dir: Path | None) -> list[Path]:
    library = Path(__file__).resolve().parents[1]
    project = [] if working_dir is None else [working_dir / "flows", working_dir / "blocks"]
    return [library, *(folder for folder in project if folder.is_dir())]
