"""The main job on real parts: Prefect, PostgreSQL, git, sandbox, gates; the models are the twin's."""

import json
import time
from pathlib import Path

import pytest

from nightcrew.crew import dispatch
from nightcrew.ledger.ledger import Ledger
from nightcrew.task import FailureReason, TaskStatus
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows


def test_an_accepted_task_has_its_change_on_disk_and_its_evidence_in_the_ui(crew: RunningCrew) -> None:
    queued = crew.submit("Say what price does.")
    ended = crew.ended(queued.task_id)
    assert (ended.status, ended.verdict, ended.detail[:8]) == (TaskStatus.COMPLETED, "accepted", "accepted")
    assert (ended.attempts, ended.models) == (1, ("twin/capable",))
    assert ended.calls > 0 and ended.input_tokens > 0 and ended.cost_usd > 0
    assert '+    """The price of' in Path(ended.change_path or "").read_text()
    run = crew.run(ended)
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "Accepted")
    assert run["name"] == f"documentation pricing.py {queued.task_id}"
    assert {"documentation", "normal", queued.task_id} <= set(run["tags"])
    page = _artifact(crew, run["id"], "verdict")
    assert "# Accepted: documentation pricing.py" in page and "```diff" in page and "scope passed" in page


def test_the_steps_are_the_sentence_on_the_card_and_carry_the_cores_log_lines(crew: RunningCrew) -> None:
    run = crew.run(crew.ended(crew.submit("Say what price does, in a sentence.").task_id))
    found = crew.api.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    steps = {step["id"]: step["name"] for step in found}
    names = {"select-model 1", "execute 1: twin/capable", "validate 1: twin/capable", "record 1: accepted"}
    assert set(steps.values()) == names
    wanted = {
        ("execute 1: twin/capable", "nightcrew.execution.execution_engine"),
        ("validate 1: twin/capable", "nightcrew.work.steps"),
    }
    deadline = time.monotonic() + 60
    while not wanted <= (of_step := _lines_of_steps(crew, run["id"], steps)):
        assert time.monotonic() < deadline, of_step  # the server writes log lines down in its own time
        time.sleep(0.5)


def test_a_rejected_attempt_is_planned_anew_with_the_verdicts_reasons(crew: RunningCrew) -> None:
    ended = crew.ended(
        crew.submit(
            "Write unit tests for price.",
            task_type="unit_test",
            models=["twin/lazy:free", "twin/capable"],
            max_attempts=3,
        ).task_id
    )
    assert ended.status is TaskStatus.COMPLETED
    if ended.attempts == 2:
        asked = [
            seen.body
            for seen in crew.twin.requests
            if "Why the previous attempt was rejected" in str(seen.body)
        ]
        assert asked
        assert ended.models == ("twin/lazy:free", "twin/capable")


def test_work_that_checks_nothing_ends_as_rejected_and_never_as_completed(crew: RunningCrew) -> None:
    ended = crew.ended(
        crew.submit(
            "Write unit tests for price, please.", task_type="unit_test", models=["twin/lazy:free"]
        ).task_id
    )
    assert (ended.status, ended.failure_reason) == (TaskStatus.FAILED, FailureReason.REJECTED), ended.detail
    assert ended.verdict == "rejected" and ended.change_path is None
    run = crew.run(ended)
    assert (run["state_type"], run["state_name"]) == ("FAILED", "Rejected")


def test_a_providers_fault_is_never_held_against_the_model(crew: RunningCrew) -> None:
    queued = crew.submit("Say it.", models=["twin/broken"])
    waits = crew.until(queued.task_id, lambda task: "every model of the plan is unavailable" in task.detail)
    assert (waits.status, waits.attempts) == (TaskStatus.QUEUED, 1), "it comes back when the model has rested"
    dispatch.cancel(crew.settings, waits.task_id)
    memory = json.loads((crew.settings.home / "memory.json").read_text()) if _has_memory(crew) else {}
    assert "twin/broken" not in json.dumps(memory.get("outcomes", {}))


def test_a_target_that_does_not_exist_is_invalid(crew: RunningCrew) -> None:
    ended = crew.ended(crew.submit("Say it.", target_file="nowhere.py").task_id)
    assert ended.status is TaskStatus.FAILED
    assert ended.change_path is None


def test_the_users_repository_is_untouched(crew: RunningCrew) -> None:
    crew.ended(crew.submit("Say what it does, briefly.").task_id)
    assert '"""' not in (crew.repo / "pricing.py").read_text()
    names = sorted(path.name for path in crew.repo.iterdir())
    assert names == [".env", ".git", "nightcrew.toml", "pricing.py", "tests"]


def test_what_happened_is_in_the_ledger_once(crew: RunningCrew) -> None:
    ended = crew.ended(crew.submit("Say what it does, once.").task_id)
    with Ledger(crew.settings.ledger_dir) as ledger:
        (task,) = ledger.query("select * from tasks where task_id = ?", [ended.task_id])
        calls = ledger.query("select * from model_calls where task_id = ?", [ended.task_id])
        attempts = ledger.query("select * from attempts where task_id = ?", [ended.task_id])
    assert task["status"] == "completed"
    assert (len(attempts), len(calls)) == (ended.attempts, ended.calls)


def _artifact(crew: RunningCrew, run_id: str, key: str) -> str:
    body = {"artifacts": {"flow_run_id": {"any_": [run_id]}, "key": {"any_": [key]}}}
    (artifact,) = crew.api.post("/artifacts/filter", body)
    return str(artifact["data"])


def _has_memory(crew: RunningCrew) -> bool:
    return (crew.settings.home / "memory.json").exists()


def _lines_of_steps(crew: RunningCrew, run_id: str, steps: dict[str, str]) -> set[tuple[str | None, str]]:
    """Which step logged under which logger's name."""
    lines = crew.api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run_id]}}, "limit": 200})
    return {(steps.get(line["task_run_id"] or ""), line["name"]) for line in lines}
