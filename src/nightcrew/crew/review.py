"""What waits for a person, and the way of the answer back to the flow run that waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.crew.database import ensure_database
from nightcrew.crew.status import status
from nightcrew.errors import BadInput, Transient
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.queue.reviews import Answer, Choice, Review, Reviews
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits for a person, and its question."""

    queued: QueuedTask
    review: Review


def waiting(settings: Settings) -> Sequence[Waiting]:
    """All that waits for a person, the longest first."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        queue = TaskQueue(store, settings.max_unfinished_tasks)
        return [Waiting(queue.get(review.task_id), review) for review in Reviews(store).waiting()]


def question_of(settings: Settings, task_id: str) -> Waiting:
    """The question that a task waits with.

    Raises:
        BadInput: there is no such task, or it waits for nobody.
    """
    found = next((one for one in waiting(settings) if one.queued.task_id == task_id), None)
    if found is not None:
        return found
    with StateStore(ensure_database(settings)) as store:
        known = TaskQueue(store, settings.max_unfinished_tasks).get(task_id)
    raise BadInput(f"task {task_id} does not wait for a person: it is {known.status}")


def answer(settings: Settings, task_id: str, said: Answer) -> QueuedTask:
    """Hand a person's answer to the task's flow run, which goes on with it in a new process.

    Raises:
        BadInput: the task waits for nobody, or the answer cannot be taken.
        Transient: no crew is running that could take it.
    """
    asked = question_of(settings, task_id)
    services = status(settings)
    if not services.running:
        raise Transient(
            f"no crew is running: start one with 'nightcrew run-engine', {task_id} goes on waiting"
        )
    with StateStore(ensure_database(settings)) as store:
        if said.choice is Choice.RETRY_WITH_MODEL:
            _check_model(settings, store, str(said.model))
        body = {"run_input": said.model_dump(mode="json", exclude_none=True)}
        result = services.api().post(f"/flow_runs/{asked.queued.flow_run_id}/resume", body)
        if result is None:
            raise BadInput(f"the flow run of task {task_id} was deleted; the task will be cancelled")
        if result["status"] != "ACCEPT":
            raise BadInput(f"the answer was not taken: {(result.get('details') or {}).get('reason')}")
        Reviews(store).released(task_id)
        return TaskQueue(store, settings.max_unfinished_tasks).get(task_id)


# ---------------------------------------------------------------------------------------------------------


def _check_model(settings: Settings, store: StateStore, model: str) -> None:
    with OpenRouterApi(*settings.account) as api:
        known = ModelCatalogue(store, api, configured=settings.models).candidates()
    if model not in {candidate.model for candidate in known}:
        raise BadInput(f"there is no model {model}; 'nightcrew models' lists those that there are")
