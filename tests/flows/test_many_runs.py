"""Many tasks are handed over at once: each gets one flow run, like those that Prefect makes, in its order."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.server.events.ordering import EventArrivedEarly, get_triggers_causal_ordering
from prefect.server.events.schemas.events import ReceivedEvent, Resource

from nightcrew.crew import dispatch
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.errors import BadInput, Transient
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import TaskStatus
from nightcrew.worker.many_runs import _count_as_seen
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows

OF_THE_RUN = {"id", "name", "state_id", "flow_run_id", "idempotency_key"}


@contextmanager
def stored(crew: RunningCrew, *priorities: str) -> Iterator[list[QueuedTask]]:
    """A task of each priority that waits to be handed over; cancelled at the end, and no worker takes any."""
    with crew.paused(), dispatch.open_queue(crew.settings) as queue:
        new = [crew.task(f"Say it: {uuid4()}.", priority=one) for one in priorities]
        tasks = [queue.submit(task) for task in new]
        try:
            yield tasks
        finally:
            for task in tasks:
                dispatch.cancel(crew.settings, task.task_id)


def runs_of(crew: RunningCrew, tag: str) -> list[dict[str, Any]]:
    wanted = {"flow_runs": {"tags": {"all_": [tag]}}}
    return list(crew.api.post("/flow_runs/filter", wanted))


def test_who_hands_over_the_same_tasks_at_once_makes_one_run_for_each_in_their_order(
    crew: RunningCrew,
) -> None:
    with stored(crew, *["normal"] * 25, *["critical"] * 3) as tasks:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda _: dispatch.dispatch_pending(crew.settings), range(4)))
        known = [crew.get(task.task_id) for task in tasks]
        assert {task.status for task in known} == {TaskStatus.QUEUED}
        runs = [run for task in known for run in runs_of(crew, task.task_id)]
        assert Counter(run["id"] for run in runs) == Counter(task.flow_run_id for task in known)
        begins = [run["next_scheduled_start_time"] for run in runs]
        assert begins[:25] == sorted(set(begins[:25])), "they start in another order"
        assert {run["work_queue_name"] for run in runs[25:]} == {"critical"}


def test_a_run_that_was_not_noted_is_found_again(crew: RunningCrew) -> None:
    """As when a process is killed between the server's answer and the store."""
    with stored(crew, "normal") as (task,):
        first = dispatch._create_runs(crew.api, [task], dispatch.deployment_of(crew.api, task.task))
        dispatch.dispatch_pending(crew.settings)
        assert crew.get(task.task_id).flow_run_id == first[task.task_id]
        assert len(runs_of(crew, task.task_id)) == 1


def test_a_run_is_like_those_that_prefect_makes(crew: RunningCrew) -> None:
    with stored(crew, "normal") as (task,):
        where = f"/deployments/{dispatch.deployment_of(crew.api, task.task)}/create_flow_run"
        body = dispatch._run_of(task)
        theirs = crew.api.post(
            where, {**body, "idempotency_key": "theirs", "enforce_parameter_schema": False}
        )
        (ours,) = crew.api.post(f"{where}/scheduled", [body])
        assert plain(crew.api.get(f"/flow_runs/{ours}")) == plain(crew.api.get(f"/flow_runs/{theirs['id']}"))
        crew.api.delete(f"/flow_runs/{theirs['id']}")


def plain(value: Any) -> Any:
    """Without what differs between two equal runs: ids, and times to the second."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key not in OF_THE_RUN}
    if isinstance(value, list):
        return sorted(map(plain, value), key=str)
    with suppress(ValueError, TypeError):
        return type(datetime.fromisoformat(value))
    return type(value) if isinstance(value, float) else value


def test_the_route_asks_for_the_password_and_refuses_what_it_cannot_do(crew: RunningCrew) -> None:
    with stored(crew, "normal") as (task,):
        body = [{**dispatch._run_of(task), "idempotency_key": "another"}]
        where = f"/deployments/{dispatch.deployment_of(crew.api, task.task)}/create_flow_run/scheduled"
        with pytest.raises(Transient, match="401"):
            PrefectApi(crew.api.url).post(where, body)
        assert crew.api.post(f"/deployments/{uuid4()}/create_flow_run/scheduled", body) is None
        for bad in ([], [{**body[0], "idempotency_key": ""}], body * (dispatch.MOST_IN_A_REQUEST + 1)):
            with pytest.raises(BadInput):
                crew.api.post(where, bad)


def test_the_next_event_of_a_run_is_not_held_back() -> None:
    """Its first state is no event of its own, and Prefect keeps what follows one until that was seen."""

    async def arrives(after: UUID) -> bool:
        of_run = Resource({"prefect.resource.id": "prefect.flow-run.x"})
        fields = {"event": "prefect.flow-run.Pending", "resource": of_run, "follows": after}
        event = ReceivedEvent.model_validate({**fields, "id": uuid4(), "occurred": datetime.now(UTC)})

        async def nothing(event: ReceivedEvent, depth: int = 0) -> None:
            raise AssertionError

        try:
            async with get_triggers_causal_ordering().preceding_event_confirmed(nothing, event):
                return True
        except EventArrivedEarly:
            return False

    async def both() -> tuple[bool, bool]:
        known = uuid4()
        await _count_as_seen([{"id": uuid4(), "state": {"id": known, "timestamp": datetime.now(UTC)}}])
        return await arrives(known), await arrives(uuid4())

    assert asyncio.run(both()) == (True, False)
