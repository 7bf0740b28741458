"""The audit log through the command line: each act is one line, with who did it and how."""

import getpass
import json
from pathlib import Path

import psycopg
import pytest

from nightcrew.queue.audit.line import Act
from tests.cli.commands.tasks.test_status import SUBMIT
from tests.cli.conftest import Cli

KEY = "sk-or-v1-of-a-test-000000"


@pytest.fixture
def task_id(cli: Cli, repository: Path) -> str:
    """A crew with a key and a cancelled task."""
    assert cli("set-account", stdin=f"{KEY}\n").code == 0
    task_id = cli(*SUBMIT, "--repo", str(repository), "--json").json["task_id"]
    assert cli(*SUBMIT, "--repo", str(repository)).code == 0, "the same task again is no act"
    assert cli("cancel-task", task_id).code == 0
    return str(task_id)


def test_each_act_has_a_line_with_who_and_how(cli: Cli, task_id: str, repository: Path) -> None:
    lines = cli("audit", "--json").json
    assert [line["act"] for line in lines] == ["migration", "key", "submit", "cancel"]
    assert {line["by"] for line in lines} == {getpass.getuser()}
    assert [line["via"] for line in lines] == [
        "nightcrew set-account",
        "nightcrew set-account",
        "nightcrew submit-task",
        "nightcrew cancel-task",
    ]
    assert lines[1]["about"] == "https://openrouter.ai/api/v1"
    assert lines[2]["about"] == task_id
    assert lines[2]["details"]["repo"] == str(repository)
    assert KEY not in json.dumps(lines)
    assert len(cli("audit", "--about", task_id, "--json").json) == 2
    assert len(cli("audit", "--act", "key", "--since", "today", "--json").json) == 1
    assert "submit" in cli("audit").out


def test_verify_finds_damage_and_its_exit_code_says_so(
    cli: Cli, task_id: str, database_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.json"
    copy.write_text(cli("audit", "--json").out)
    whole = cli("audit", "verify", "--copy", str(copy))
    assert (whole.code, "4 of them compared" in whole.out) == (0, True)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM audit WHERE number = 3")
    damaged = cli("audit", "verify")
    assert (damaged.code, "line 3 is missing after line 2" in damaged.err) == (1, True)
    assert cli("audit", "verify", "--json").json["faults"]


@pytest.mark.parametrize("content", ["", "[1]", '[{"number": "x"}]', '[{"number": 1}]', "7"])
def test_what_is_no_copy_is_refused(cli: Cli, tmp_path: Path, content: str) -> None:
    copy = tmp_path / "copy.json"
    copy.write_text(content)
    result = cli("audit", "verify", "--copy", str(copy))
    assert (result.code, "is no output of" in result.err) == (2, True)


def test_a_key_is_not_changed_when_nobody_can_write_it_down(
    cli: Cli, database_url: str, tmp_path: Path
) -> None:
    assert cli("list-tasks").code == 0
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (number < 0) NOT VALID")
    result = cli("set-account", stdin=f"{KEY}\n")
    assert (result.code, (tmp_path / "home/secrets/account.json").exists()) == (4, False)


def test_every_act_is_documented() -> None:
    text = (Path(__file__).parents[4] / "docs/audit.md").read_text()
    assert not [act for act in Act if f"`{act}`" not in text]
