"""Tasks that wait for a person, and the delivery of answers to their flow runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from nightcrew.crew.status import status
from nightcrew.crew.storage.acts import note
from nightcrew.crew.storage.database import ensure_database
from nightcrew.errors import BadInput, Transient
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import catalogue_of
from nightcrew.queue.audit.line import Act
from nightcrew.queue.reviews import Answer, Choice, Review, Reviews
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that waits for a person, with its question."""

    queued: QueuedTask
    review: Review


def waiting(settings: Settings) -> Sequence[Waiting]:
    """All tasks that wait for a person, the oldest question first."""
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        queue = TaskQueue(store, settings.max_unfinished_tasks)
        return [Waiting(queue.get(review.task_id), review) for review in Reviews(store).waiting()]


def question_of(settings: Settings, task_id: str) -> Waiting:
    """The open question of a task.

    Raises:
        BadInput: there is no such task, or it does not wait for a person.
    """
    found = next((task for task in waiting(settings) if task.queued.task_id == task_id), None)
    if found is not None:
        return found
    with StateStore(ensure_database(settings)) as store:
        known = TaskQueue(store, settings.max_unfinished_tasks).get(task_id)
    raise BadInput(f"task {task_id} does not wait for a person: it is {known.status}")


def answer(settings: Settings, task_id: str, given: Answer) -> QueuedTask:
    """Send a person's answer to the task's flow run, which continues with it in a new process.

    Raises:
        BadInput: the task does not wait for a person, or the answer cannot be used.
        Transient: no crew is running.
    """
    asked = question_of(settings, task_id)
    services = status(settings)
    if not services.running:
        raise Transient(f"no crew is running: start one with 'nightcrew run-engine', {task_id} keeps waiting")
    with StateStore(ensure_database(settings)) as store:
        if given.choice is Choice.RETRY_WITH_MODEL:
            _check_model(settings, store, str(given.model))
        form = given.model_dump(mode="json", exclude_none=True)
        note(settings, Act.ANSWER, task_id, {"attempt": asked.review.number, **form})
        body = {"run_input": form}
        result = services.api().post(f"/flow_runs/{asked.queued.flow_run_id}/resume", body)
        if result is None:
            raise BadInput(f"the flow run of task {task_id} was deleted; the task will be cancelled")
        if result["status"] != "ACCEPT":
            raise BadInput(f"the answer was refused: {(result.get('details') or {}).get('reason')}")
        Reviews(store).released(task_id)
        return TaskQueue(store, settings.max_unfinished_tasks).get(task_id)


# ---------------------------------------------------------------------------------------------------------


def _check_model(settings: Settings, store: StateStore, model: str) -> None:
    with OpenRouterApi(*settings.account) as api:
        known = catalogue_of(settings, store, api).candidates()
    if model not in {candidate.model for candidate in known}:
        raise BadInput(f"there is no model {model}; 'nightcrew models' lists the available ones")
