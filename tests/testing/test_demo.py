"""The shipped scenario against the example project, with real pytest: good work is good, bad work is bad."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.task import FailureReason, TaskStatus, TaskType
from nightcrew.testing import DemoTask, Solution, shipped_scenario, shipped_tasks
from nightcrew.testing.characters import solution_for
from nightcrew.testing.conversation import read_conversation
from nightcrew.testing.solutions import Files

EXAMPLE = Path(__file__).parents[2] / "examples" / "stockroom"
TASKS = {entry.task["task_id"]: entry for entry in shipped_tasks()}
SCENARIO = shipped_scenario()


def solution(task_id: str) -> Solution:
    """What models can write for a task, found as they find it."""
    task = TASKS[task_id].for_repo("somewhere")
    output = f"Task type: {task.task_type}\nTarget file: {task.target_file}\nTask: {task.description}"
    found = solution_for(read_conversation({"messages": [{"role": "user", "content": output}]}), SCENARIO)
    assert found is not None
    return found


def checkout(tmp_path: Path, files: Files) -> Path:
    """The example project with some files written over it."""
    tree = tmp_path / "stockroom"
    shutil.copytree(EXAMPLE, tree)
    for path, content in files.items():
        assert content is not None
        (tree / path).write_text(content)
    return tree


def run_tests(tree: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    clean = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env}
    clean.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(command, cwd=tree, env=clean, capture_output=True, text=True, check=False)


def test_the_example_is_green_as_it_ships(tmp_path: Path) -> None:
    assert run_tests(checkout(tmp_path, {})).returncode == 0


@pytest.mark.parametrize("task_id", TASKS)
def test_good_work_passes_elsewhere_too(tmp_path: Path, task_id: str) -> None:
    tree = checkout(tmp_path, solution(task_id).good)
    result = run_tests(tree, TZ="Pacific/Kiritimati", PYTHONHASHSEED="4711")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("task_id", "kind"),
    [
        ("demo-pricing-tests", "wrong"),
        ("demo-stock-report", "wrong"),
        ("demo-lot-costs", "wrong"),
        ("demo-full-parcels", "wrong"),
        ("demo-postage-table", "wrong"),
    ],
)
def test_wrong_work_fails(tmp_path: Path, task_id: str, kind: str) -> None:
    assert run_tests(checkout(tmp_path, getattr(solution(task_id), kind))).returncode == 1


@pytest.mark.parametrize("task_id", ["demo-pricing-tests", "demo-codes-tests"])
def test_work_that_checks_nothing_passes_also_when_the_target_is_broken(tmp_path: Path, task_id: str) -> None:
    entry = solution(task_id)
    target = entry.match.target_file
    assert target is not None
    broken = (EXAMPLE / target).read_text().replace('"0.05"', '"0.04"').replace("* 7", "* 8")
    vacuous = run_tests(checkout(tmp_path / "vacuous", {**entry.vacuous, target: broken}), *entry.vacuous)
    good = run_tests(checkout(tmp_path / "good", {**entry.good, target: broken}), *entry.good)
    assert (vacuous.returncode, good.returncode) == (0, 1)


@pytest.mark.parametrize(
    ("task_id", "fails"),
    [
        ("demo-lot-costs", "test_issue_across_lots_costs_each_piece_at_its_own_lot"),
        ("demo-full-parcels", "test_a_parcel_may_weigh_exactly_the_limit"),
    ],
)
def test_a_fixs_test_fails_on_base_for_the_right_reason(tmp_path: Path, task_id: str, fails: str) -> None:
    tests = {path: text for path, text in solution(task_id).good.items() if path.startswith("tests/")}
    result = run_tests(checkout(tmp_path, tests), *tests)
    assert result.returncode == 1
    assert fails in result.stdout and "AssertionError" in result.stdout
    assert "ImportError" not in result.stdout


def test_the_cheat_takes_the_test_away_that_it_fails(tmp_path: Path) -> None:
    entry = solution("demo-full-parcels")
    assert run_tests(checkout(tmp_path / "cheat", entry.cheat)).returncode == 0
    honest = {path: text for path, text in entry.cheat.items() if path.startswith("src/")}
    assert run_tests(checkout(tmp_path / "honest", honest)).returncode == 1


def test_documentation_changes_nothing_but_docstrings() -> None:
    entry = solution("demo-reorder-docs")
    target = "src/stockroom/reorder.py"
    base = (EXAMPLE / target).read_text()
    good, wrong = entry.good[target], entry.wrong[target]
    assert good is not None and wrong is not None
    assert _without_docstrings(good) == _without_docstrings(base) != _without_docstrings(wrong)
    assert all(ast.get_docstring(node) for node in ast.walk(ast.parse(good)) if isinstance(node, _DOCUMENTED))
    assert not any(
        ast.get_docstring(node) for node in ast.walk(ast.parse(base)) if isinstance(node, _DOCUMENTED)
    )


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def test_tasks_are_valid_and_their_models_exist() -> None:
    ids = {model.id for model in SCENARIO.models}
    for entry in TASKS.values():
        task = entry.for_repo("/somewhere")
        assert set(task.models) <= ids
        assert entry.expect.accepted_model in {None, *task.models}
        target = str(task.target_file)
        assert (EXAMPLE / target).is_file() or task.task_type is TaskType.CODE_GENERATION


def test_demo_shows_what_it_promises() -> None:
    entries = list(TASKS.values())
    assert len({entry.task["task_type"] for entry in entries}) >= 4
    assert {entry.task["priority"] for entry in entries} == {"critical", "high", "normal", "low"}
    assert any(entry.expect.rate_limited_models for entry in entries)
    assert any(_second_model_wins(entry) for entry in entries)
    (lost,) = [entry for entry in entries if entry.expect.status is TaskStatus.FAILED]
    assert lost.expect.failure_reason is FailureReason.REJECTED


def _second_model_wins(entry: DemoTask) -> bool:
    return bool(entry.expect.rejected_models) and entry.expect.accepted_model is not None


def test_example_has_no_dependencies_and_its_conventions() -> None:
    assert "dependencies = []" in (EXAMPLE / "pyproject.toml").read_text()
    assert (EXAMPLE / "AGENTS.md").is_file()
    lines = sum(len(path.read_text().splitlines()) for path in (EXAMPLE / "src").rglob("*.py"))
    assert 300 <= lines <= 400
