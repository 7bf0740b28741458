"""Asks a person: the run is suspended with a typed form and continues in a new process after the answer."""

import asyncio
from typing import Any, NoReturn
from uuid import UUID, uuid4

from prefect import get_client
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Pause
from prefect.input import RunInput, keyset_from_base_key
from prefect.input.actions import aread_flow_run_input
from prefect.runtime import deployment, flow_run
from prefect.states import Paused

from flows.notices import announce
from flows.steps import step
from nightcrew.crew.notice import Notice
from nightcrew.errors import Transient
from nightcrew.queue.reviews import Answer, Review
from nightcrew.secrets.redaction import redact
from nightcrew.task import FailureReason, TaskStatus
from nightcrew.work.outcome import Outcome
from nightcrew.work.page import question_page
from nightcrew.work.question import put_question, take
from nightcrew.work.work import Work

take_answer = step(take, name="take-answer")


class ReviewForm(RunInput, Answer):
    """The form that a person fills in to resume the run."""


async def ask_a_person(work: Work) -> None:
    """Continue with the answer to the work's question, or suspend the run until there is one.

    Raises:
        Pause: the run is suspended; this process ends and holds nothing.
        Transient: Prefect refused to suspend the run.
    """
    problem = ""
    if work.review is not None:
        answer = await aread_flow_run_input(keyset_from_base_key(work.review.key)["response"])
        if answer is not None:
            problem = await take_answer(work, answer)
            if not problem:
                return
    if deployment.id is not None:
        await _suspend(work, problem)
    detail = (
        f"{work.question} No person can be asked, because this run has no deployment that could resume it."
    )
    await asyncio.to_thread(work.finish, Outcome(TaskStatus.FAILED, detail, FailureReason.REJECTED))


# ---------------------------------------------------------------------------------------------------------


async def _suspend(work: Work, problem: str) -> NoReturn:
    review = await asyncio.to_thread(put_question, work, f"review-{uuid4().hex[:12]}", problem)
    text = question_page(work.queued, review, work.trials)
    await acreate_markdown_artifact(redact(text), key="review", description=review.question[:200])
    await announce(
        Notice.NEEDS_REVIEW,
        task_id=review.task_id,
        about=f"nightcrew.attempt.{review.task_id}:{review.number}",
        message=f"Task {review.task_id} needs a person: {review.question}\n"
        f"Answer in the Prefect UI or with: nightcrew review {review.task_id} --help",
    )
    await _wait_for(review, ReviewForm.with_initial_data(description=text))


async def _wait_for(review: Review, form: type[RunInput]) -> NoReturn:
    """Like Prefect's `suspend_flow_run`, but with a state name and message that tell the reason."""
    keyset = keyset_from_base_key(review.key)
    proposed: State[Any] = Paused(
        name="NeedsReview",
        message=review.question,
        reschedule=True,
        pause_key=review.key,
        pause_expiration_time=review.expires_at,
    )
    proposed.state_details.run_input_keyset = {str(part): key for part, key in keyset.items()}
    async with get_client() as client:
        result = await client.set_flow_run_state(UUID(flow_run.id), proposed)
    if result.status is not SetStateStatus.ACCEPT or result.state is None:
        raise Transient(f"the run cannot wait for a person: {result.details}")
    await form.asave(keyset)  # only now: the server clears a run's forms when it pauses
    raise Pause(state=result.state)
