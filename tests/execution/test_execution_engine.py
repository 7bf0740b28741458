"""The engine, with real clones, a real sandbox and the direct executor behind a listed door."""

import hashlib
import stat
from pathlib import Path

import pytest

from nightcrew.errors import AccountStopped, BadInput, ModelUnfit
from nightcrew.execution.attempt import Attempt, AttemptEnd
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.execution.execution_engine import Assignment, ExecutionEngine, Report
from nightcrew.execution.executors.direct import DirectExecutor
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName, Task, TaskType
from tests.execution.conftest import commit_all
from tests.execution.doors import ListedDoor, Reply

GOOD_TEST = """### FILE tests/test_prices.py
```python
from shop.prices import total


def test_total():
    assert total(100, "A") == 150
```
"""


def digest(folder: Path) -> str:
    """A hash over every name, mode, time of change, link and byte below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.update(
            f"{path.relative_to(folder)} {status.st_mode} {status.st_mtime_ns} {status.st_uid}".encode()
        )
        if stat.S_ISREG(status.st_mode):
            found.update(path.read_bytes())
    return found.hexdigest()


def run(
    settings: Settings,
    sandbox: Sandbox,
    repo: Path,
    replies: list[Reply],
    *,
    task_type: TaskType = TaskType.UNIT_TEST,
    feedback: str = "",
) -> tuple[Attempt, ListedDoor]:
    task = Task(
        task_id="t-engine",
        description="Test the prices.",
        repo=str(repo),
        task_type=task_type,
        target_file="src/shop/prices.py",
    )
    door = ListedDoor(replies)
    engine = ExecutionEngine(settings, sandbox, {ExecutorName.DIRECT: DirectExecutor()})
    with base_checkout(str(repo), resolve_commit(str(repo), "HEAD"), settings) as base:
        attempt = engine.run(
            task,
            base,
            number=1,
            executor=ExecutorName.DIRECT,
            model="some/model",
            feedback=feedback,
            door=door,
        )
    return attempt, door


def test_an_attempt_ends_with_the_change_as_a_patch_and_what_it_cost(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    attempt, door = run(settings, sandbox, repo, [GOOD_TEST])
    assert attempt.end is AttemptEnd.FINISHED
    assert "+++ b/tests/test_prices.py" in attempt.patch
    assert attempt.patch.count("diff --git") == 1
    assert (attempt.calls, attempt.input_tokens, attempt.model) == (1, 100, "some/model")
    assert attempt.attempt_id == f"{attempt.task_id}:1"
    assert attempt.ended_at >= attempt.started_at
    assert len(door.asked) == 1


def test_the_users_repository_is_the_same_byte_for_byte(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    (repo / "src/shop/tax.py").write_text("dirty = True\n")
    (repo / "untracked.txt").write_text("mine\n")
    before = digest(repo)
    attempt, _ = run(settings, sandbox, repo, [GOOD_TEST])
    assert attempt.end is AttemptEnd.FINISHED
    assert "dirty" not in attempt.patch
    assert digest(repo) == before


def test_the_workspace_is_gone_whatever_happens(settings: Settings, sandbox: Sandbox, repo: Path) -> None:
    run(settings, sandbox, repo, [GOOD_TEST])
    with pytest.raises(AccountStopped):
        run(settings, sandbox, repo, [AccountStopped("no credits")])
    with pytest.raises(KeyboardInterrupt):
        run(settings, sandbox, repo, [KeyboardInterrupt()])
    assert list(settings.work_dir.iterdir()) == []


def test_the_model_is_given_conventions_commands_and_why_it_was_rejected(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    _, door = run(settings, sandbox, repo, [GOOD_TEST], feedback="No test may sleep.")
    result = door.asked[0]["messages"][0]["content"]
    assert "Task type: unit_test\nTarget file: src/shop/prices.py\nTask: Test the prices." in result
    assert "Write short functions." in result
    assert "- python -m pytest\n" in result
    assert "Why the previous attempt was rejected:\nNo test may sleep." in result


def test_a_first_attempt_has_no_rejection_in_its_prompt(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    _, door = run(settings, sandbox, repo, [GOOD_TEST])
    assert "Why the previous attempt" not in door.asked[0]["messages"][0]["content"]


def test_a_model_that_cannot_do_it_is_an_end_and_no_error(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    attempt, _ = run(settings, sandbox, repo, [ModelUnfit("context too small")])
    assert (attempt.end, attempt.detail, attempt.patch) == (AttemptEnd.MODEL_UNFIT, "context too small", "")


def test_finished_without_a_change_says_so(settings: Settings, sandbox: Sandbox, repo: Path) -> None:
    same = "### FILE AGENTS.md\n```\nWrite short functions.\n```\n"
    attempt, _ = run(settings, sandbox, repo, [same])
    assert attempt.end is AttemptEnd.FINISHED
    assert attempt.patch == ""
    assert "changed nothing" in attempt.detail


def test_a_repository_that_cannot_be_read_is_bad_input(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    (repo / "nightcrew.toml").write_text("tset = 'pytest'\n")
    commit_all(repo)
    with pytest.raises(BadInput, match="tset"):
        run(settings, sandbox, repo, [GOOD_TEST])


def test_a_change_too_large_is_the_models_fault(
    settings: Settings, sandbox: Sandbox, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightcrew.execution.checkout.tree_patch.CHANGE_BYTES", 10)
    attempt, _ = run(settings, sandbox, repo, [GOOD_TEST])
    assert attempt.end is AttemptEnd.INVALID_OUTPUT
    assert "too large" in attempt.detail
    assert attempt.patch == ""


def test_an_executor_that_claims_success_proves_nothing(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    class Boaster:
        def execute(self, assignment: Assignment) -> Report:
            return Report(AttemptEnd.FINISHED, "all done", "Everything works!")

    engine = ExecutionEngine(settings, sandbox, {ExecutorName.OPENHANDS: Boaster()})
    task = Task(task_id="t-boast", description="Do it.", repo=str(repo), executor=ExecutorName.OPENHANDS)
    with base_checkout(str(repo), resolve_commit(str(repo), "HEAD"), settings) as base:
        attempt = engine.run(
            task,
            base,
            number=2,
            executor=ExecutorName.OPENHANDS,
            model="m",
            feedback="",
            door=ListedDoor([]),
        )
    assert attempt.patch == ""
    assert attempt.detail == 'all done; it changed nothing, and its last words were: "Everything works!"'
