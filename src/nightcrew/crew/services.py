"""The services of a crew on one machine: PostgreSQL, a Prefect server on it, and one worker.

All their data is in `settings.home`. Other processes find them through `status()`. They end with the process
that started them, even if it is killed, unless it lets them run (`detach`).
"""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy.exc import OperationalError

from nightcrew.crew import bootstrap
from nightcrew.crew.api_access import keep_password, write_profile
from nightcrew.crew.dispatch import MOST_IN_A_REQUEST, POOL, dispatch_pending
from nightcrew.crew.environment import project_root
from nightcrew.crew.launching import MARK, environment_of, launch_guard, launch_server, launch_worker
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.processes import ProcessId, end_tree, free_port, kill_marked
from nightcrew.crew.runs.agreement import A_DAY, agree
from nightcrew.crew.runs.reconciliation import reconcile, requeue_stopped
from nightcrew.crew.status import ServiceStatus, forget_status, status, write_status
from nightcrew.crew.storage.acts import change_account, note_start, note_stop
from nightcrew.crew.storage.database import (
    Database,
    alone_on,
    ensure_database,
    open_database,
    release_home,
)
from nightcrew.crew.storage.old_account import move_account_out_of_blocks
from nightcrew.crew.storage.redis import check_redis
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.work_folder import sweep_temporary, sweep_unowned
from nightcrew.secrets.files import open_home
from nightcrew.settings import Settings
from nightcrew.shared_files import shared_files

__all__ = ["ServiceStatus", "adopt", "ensure_database", "running_crew", "start", "status", "stop"]

log = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 8.0

type Progress = Callable[[str], object]


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
    return _start(settings, workers, project or project_root(), progress, detach=detach)[0]


def stop(settings: Settings) -> bool:
    """End every service; running tasks go back to the queue. True if any service was running."""
    with locked(settings):
        current = status(settings)
        ended = _end_worker(current)
        if ended and current.api().healthy():
            try:
                requeue_stopped(settings)
            except (Transient, OperationalError) as error:  # the next start finds them
                log.warning("running tasks could not be put back into the queue: %s", error)
        if ended:
            note_stop(settings)
            sweep_up(settings)
        ended += _end(current)
        forget_status(settings)
        release_home(settings)
        return ended > 0


def restore_deployments(
    settings: Settings, progress: Progress, is_ending: Callable[[], bool] = lambda: False
) -> bool:
    """Create again what somebody deleted in Prefect (pool, queues, deployments); True if anything was.

    What an operator has changed, such as a limit, a schedule or a pause, is left. `is_ending` breaks it off.

    Raises:
        Transient: Prefect cannot be reached, or refuses.
    """
    current = status(settings)
    if current.is_joined:
        return False  # its server's host does that
    project = Path(current.project)
    if not (missing := bootstrap.missing(current.api(), project)):
        return False
    progress(f"deleted in Prefect, created again: {missing}")
    reconcile(settings)  # an older version did not note which deployment made a run
    env = environment_of(settings, current, open_database(settings))
    log_file, names = bootstrap_log(current.home), missing.deployments
    bootstrap.run(project, env, log=log_file, deployments=names, is_ending=is_ending)
    return True


def sweep_up(settings: Settings) -> None:
    """Remove the folders that killed processes have left."""
    sweep_unowned(settings.work_dir)
    sweep_temporary()


def bootstrap_log(home: Path) -> Path:
    """The log of what creates the work pool, queues and deployments."""
    return home / "logs" / "bootstrap.log"


def adopt(settings: Settings, name: str, process: ProcessId) -> None:
    """End `process` together with the crew's services."""
    with locked(settings):
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
    keep = status(settings).running
    try:
        # Those that were running may have ended since, with an engine that was killed.
        current, keep = _start(settings, workers, project_root(), progress, detach=detach)
        yield current
        keep = keep or detach
    finally:
        if not keep:
            stop(settings)


@contextmanager
def joined_crew(
    settings: Settings,
    api_url: str,
    *,
    password: str | None = None,
    workers: int | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[ServiceStatus]:
    """Work for the crew whose Prefect server is at `api_url`, for the length of a block.

    `password` is the server's, and kept in this host's home; None: the one that was kept there before.

    Raises:
        BadInput: the hosts share no database or no files, or a crew of its own runs in this home.
        Transient: the server does not answer to this password, or the worker did not start.
    """
    if not settings.database_url or shared_files(settings) is None:
        raise BadInput(
            "a host that joins needs what the crew's hosts share: set NIGHTCREW_DATABASE_URL and "
            "NIGHTCREW_STORE_URL"
        )
    with locked(settings):
        if status(settings).alive:
            raise BadInput(
                f"a crew runs in {settings.home} already: stop it, or join with another NIGHTCREW_HOME"
            )
        current = _join(settings, api_url, password, workers or settings.workers, progress)
    try:
        yield current
    finally:
        stop(settings)


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Be the only process that starts or ends services of this crew."""
    home = open_home(settings.home)
    with (home / "services.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ---------------------------------------------------------------------------------------------------------


def _start(
    settings: Settings, workers: int | None, project: Path, progress: Progress, *, detach: bool
) -> tuple[ServiceStatus, bool]:
    """See `start`; also whether all of them were running before."""
    with locked(settings):
        current = status(settings)
        ran_before = current.running and not current.ending
        if not ran_before:
            _end(current)
            sweep_up(settings)  # a running `verify` has its folder there too
            current = _start_all(settings, workers or settings.workers, project, progress, detach=detach)
    progress("starting waiting tasks")
    try:
        if not ran_before:
            requeue_stopped(settings)  # what died with all of the crew, such as by a loss of power
        restore_deployments(settings, progress)
        reconcile(settings)
        agree(settings, since=A_DAY)
        dispatch_pending(settings, most=MOST_IN_A_REQUEST)  # the upkeep goes on with them
    except (Transient, OperationalError) as error:  # a service has ended again: the upkeep does it once more
        progress(f"waiting tasks start later: {error}")
    return current, ran_before


def _start_all(
    settings: Settings, workers: int, project: Path, progress: Progress, *, detach: bool
) -> ServiceStatus:
    account = settings.account
    check_redis(settings)
    progress("starting PostgreSQL")
    database = open_database(settings)
    change_account(settings, account)  # flow runs read it in the home
    note_start(settings, workers)
    home = settings.home.expanduser().resolve()
    current = ServiceStatus(home=home, workers=workers, project=str(project), database_pid=database.pid)
    try:
        if not detach:  # before all that it ends, so that a start which is killed leaves nothing behind
            current = launch_guard(settings, current)
        progress("starting the Prefect server")
        current = launch_server(
            settings, current, database, free_port(settings.prefect_port, settings.server_address)
        )
        for moved in move_account_out_of_blocks(current.api(), settings):
            progress(moved)
        with alone_on(database):
            _prepare(settings, current, database, progress)
        progress("starting the worker")
        return launch_worker(settings, current, database)
    except BaseException:
        _end(current)
        _end(status(settings))
        forget_status(settings)
        raise


def _prepare(settings: Settings, current: ServiceStatus, database: Database, progress: Progress) -> None:
    """Create what the crew needs in Prefect, unless this version has."""
    project = Path(current.project)
    if bootstrap.is_stale(database.prefect_url, project):
        progress("creating work pool, queues, limits and deployments")
        env = environment_of(settings, current, database)
        bootstrap.run(project, env, log=bootstrap_log(current.home))
        bootstrap.renew(database.prefect_url, project)


def _end_worker(current: ServiceStatus) -> int:
    known = current.processes.get("worker")
    if known is None:
        return 0
    ended = end_tree([known], grace_seconds=STOP_GRACE_SECONDS)
    return ended + kill_marked(MARK, current.worker_name)  # runs that have outlived their worker


def _end(current: ServiceStatus) -> int:
    """End the worker first, then the rest, the guard last; that one may be this process."""
    ended = _end_worker(current)
    for known in reversed(list(current.processes.values())):
        if known.pid != os.getpid():
            ended += end_tree([known], grace_seconds=STOP_GRACE_SECONDS)
    return ended


def _join(
    settings: Settings, api_url: str, password: str | None, workers: int, progress: Progress
) -> ServiceStatus:
    home = settings.home.expanduser().resolve()
    if password:
        keep_password(home, password)
    write_profile(home, api_url)
    sweep_up(settings)
    current = ServiceStatus(
        home=home, api_url=api_url, workers=workers, project=str(project_root()), is_joined=True
    )
    _check_server(current.api())
    database = open_database(settings)
    change_account(settings, settings.account)  # flow runs read it in the home
    progress("starting the worker")
    try:
        return launch_guard(settings, launch_worker(settings, current, database))
    except BaseException:
        _end(status(settings))
        forget_status(settings)
        raise


def _check_server(api: PrefectApi) -> None:
    if not api.healthy():
        raise Transient(f"no Prefect server answers at {api.url}")
    if api.get(f"/work_pools/{POOL}") is None:
        raise Transient(f"the server at {api.url} has no work pool {POOL}: start the crew's engine first")
