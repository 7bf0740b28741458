"""A question for a person and its answer, without Prefect. Blocking code."""

from pydantic import ValidationError

from nightcrew.ledger.delivery import deliver
from nightcrew.queue.reviews import Answer, Choice, Review
from nightcrew.settings import first_problem
from nightcrew.task import TaskStatus
from nightcrew.work.planning import plan_for
from nightcrew.work.work import Work


def put_question(work: Work, key: str, problem: str) -> Review:
    """Store the question about the last attempt before it is shown; the task then waits for a person.

    `problem` says why the previous answer was refused; empty if there was none.

    Raises:
        BadInput: the task was cancelled in the meantime.
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
    deliver(crew.store, crew.collector)
    return work.review


def take(work: Work, form: object) -> str:
    """Apply a person's answer; returns one sentence if it cannot be applied, else an empty string."""
    try:
        answer = Answer.model_validate(form)
    except ValidationError as error:
        return f"The answer cannot be used: {first_problem(error)}"
    if answer.choice is Choice.RETRY_WITH_MODEL and not (plan := plan_for(work, answer)).rungs:
        return f"The answer cannot be used: {answer.model} is not available now: {plan.stop}"
    number = work.trials[-1].attempt.number
    review = work.crew.reviews.answer(work.task.task_id, number, answer)
    work.results.keep_review(review)
    work.settle()
    return ""
