"""Starts the single services of a crew, at first and again; each is entered in the crew's status at once."""

import os
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nightcrew import host
from nightcrew.crew.api_access import write_profile
from nightcrew.crew.dispatch import POOL
from nightcrew.crew.environment import (
    crew_environment,
    guard_environment,
    server_environment,
    worker_environment,
)
from nightcrew.crew.patience import wait_until
from nightcrew.crew.processes import ProcessId, spawn
from nightcrew.crew.status import ServiceStatus, write_status
from nightcrew.crew.storage.database import Database, alone_on
from nightcrew.settings import Settings

MARK = "NIGHTCREW_WORKER"  # in the environment of a worker and its descendants


def launch_server(settings: Settings, current: ServiceStatus, database: Database, port: int) -> ServiceStatus:
    """Start the Prefect server on `port` and wait until it answers.

    Raises:
        Transient: it did not start; the message names its log.
    """
    current = replace(current, api_url=f"http://{settings.server_address}:{port}/api")
    write_profile(current.home, current.api_url)
    env = server_environment(environment_of(settings, current, database), database, settings.redis_url)
    with alone_on(database):  # two that register Prefect's own blocks at once fail
        server = spawn(
            host.python("nightcrew.worker.server", str(port)),
            env=env,
            folder=current.home,
            log=current.home / "logs" / "server.log",
            hold=_database_lock(database),
        )
        current = _entered(current, "server", server)
        wait_until(current.api().healthy, server, current.home / "logs" / "server.log")
    return current


def launch_worker(settings: Settings, current: ServiceStatus, database: Database) -> ServiceStatus:
    """Start the worker and wait until the server knows it.

    A worker that is started again keeps its name, by which all runs of the crew are found.

    Raises:
        Transient: it did not start; the message names its log.
    """
    current = replace(current, worker_name=current.worker_name or f"crew-{uuid.uuid4().hex[:8]}")
    before = _heartbeat(current)
    worker = spawn(
        _worker_command(current),
        env={**worker_environment(environment_of(settings, current, database)), MARK: current.worker_name},
        folder=Path(current.project),
        log=current.home / "logs" / "worker.log",
        hold=_database_lock(database),
    )
    current = _entered(current, "worker", worker)
    wait_until(lambda: _heartbeat(current) != before, worker, current.home / "logs" / "worker.log")
    return current


def launch_guard(settings: Settings, current: ServiceStatus) -> ServiceStatus:
    """Start a process that notices our end, for any reason, because the pipe between us closes."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, False)
    guard = spawn(
        ["/bin/sh", "-c", _AFTER_THE_PIPE, "guard", *host.python("nightcrew.crew.guard", str(current.home))],
        env=guard_environment(settings),
        folder=current.home,
        log=current.home / "logs" / "guard.log",
        stdin=reader,
    )
    os.close(reader)
    _guard_pipes.append(writer)
    return _entered(replace(current, owner=ProcessId.of(os.getpid())), "guard", guard)


def environment_of(settings: Settings, current: ServiceStatus, database: Database) -> Mapping[str, str]:
    """The environment of the clients of the crew's server."""
    project = Path(current.project)
    return crew_environment(settings, api_url=current.api_url, project=project, database=database)


# ---------------------------------------------------------------------------------------------------------

_guard_pipes: list[int] = []
_AFTER_THE_PIPE = 'while read -r _; do :; done; exec "$@"'  # runs its arguments once stdin is closed


def _worker_command(current: ServiceStatus) -> list[str | os.PathLike[str]]:
    options = ["--pool", POOL, "--name", current.worker_name, "--limit", str(current.workers)]
    return host.python("nightcrew.worker.start", *options)


def _heartbeat(current: ServiceStatus) -> Any:
    """The time of the last heartbeat of the crew's worker, as the server tells it; None if it knows none."""
    found = current.api().post(f"/work_pools/{POOL}/workers/filter", {}) or []
    return next(
        (worker["last_heartbeat_time"] for worker in found if worker["name"] == current.worker_name), None
    )


def _entered(current: ServiceStatus, name: str, process: host.Process) -> ServiceStatus:
    known = {**current.processes, name: ProcessId.of(process.pid)}
    current = replace(current, processes=known)
    write_status(current)
    return current


def _database_lock(database: Database) -> Path | None:
    return None if database.lock is None else Path(database.lock.name)
