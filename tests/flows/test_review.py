"""What cannot be measured waits for a person, holding no process, and goes on with the answer."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client

from blocks.crew import BLOCK_NAME, CrewPolicy
from nightcrew.crew import dispatch
from nightcrew.crew import review as review_service
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.errors import BadInput
from nightcrew.ledger.ledger import Ledger
from nightcrew.queue.audit.line import Act
from nightcrew.queue.reviews import Answer, Choice
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import FailureReason, TaskStatus
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows

WHY = "I ran it by hand"


def ask(crew: RunningCrew, description: str, **values: object) -> QueuedTask:
    """A task whose first attempt brings code that nothing shows to work; it waits for a person now."""
    given = {"task_type": "code_generation", "target_file": None, "models": ["twin/lazy:free"], **values}
    queued = crew.submit(description, **given)
    asked = crew.until(queued.task_id, lambda task: task.status in {"needs_review", "failed", "completed"})
    assert asked.status is TaskStatus.NEEDS_REVIEW, asked.detail
    state_of(crew, asked, "PAUSED")
    return asked


def state_of(crew: RunningCrew, queued: QueuedTask, kind: str, seconds: float = 30) -> dict[str, object]:
    deadline = time.monotonic() + seconds
    while (run := crew.api.get(f"/flow_runs/{queued.flow_run_id}"))["state_type"] != kind:
        assert time.monotonic() < deadline, run["state"]
        time.sleep(0.2)
    return dict(run)


def answered(crew: RunningCrew, queued: QueuedTask, **output: object) -> QueuedTask:
    review_service.answer(crew.settings, queued.task_id, Answer.model_validate(output))
    return crew.ended(queued.task_id)


def works_on(queued: QueuedTask) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT__FLOW_RUN_ID") == queued.flow_run_id:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def wait_for_its_process(queued: QueuedTask) -> None:
    """Until nothing works on it; the form of its question is there by then."""
    deadline = time.monotonic() + 15
    while left := works_on(queued):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def fill_in(crew: RunningCrew, queued: QueuedTask, output: dict[str, str]) -> None:
    """Answer in the form as the UI does, as soon as it is there: it is saved after the pause."""
    deadline = time.monotonic() + 30
    while True:
        resumed = crew.api.post(f"/flow_runs/{queued.flow_run_id}/resume", {"run_input": output})
        if resumed["status"] == "ACCEPT":
            return
        assert "schema not found" in resumed["details"]["reason"] and time.monotonic() < deadline, resumed
        time.sleep(0.2)


def test_what_cannot_be_measured_waits_with_question_evidence_and_choices(crew: RunningCrew) -> None:
    asked = ask(crew, "Write a rebate.")
    run = state_of(crew, asked, "PAUSED")
    assert run["state_name"] == "NeedsReview"
    assert "Nothing shows that the new code works" in str(run["state"])
    wait_for_its_process(asked)
    assert asked.pid is None and not asked.status.is_final

    body = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}, "key": {"any_": ["review"]}}}
    (artifact,) = crew.api.post("/artifacts/filter", body)
    page = artifact["data"]
    assert "# NeedsReview: code_generation" in page and "+def rebate" in page
    assert f"nightcrew review {asked.task_id} --accept" in page
    keyset = run["state"]["state_details"]["run_input_keyset"]  # type: ignore[index]
    form = crew.api.get(f"/flow_runs/{run['id']}/input/{keyset['schema']}")
    assert form["definitions"]["Choice"]["enum"] == list(Choice)
    assert crew.api.get(f"/flow_runs/{run['id']}/input/{keyset['description']}") == page

    (waits,) = [one for one in review_service.waiting(crew.settings) if one.queued.task_id == asked.task_id]
    assert waits.review.question == asked.detail
    assert (waits.review.expires_at - waits.review.asked_at).total_seconds() == pytest.approx(604_800, abs=1)
    assert reconcile(crew.settings) == 0

    crew.api.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    state_of(crew, asked, "CANCELLED")
    reconcile(crew.settings)
    assert crew.get(asked.task_id).status is TaskStatus.CANCELLED


def test_a_person_may_accept_and_it_is_never_called_proven(crew: RunningCrew) -> None:
    asked = ask(crew, "Write a rebate to be accepted.")
    calls = len(crew.twin.requests)
    ended = answered(crew, asked, choice="accept", reason=WHY)
    assert (ended.status, ended.verdict) == (TaskStatus.COMPLETED, "accepted by a person")
    assert ended.detail == f"accepted by a person: {WHY}"
    assert "+def rebate" in Path(ended.change_path or "").read_text()
    assert (ended.attempts, len(crew.twin.requests)) == (1, calls), "an earlier step was repeated"
    run = crew.run(ended)
    assert (run["id"], run["state_type"]) == (asked.flow_run_id, "COMPLETED")
    assert run["state_name"] == "AcceptedByAPerson"
    folder = crew.settings.results_dir / asked.task_id
    output = json.loads((folder / "review.json").read_text())
    assert (output["source"], output["answer"]["reason"]) == ("human", WHY)
    assert json.loads((folder / "verdict.json").read_text())["kind"] == "not_measurable"
    with Ledger(crew.settings.ledger_dir) as ledger:
        (task,) = ledger.query("select * from tasks where task_id = ?", [ended.task_id])
    assert (task["status"], task["verdict"], task["accepted_model"]) == ("completed", "not_measurable", None)
    assert task["detail"] == ended.detail
    with dispatch.open_queue(crew.settings) as queue:
        (attempt,) = queue.attempts(ended.task_id)
    assert attempt["verdict"] == "not_measurable"


def test_a_hint_reaches_the_next_attempt_and_giving_up_ends_it(crew: RunningCrew) -> None:
    asked = ask(crew, "Write a rebate after a hint.", max_attempts=1)
    hint = "bring tests for both sides of five years"
    review_service.answer(crew.settings, asked.task_id, Answer(choice=Choice.RETRY_WITH_HINT, hint=hint))
    again = crew.until(asked.task_id, lambda task: task.attempts == 2 and task.status == "needs_review")
    assert again.flow_run_id == asked.flow_run_id
    state_of(crew, again, "PAUSED")
    assert [seen for seen in crew.twin.requests if f"A person says: {hint}" in str(seen.body)]
    fill_in(crew, again, {"choice": "give_up", "reason": "not worth it"})
    ended = crew.ended(again.task_id)
    assert (ended.status, ended.failure_reason) == (TaskStatus.FAILED, FailureReason.REJECTED)
    assert ended.detail == "given up by a person: not worth it"
    assert ended.change_path is None
    assert crew.run(ended)["state_name"] == "Rejected"
    in_terminal, in_form = crew.audit(Act.ANSWER, ended.task_id)
    assert (in_terminal["details"]["choice"], in_form["details"]["choice"]) == ("retry_with_hint", "give_up")
    assert f"flow run {ended.flow_run_id}" in in_form["via"], "the form's answer is read by the flow run"


def test_another_model_of_a_persons_choice_may_prove_it(crew: RunningCrew) -> None:
    asked = ask(crew, "Write a rebate with another model.")
    ended = answered(crew, asked, choice="retry_with_model", model="twin/capable")
    assert (ended.status, ended.verdict, ended.attempts) == (TaskStatus.COMPLETED, "accepted", 2), (
        ended.detail
    )
    assert ended.models == ("twin/lazy:free", "twin/capable")
    assert "test_loyalty.py" in Path(ended.change_path or "").read_text()
    assert crew.run(ended)["state_name"] == "Accepted"


def test_a_bad_answer_is_refused_and_the_question_stays(crew: RunningCrew) -> None:
    asked = ask(crew, "Write a rebate and refuse bad answers.")
    with pytest.raises(BadInput, match="there is no model twin/nobody"):
        answer = Answer(choice=Choice.RETRY_WITH_MODEL, model="twin/nobody")
        review_service.answer(crew.settings, asked.task_id, answer)
    resume = f"/flow_runs/{asked.flow_run_id}/resume"
    for output, why in (
        ({"choice": "explode"}, "'explode' is not one of"),
        ({"choice": "accept"}, "'reason' is a required property"),
        ({"choice": "accept", "reason": " "}, "does not match"),
    ):
        result = crew.api.post(resume, {"run_input": output})  # what the UI does
        assert (result["status"], why in result["details"]["reason"]) == ("REJECT", True), result
    assert crew.get(asked.task_id).status is TaskStatus.NEEDS_REVIEW
    crew.api.post(resume, {"run_input": {"choice": "retry_with_model", "model": "twin/nobody"}})
    again = crew.until(asked.task_id, lambda task: "twin/nobody" in task.detail)
    assert "The answer cannot be used: twin/nobody is not available now" in again.detail
    state_of(crew, again, "PAUSED")
    dispatch.cancel(crew.settings, asked.task_id)
    assert state_of(crew, asked, "CANCELLED")
    with pytest.raises(BadInput, match="does not wait for a person: it is cancelled"):
        review_service.answer(crew.settings, asked.task_id, Answer(choice=Choice.GIVE_UP))


@pytest.fixture
def short_patience(crew: RunningCrew) -> Iterator[None]:
    """The operator's policy gives a question three seconds."""

    async def forget() -> None:
        async with get_client() as client:
            for document in await client.read_block_documents():
                if document.name == BLOCK_NAME:
                    await client.delete_block_document(document.id)

    with crew.as_client():
        asyncio.run(CrewPolicy(review_seconds=3).asave(BLOCK_NAME, overwrite=True))
        yield
        asyncio.run(forget())


def test_an_unanswered_question_expires_as_the_policy_says(crew: RunningCrew, short_patience: None) -> None:
    asked = ask(crew, "Write a rebate nobody asks for.")
    state_of(crew, asked, "FAILED", seconds=150)  # our server looks once a minute
    reconcile(crew.settings)  # the worker may have done the same before us
    ended = crew.get(asked.task_id)
    assert (ended.status, ended.failure_reason) == (TaskStatus.FAILED, FailureReason.REJECTED)
    assert ended.detail.startswith(
        "the question was not answered in time: Nothing shows that the new code works"
    )
    with Ledger(crew.settings.ledger_dir) as ledger:
        (task,) = ledger.query("select * from tasks where task_id = ?", [ended.task_id])
    assert (task["status"], task["failure_reason"]) == ("failed", "rejected")
