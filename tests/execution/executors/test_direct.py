"""The direct executor: one to three calls, and every way a model can miss."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import AccountStopped, BudgetReached, Transient
from nightcrew.execution.assignment import Assignment, Report
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.execution.checkout.workspace import extract_patch, make_checkout, resolve_commit
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.executors.context_pack import context_pack
from nightcrew.execution.executors.direct import DirectExecutor
from nightcrew.execution.sandbox import Limits, Sandbox
from nightcrew.task import ExecutorName, Task, TaskType
from tests.execution.conftest import commit_all
from tests.execution.doors import ListedDoor, Reply

GOOD = """### FILE tests/test_prices.py
```python
from shop.prices import total


def test_total():
    assert total(100, "A") == 150
```
"""
FAILING = GOOD.replace("150", "151")
BAD_EDIT = "### EDIT src/shop/prices.py\n<<<<<<< SEARCH\nnowhere\n=======\nx\n>>>>>>> REPLACE\n"

type Work = Callable[..., tuple[Report, ListedDoor, str]]


@pytest.fixture
def work(repo: Path, tmp_path: Path, sandbox: Sandbox, environment: Environment) -> Work:
    def run(replies: list[Reply], **changes: Any) -> tuple[Report, ListedDoor, str]:
        checkout = make_checkout(str(repo), resolve_commit(str(repo), "HEAD"), tmp_path / "clone")
        task = Task(
            task_id="t-direct",
            description="Test it.",
            repo=str(repo),
            task_type=changes.pop("task_type", TaskType.UNIT_TEST),
            target_file="src/shop/prices.py",
        )
        door = ListedDoor(replies, changes.pop("on_call", lambda: None))
        given: dict[str, Any] = {
            "task": task,
            "attempt_id": f"{task.task_id}:1",
            "number": 1,
            "executor": ExecutorName.DIRECT,
            "model": "m",
            "feedback": "",
            "checkout": checkout,
            "environment": environment,
            "sandbox": sandbox,
            "door": door,
            "limits": Limits(wall_seconds=60),
            "max_iterations": 10,
            "judged_by": ("python -m pytest -q -p no:cacheprovider",),
            "conventions": "",
            "state_dir": tmp_path,
        }
        report = DirectExecutor().execute(Assignment(**(given | changes)))
        return report, door, extract_patch(checkout)

    return run


def result(door: ListedDoor, call: int) -> str:
    return str(door.asked[call]["messages"][-1]["content"])


def test_one_call_is_enough_for_good_edits(work: Work) -> None:
    report, door, patch = work([GOOD])
    assert (report.end, len(door.asked)) == (AttemptEnd.FINISHED, 1)
    assert "def test_total" in patch


def test_the_first_call_shows_the_target_its_imports_and_the_neighbouring_tests(work: Work) -> None:
    _, door, _ = work([GOOD])
    shown = result(door, 0)
    assert "def total(amount: float" in shown
    assert "def rate(country: str)" in shown
    assert "tests/test_tax.py" in shown
    assert "### FILE path/of/the/file.py" in shown


def test_edits_that_cannot_be_made_are_repaired_once(work: Work) -> None:
    report, door, patch = work([BAD_EDIT, GOOD])
    assert (report.end, len(door.asked)) == (AttemptEnd.FINISHED, 2)
    assert "not in the file" in result(door, 1)
    assert "def test_total" in patch


def test_edits_that_cannot_be_made_twice_are_invalid_output_and_change_nothing(work: Work) -> None:
    half = GOOD + BAD_EDIT
    report, door, patch = work([half, half, GOOD])
    assert (report.end, len(door.asked)) == (AttemptEnd.INVALID_OUTPUT, 2)
    assert patch == ""


def test_a_failing_new_test_is_shown_to_the_model(work: Work) -> None:
    mend = '### EDIT tests/test_prices.py\n<<<<<<< SEARCH\n    assert total(100, "A") == 151\n=======\n'
    mend += '    assert total(100, "A") == 150\n>>>>>>> REPLACE\n'
    report, door, patch = work([FAILING, mend])
    assert (report.end, len(door.asked)) == (AttemptEnd.FINISHED, 2)
    assert "assert 150" in result(door, 1)
    assert "== 150" in patch


def test_it_never_makes_more_than_three_calls(work: Work) -> None:
    report, door, _ = work([FAILING] * 5)
    assert (report.end, len(door.asked)) == (AttemptEnd.FINISHED, 3)


def test_a_bug_fix_shows_what_fails_today(work: Work, repo: Path) -> None:
    (repo / "tests/test_broken.py").write_text("def test_broken():\n    assert 1 == 2\n")
    commit_all(repo)
    _, door, _ = work(["### FILE README.md\n```\nx\n```\n"], task_type=TaskType.BUG_FIX)
    assert "Output of the tests before any change" in result(door, 0)
    assert "assert 1 == 2" in result(door, 0)


def reply(text: str, finish: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("I have written the tests and they pass.", AttemptEnd.PROSE),
        ("", AttemptEnd.PROSE),
        (reply(GOOD, "length"), AttemptEnd.TRUNCATED),
        (reply("", "content_filter"), AttemptEnd.MODEL_UNFIT),
        ({"choices": []}, AttemptEnd.INFRASTRUCTURE),
        (Transient("the provider is down"), AttemptEnd.INFRASTRUCTURE),
        ({"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}, AttemptEnd.PROSE),
    ],
)
def test_every_answer_ends_as_what_it_is(work: Work, answer: Reply, end: AttemptEnd) -> None:
    report, _, patch = work([answer, answer])
    assert report.end is end
    assert patch == ""


@pytest.mark.parametrize("error", [AccountStopped("no credits"), BudgetReached("spent")])
def test_what_no_model_can_help_is_raised(work: Work, error: Exception) -> None:
    with pytest.raises(type(error)):
        work([error])


def test_wall_time_ends_the_attempt_between_calls(work: Work) -> None:
    report, door, _ = work([BAD_EDIT, GOOD], limits=Limits(wall_seconds=0.2), on_call=lambda: time.sleep(0.3))
    assert (report.end, len(door.asked)) == (AttemptEnd.WALL_TIME, 1)


def test_the_first_question_fits_a_small_window(work: Work, repo: Path) -> None:
    (repo / "src/shop/prices.py").write_text("".join(f"VALUE_{n} = {n}\n" for n in range(50_000)))
    commit_all(repo)
    _, door, _ = work(["### FILE README.md\n```\nx\n```\n"], context_tokens=16_000)
    assert len(result(door, 0)) < 16_000 * 3
    assert "[cut here" in result(door, 0)


def test_a_context_pack_never_follows_links(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text("KEY = 'abc'\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "target.py").symlink_to(secret)
    (tree / "folder").symlink_to(tmp_path)
    assert "abc" not in context_pack(tree, "target.py", 10_000)
    assert "abc" not in context_pack(tree, "folder/secret.py", 10_000)


def test_costs_are_the_doors_and_not_guessed(work: Work) -> None:
    _, door, _ = work([GOOD])
    assert door.usage().cost_usd == Decimal("0.01")
