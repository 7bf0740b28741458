"""`nightcrew review`: list the tasks that wait for a person, show the evidence, take the answer."""

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json, print_table, styled
from nightcrew.cli.task_view import print_task, stored_verdict, task_json
from nightcrew.errors import BadInput
from nightcrew.settings import Settings, first_problem, load_settings

if TYPE_CHECKING:  # the state store's libraries take half a second to import
    from nightcrew.crew.review import Waiting
    from nightcrew.queue.reviews import Answer
    from nightcrew.queue.task_table import QueuedTask

COLUMNS = ("task", "type", "waits since (UTC)", "until", "question")
_QUESTION = 160  # characters of a question in the list


@app.command("review")
def review(
    task_id: Annotated[
        str | None,
        typer.Argument(metavar="[TASK_ID]", help="The task; without it, list all waiting tasks."),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Accept it on your own judgement.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try again, with --hint or --model.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="End the task as failed.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why you accept or give up; it is recorded.")] = None,
    hint: Annotated[str | None, typer.Option(help="What the next attempt should do differently.")] = None,
    model: Annotated[str | None, typer.Option(help="The model for the next attempt.")] = None,
    as_json: AsJson = False,
) -> None:
    """List, show or answer open questions. They are about changes that no gate could measure."""
    from nightcrew.crew import review as review_service
    from nightcrew.crew.runs.reconciliation import reconcile

    answer = _answer(accept=accept, retry=retry, give_up=give_up, reason=reason, hint=hint, model=model)
    if answer is not None and task_id is None:
        raise BadInput("name the task that the answer is for: nightcrew review TASK_ID ...")
    settings = load_settings()
    reconcile(settings)
    if task_id is None:
        _show_all(review_service.waiting(settings), as_json=as_json)
    elif answer is None:
        _show_one(settings, review_service.question_of(settings, task_id), as_json=as_json)
    else:
        queued = _take(settings, review_service.question_of(settings, task_id), answer)
        message = f"{task_id} continues. Follow it with: nightcrew get-status {task_id}"
        if queued.status.is_final:
            message = f"{task_id} is {queued.status}: {queued.detail}"
        print_json(task_json(queued)) if as_json else console.print(message)


# ---------------------------------------------------------------------------------------------------------


def _take(settings: Settings, waiting: "Waiting", answer: "Answer") -> "QueuedTask":
    """Send the answer to the task's flow run; a task of `nightcrew do` has none and continues here."""
    from nightcrew.crew import review as review_service

    task_id = waiting.queued.task_id
    if waiting.queued.flow_run_id is not None:
        return review_service.answer(settings, task_id, answer)
    from nightcrew.work.crew import open_crew
    from nightcrew.work.foreground import answer_here

    with open_crew(settings) as crew:
        return answer_here(crew, task_id, answer).queued


def _answer(
    *, accept: bool, retry: bool, give_up: bool, reason: str | None, hint: str | None, model: str | None
) -> "Answer | None":
    """The answer given by the options; None if there is none."""
    from nightcrew.queue.reviews import Answer, Choice

    if accept + retry + give_up > 1:
        raise BadInput("choose one of --accept, --retry and --give-up")
    if retry:
        if (hint is None) == (model is None):
            raise BadInput("--retry needs either --hint or --model")
        if reason is not None:
            raise BadInput("--reason goes with --accept or --give-up")
    elif hint is not None or model is not None:
        raise BadInput("--hint and --model go with --retry")
    if accept:
        return _checked(Answer, choice=Choice.ACCEPT, reason=reason)
    if retry:
        choice = Choice.RETRY_WITH_HINT if model is None else Choice.RETRY_WITH_MODEL
        return _checked(Answer, choice=choice, hint=hint, model=model)
    if give_up:
        return _checked(Answer, choice=Choice.GIVE_UP, reason=reason)
    if reason is not None:
        raise BadInput("--reason goes with --accept or --give-up")
    return None


def _checked(kind: "type[Answer]", **fields: Any) -> "Answer":
    from pydantic import ValidationError

    try:
        return kind(**fields)
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None


def _show_all(waiting: "Sequence[Waiting]", *, as_json: bool) -> None:
    if as_json:
        print_json([_json(task) for task in waiting])
    elif waiting:
        rows = [
            (
                task.queued.task_id,
                task.queued.task.task_type,
                task.review.asked_at,
                task.review.expires_at,
                shorten(task.review.question, _QUESTION, placeholder=" …"),
            )
            for task in waiting
        ]
        print_table("", COLUMNS, rows)
        console.print("Show one, and how to answer it, with: nightcrew review TASK_ID")
    else:
        console.print("No task waits for a person.")


def _show_one(settings: Settings, waiting: "Waiting", *, as_json: bool) -> None:
    from nightcrew.crew import dispatch
    from nightcrew.work.results import results_of

    task_id = waiting.queued.task_id
    folder = results_of(settings, task_id).fetch() / f"attempt-{waiting.review.number}"
    gates = stored_verdict(folder).get("gates", [])
    if as_json:
        print_json(_json(waiting) | {"gates": gates, "patch": str(folder / "attempt.patch")})
        return
    with dispatch.open_queue(settings) as queue:
        print_task(waiting.queued, queue.attempts(task_id))
    if gates:
        rows = [(gate["name"], styled(gate["outcome"]), gate["message"]) for gate in gates]
        print_table("What the gates found", ("gate", "outcome", "finding"), rows)
    console.print(f"The change: {folder / 'attempt.patch'}")
    console.print(
        f"The question is open until {waiting.review.expires_at:%Y-%m-%d %H:%M} UTC. Answer it with one of:"
    )
    for choice in ('--accept --reason "..."', '--retry --hint "..."', "--retry --model NAME", "--give-up"):
        console.print(f"  nightcrew review {task_id} {choice}")


def _json(waiting: "Waiting") -> dict[str, Any]:
    from nightcrew.queue.reviews import Choice

    return task_json(waiting.queued) | {
        "question": waiting.review.question,
        "attempt": waiting.review.number,
        "asked_at": waiting.review.asked_at,
        "expires_at": waiting.review.expires_at,
        "choices": list(Choice),
    }
