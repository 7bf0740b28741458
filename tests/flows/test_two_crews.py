"""Two engines on one database: what one of them does, or suffers, is no business of the other's tasks."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from prefect.events.clients import PrefectEventSubscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from nightcrew.crew import services
from nightcrew.crew.api_access import password_of
from nightcrew.crew.launching import MARK
from nightcrew.crew.processes import free_port, kill_marked, kill_tree
from nightcrew.crew.status import ServiceStatus, status
from nightcrew.crew.storage.redis import check_redis
from nightcrew.crew.upkeep import Upkeep
from nightcrew.errors import Transient
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, load_settings
from nightcrew.task import TaskStatus
from tests.flows.conftest import KEY, RunningCrew

pytestmark = pytest.mark.flows


@contextmanager
def redis_server() -> Iterator[str]:
    """The address of Debian's Redis, which keeps nothing."""
    program = shutil.which("redis-server")
    if program is None or find_spec("prefect_redis") is None:
        pytest.skip("redis-server or prefect-redis is not installed")
    port = free_port(0)
    command = [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        answers(url)
        yield url
    finally:
        server.kill()
        server.wait()


def answers(redis_url: str) -> bool:
    for _ in range(100):
        try:
            return check_redis(load_settings(redis_url=redis_url))
        except Transient:
            continue
    raise AssertionError("Redis does not answer")


def engine(home: Path, database_url: str, crew: RunningCrew, redis_url: str | None) -> Settings:
    return load_settings(
        home=home,
        database_url=database_url,
        redis_url=redis_url,
        prefect_port=free_port(0),
        workers=1,
        base_url=crew.twin.base_url,
        api_key=KEY,
    )


def working(host: RunningCrew, description: str) -> QueuedTask:
    """A task that is being worked on, for at least half a minute."""
    queued = host.submit(description, models=["twin/slow"])
    return host.until(queued.task_id, lambda one: one.pid is not None)


def run_states(of: ServiceStatus, run_id: str, seen: list[str]) -> "asyncio.Task[None]":
    """Collect the names of the states of a run that the server's own event stream tells of."""

    async def collect() -> None:
        with temporary_settings({PREFECT_API_URL: of.api_url, PREFECT_API_AUTH_STRING: password_of(of.home)}):
            only = EventFilter(event=EventNameFilter(prefix=["prefect.flow-run."]))
            async with PrefectEventSubscriber(filter=only) as events:
                async for event in events:
                    if event.resource.id.endswith(run_id):
                        seen.append(event.event.rpartition(".")[2])

    return asyncio.create_task(collect())


def test_each_server_hears_of_the_others_runs_and_one_that_is_stopped_leaves_them_alone(
    tmp_path: Path, database_url: str, crew: RunningCrew
) -> None:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        one, two = (engine(tmp_path / name, database_url, crew, redis) for name in ("one", "two"))
        first = stack.enter_context(services.running_crew(one))
        with services.running_crew(two) as second:
            assert second.api_url != first.api_url
            idle = psutil.Process(second.alive["worker"])
            idle.suspend()  # so that the first one does the task
            host = RunningCrew(one, first, crew.twin, crew.repo)
            heard: list[str] = []

            async def until_it_runs() -> QueuedTask:
                queued = host.submit("Say it slowly.", models=["twin/slow"])
                listener = run_states(second, str(queued.flow_run_id), heard)
                begun = await asyncio.to_thread(host.until, queued.task_id, lambda one: one.pid is not None)
                for _ in range(300):
                    if "Running" in heard:
                        break
                    await asyncio.sleep(0.1)
                listener.cancel()
                return begun

            begun = asyncio.run(until_it_runs())
            assert "Running" in heard, "the second server heard nothing of the first one's run"
            assert second.api().get(f"/flow_runs/{begun.flow_run_id}")["state_type"] == "RUNNING"
            idle.resume()
        assert not status(two).running
        assert host.get(begun.task_id).pid == begun.pid, "its stop left the other's task alone"
        done = host.ended(begun.task_id)
    assert (done.status, done.restarts, done.crashes, done.attempts) == (TaskStatus.COMPLETED, 0, 0, 1)


def test_a_crew_that_is_killed_leaves_the_running_task_of_the_other_alone(
    tmp_path: Path, database_url: str, crew: RunningCrew
) -> None:
    one, two = (engine(tmp_path / name, database_url, crew, None) for name in ("one", "two"))
    with services.running_crew(one) as first, services.running_crew(two) as second:
        idle = psutil.Process(second.alive["worker"])
        idle.suspend()
        host = RunningCrew(one, first, crew.twin, crew.repo)
        kept = working(host, "Work on while the other one is killed.")
        idle.resume()  # the first one has no place for a second task
        lost = working(host, "Work until all of it is killed.")
        for service in ("guard", "worker", "server"):
            kill_tree(second.processes[service])
        kill_marked(MARK, second.worker_name)
        Upkeep(one, print).once()
        after, again = host.get(kept.task_id), host.get(lost.task_id)
        assert (after.pid, after.crashes) == (kept.pid, 0)
        assert (again.pid, again.crashes) == (None, 1), "what the killed one worked on is queued again"
        for task_id in (kept.task_id, lost.task_id):
            done = host.ended(task_id, seconds=240)
            assert done.status is TaskStatus.COMPLETED, done.detail
        known = host.get(kept.task_id)
    assert (known.restarts, known.crashes, known.attempts) == (0, 0, 1)
