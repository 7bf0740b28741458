"""The services of a crew on one machine: PostgreSQL, a Prefect server on it, and one worker.

All their data is in `settings.home`. Other processes find them through `status()`. They end with the process
that started them, even if it is killed, unless it lets them run (`detach`).
"""

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nightcrew import host
from nightcrew.crew import bootstrap
from nightcrew.crew.api_access import write_profile
from nightcrew.crew.database import Database, ensure_database, open_database, release_home
from nightcrew.crew.dispatch import POOL, dispatch_pending
from nightcrew.crew.environment import (
    crew_environment,
    guard_environment,
    project_root,
    server_environment,
    worker_environment,
)
from nightcrew.crew.old_account import move_account_out_of_blocks
from nightcrew.crew.processes import ProcessId, end_tree, free_port, kill_marked, last_words, spawn
from nightcrew.crew.reconciliation import reconcile, requeue_stopped
from nightcrew.crew.status import ServiceStatus, forget_status, status, write_status
from nightcrew.errors import Transient
from nightcrew.execution.checkout.work_folder import sweep
from nightcrew.secrets.account import keep_account, kept_account
from nightcrew.secrets.files import open_home
from nightcrew.settings import Settings

__all__ = ["ServiceStatus", "adopt", "ensure_database", "running_crew", "start", "status", "stop"]

log = logging.getLogger(__name__)

MARK = "NIGHTCREW_WORKER"  # in the environment of a worker and its descendants
START_SECONDS = 120.0
STOP_GRACE_SECONDS = 8.0

type Progress = Callable[[str], None]


def start(
    settings: Settings,
    *,
    workers: int | None = None,
    detach: bool = False,
    project: Path | None = None,
    progress: Progress = lambda _: None,
) -> ServiceStatus:
    """Start the services that are not running, wait until all are ready, and start pending tasks.

    `workers` is the number of tasks at once. With `detach` the services outlive this process.

    Raises:
        BadInput: the project's folder or the database cannot be used.
        Transient: a service did not start; the message names its log.
    """
    with _lock(settings):
        current = status(settings)
        if not current.running:
            _end(current)
            sweep(settings.work_dir)  # what killed attempts left; a running `verify` has its folder there too
            _keep_account(settings)
            current = _start_all(settings, workers or settings.workers, project or project_root(), progress)
            if not detach:
                current = _start_guard(current, settings)
    progress("starting waiting tasks")
    reconcile(settings)
    dispatch_pending(settings)
    return current


def stop(settings: Settings) -> bool:
    """End every service; running tasks go back to the queue. True if any service was running."""
    with _lock(settings):
        current = status(settings)
        ended = _end_worker(current)
        if ended and current.api().healthy():
            requeue_stopped(settings)
        ended += _end(current)
        forget_status(settings)
        release_home(settings)
        return ended > 0


def adopt(settings: Settings, name: str, process: ProcessId) -> None:
    """End `process` together with the crew's services."""
    with _lock(settings):
        current = status(settings)
        write_status(replace(current, processes={**current.processes, name: process}))


@contextmanager
def running_crew(
    settings: Settings,
    *,
    workers: int | None = None,
    detach: bool = False,
    progress: Progress = lambda _: None,
) -> Iterator[ServiceStatus]:
    """Run the crew's services for the length of a block; those already running continue after it.

    With `detach` they outlive a block that ends without an error.
    """
    ran_before = status(settings).running
    keep = ran_before
    try:
        yield start(settings, workers=workers, detach=detach, progress=progress)
        keep = keep or detach
    finally:
        if not keep:
            stop(settings)


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    home = open_home(settings.home)
    with (home / "services.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keep_account(settings: Settings) -> None:
    """Store the configured account where flow runs read it."""
    account = settings.account
    if account != kept_account(settings.home):
        keep_account(settings.home, account)


def _start_all(settings: Settings, workers: int, project: Path, progress: Progress) -> ServiceStatus:
    progress("starting PostgreSQL")
    database = open_database(settings)
    home = settings.home.expanduser().resolve()
    current = ServiceStatus(home=home, workers=workers, project=str(project), database_pid=database.pid)
    try:
        progress("starting the Prefect server")
        current, env = _start_server(settings, current, database)
        for moved in move_account_out_of_blocks(current.api(), settings):
            progress(moved)
        if bootstrap.is_stale(database.prefect_url, project):
            progress("creating work pool, queues, limits and deployments")
            bootstrap.run(project, env, log=home / "logs" / "bootstrap.log", seconds=START_SECONDS)
            bootstrap.renew(database.prefect_url, project)
        progress("starting the worker")
        return _start_worker(current, env, database)
    except BaseException:
        _end(current)
        _end(status(settings))
        forget_status(settings)
        raise


def _start_server(
    settings: Settings, current: ServiceStatus, database: Database
) -> tuple[ServiceStatus, dict[str, str]]:
    port = free_port(settings.prefect_port)
    current = replace(current, api_url=f"http://127.0.0.1:{port}/api")
    write_profile(current.home, current.api_url)
    env = crew_environment(
        settings, api_url=current.api_url, project=Path(current.project), database=database
    )
    server = spawn(
        host.python("nightcrew.worker.server", str(port)),
        env=server_environment(env, database),
        folder=current.home,
        log=current.home / "logs" / "server.log",
        hold=_database_lock(database),
    )
    current = _started(current, "server", server)
    _wait(current.api().healthy, server, current.home / "logs" / "server.log")
    return current, env


def _start_worker(current: ServiceStatus, env: Mapping[str, str], database: Database) -> ServiceStatus:
    current = replace(current, worker_name=f"crew-{uuid.uuid4().hex[:8]}")
    worker = spawn(
        _worker_command(current),
        env={**worker_environment(env), MARK: current.worker_name},
        folder=Path(current.project),
        log=current.home / "logs" / "worker.log",
        hold=_database_lock(database),
    )
    current = _started(current, "worker", worker)
    _wait(lambda: _has_worker(current), worker, current.home / "logs" / "worker.log")
    return current


def _worker_command(current: ServiceStatus) -> list[str | os.PathLike[str]]:
    options = ["--pool", POOL, "--name", current.worker_name, "--limit", str(current.workers)]
    return host.python("prefect", "worker", "start", *options)


def _has_worker(current: ServiceStatus) -> bool:
    found = current.api().post(f"/work_pools/{POOL}/workers/filter", {}) or []
    return any(worker["name"] == current.worker_name for worker in found)


def _start_guard(current: ServiceStatus, settings: Settings) -> ServiceStatus:
    """Start a process that notices our end, for any reason, because the pipe between us closes."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)
    guard = spawn(
        host.python("nightcrew.crew.guard", str(current.home)),
        env=guard_environment(settings),
        folder=current.home,
        log=current.home / "logs" / "guard.log",
        stdin=reader,
    )
    os.close(reader)
    _guard_pipes.append(writer)
    return _started(current, "guard", guard)


_guard_pipes: list[int] = []


def _started(current: ServiceStatus, name: str, process: host.Process) -> ServiceStatus:
    known = {**current.processes, name: ProcessId.of(process.pid)}
    current = replace(current, processes=known)
    write_status(current)
    return current


def _wait(works: Callable[[], bool], process: host.Process, log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not works():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Transient(f"a service did not start, see {log_file}: {last_words(log_file)}")
        time.sleep(0.05)


def _database_lock(database: Database) -> Path | None:
    return None if database.lock is None else Path(database.lock.name)


def _end_worker(current: ServiceStatus) -> int:
    known = current.processes.get("worker")
    if known is None:
        return 0
    ended = end_tree([known], grace_seconds=STOP_GRACE_SECONDS)
    return ended + kill_marked(MARK, current.worker_name)  # runs that have outlived their worker


def _end(current: ServiceStatus) -> int:
    """End the worker first, then the rest; the guard may be this process."""
    ended = _end_worker(current)
    for known in current.processes.values():
        if known.pid != os.getpid():
            ended += end_tree([known], grace_seconds=STOP_GRACE_SECONDS)
    return ended
