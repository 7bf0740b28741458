"""Many tasks from one file: each is submitted once, in order, and the batch is shown as one."""

import json
from pathlib import Path

from tests.cli.conftest import Cli


def test_a_batch_is_submitted_once_and_shown(cli: Cli, repository: Path, tmp_path: Path) -> None:
    item = {"task_type": "documentation", "repo": str(repository)}
    lost = {**item, "name": "lost", "description": "Fix it", "task_type": "bug_fix", "target_file": "no.py"}
    tasks = [
        {**item, "name": "Second one", "description": "Document the rest", "after": ["first"]},
        {**item, "name": "first", "description": "Document it", "target_file": "shop.py"},
        lost,
        {**lost, "name": "last", "target_file": "shop.py", "after": ["lost"]},
    ]
    file = tmp_path / "spring.yaml"
    file.write_text(
        json.dumps({"budget_usd": 1, "defaults": {"target_file": "README.md"}, "tasks": tasks[:2]})
    )

    found = cli("submit-batch", str(file), "--json")
    assert (found.code, found.json["batch"], found.json["problems"]) == (0, "spring", [])
    first, second = found.json["tasks"]
    assert (first["name"], first["task_id"], first["new"]) == ("first", "spring-first", True)
    assert second["task_id"].startswith("spring-second-one-")

    file.write_text(json.dumps({"budget_usd": 1, "defaults": {"target_file": "README.md"}, "tasks": tasks}))
    again = cli("submit-batch", str(file))
    assert again.code == 2
    assert "0 tasks submitted, 2 known already" in again.out
    assert "lost:" in again.err and "has no file no.py" in again.err
    assert "last: comes after lost, which was not submitted" in again.err

    assert cli("cancel-task", "spring-first").code == 0
    shown = cli("batch", "spring")
    assert "comes after spring-first, which is cancelled" in shown.out
    assert "2 tasks: 2 cancelled. Cost: $0 of $1.00." in shown.out
    assert [task["status"] for task in cli("batch", "spring", "--json").json] == ["cancelled"] * 2


def test_nothing_of_a_batch_with_a_mistake_is_submitted(cli: Cli, repository: Path) -> None:
    rows = ["name,description,task_type,repo,priority", f"a,Document it,analysis,{repository},high"]
    text = "\n".join([*rows, f"b,Do it,analysis,{repository},soon"])
    found = cli("submit-batch", "-", "--name", "n", "--format", "csv", stdin=text)
    assert "nothing was submitted:\nb: priority: Input should be" in found.err
    assert (found.code, cli("list-tasks", "--json").json) == (2, [])
