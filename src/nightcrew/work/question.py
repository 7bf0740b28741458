"""A question for a person, and the answer, on our side of Prefect. Plain blocking code."""

import json
from dataclasses import asdict

from pydantic import ValidationError

from nightcrew.queue.reviews import Answer, Choice, Review
from nightcrew.settings import first_problem
from nightcrew.task import TaskStatus
from nightcrew.work.work import Work


def put_question(work: Work, key: str, problem: str) -> Review:
    """Store the question about the last attempt before anybody is told of it; the task waits for a person.

    `problem` says why the last answer could not be taken, empty where there was none.

    Raises:
        BadInput: the task was cancelled meanwhile.
    """
    crew, task_id, asked = work.crew, work.task.task_id, work.question or ""
    question = f"{problem}. {asked}" if problem else asked
    work.queued = crew.queue.update(task_id, status=TaskStatus.NEEDS_REVIEW, detail=question)
    work.review = crew.reviews.ask(
        task_id,
        work.trials[-1].attempt.number,
        question=question,
        seconds=crew.settings.review_seconds,
        key=key,
    )
    crew.collector.task_finished(task_id, TaskStatus.NEEDS_REVIEW, None, question)
    crew.collector.flush()
    return work.review


def take(work: Work, said: object) -> str:
    """Go on as a person said; else why that cannot be done, in a sentence."""
    try:
        answer = Answer.model_validate(said)
    except ValidationError as error:
        return f"The answer cannot be taken: {first_problem(error)}"
    if answer.choice is Choice.RETRY_WITH_MODEL and not (plan := work.plan(answer)).rungs:
        return f"The answer cannot be taken: {answer.model} cannot do it now: {plan.stop}"
    number = work.trials[-1].attempt.number
    review = work.crew.reviews.answer(work.task.task_id, number, answer)
    record = json.dumps(asdict(review), indent=1, default=_plain)
    (work.folder / "review.json").write_text(record + "\n")
    work.settle()
    return ""


def _plain(value: object) -> object:
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Answer) else str(value)
