"""Every mistake gets one sentence that says what is wrong and what to do, exit code 2, and no stack trace."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.openrouter.catalogue.model_list import NOTHING, model_list

UNIT_TEST = ("submit-task", "--task-type", "unit_test", "--description", "write tests")
VERIFY = ("verify", "--task-type", "unit_test", "--target-file", "shop.py", "--repo", "repository")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no-such-command",), "no-such-command"),
        (("submit-task", "--task-type", "poem", "--description", "abc"), "is not one of"),
        (("submit-task", "--task-type", "bug_fix", "--description", "x"), "description"),
        (UNIT_TEST, "needs target_file"),
        ((*UNIT_TEST, "--target-file", "/etc/passwd"), "inside the repository"),
        ((*UNIT_TEST, "--target-file", "../x.py"), "inside the repository"),
        ((*UNIT_TEST, "--target-file", "a.py", "--quality-threshold", "7"), "quality_threshold"),
        ((*UNIT_TEST, "--target-file", "a.py", "--max-cost-usd", "lots"), "max_cost_usd"),
        ((*UNIT_TEST, "--target-file", "a.py", "--max-cost-usd", "-1"), "max_cost_usd"),
        ((*UNIT_TEST, "--target-file", "a.py", "--repo", "nowhere"), "nowhere"),
        (
            (*UNIT_TEST, "--target-file", "shop.py", "--repo", "repository", "--base", "no-such-branch"),
            "no-such-branch",
        ),
        ((*UNIT_TEST, "--target-file", "shop.py", "--repo", "repository", "--base=--upload-pack=x"), "base"),
        (("get-status", "--task-id", "t-000000000000"), "no task t-000000000000"),
        (("show-task", "t-000000000000"), "no task t-000000000000"),
        (("cancel-task", "t-000000000000"), "no task t-000000000000"),
        (("review", "t-000000000000"), "no task t-000000000000"),
        (("review", "t-000000000000", "--accept", "--reason", "fine"), "no task t-000000000000"),
        (("review", "--accept", "--reason", "fine"), "name the task"),
        (("review", "t-000000000000", "--accept"), "accept needs a reason"),
        (("review", "t-000000000000", "--accept", "--reason", " "), "accept needs a reason"),
        (("review", "t-000000000000", "--accept", "--give-up", "--reason", "x"), "choose one"),
        (("review", "t-000000000000", "--retry"), "either --hint or --model"),
        (("review", "t-000000000000", "--retry", "--hint", "x", "--model", "y"), "either --hint or --model"),
        (("review", "t-000000000000", "--retry", "--hint", ""), "retry_with_hint needs a hint"),
        (("review", "t-000000000000", "--hint", "x"), "go with --retry"),
        (("review", "t-000000000000", "--reason", "x"), "goes with --accept"),
        (("twin", "--scenario", "nowhere.json"), "nowhere.json"),
        ((*VERIFY, "--patch", "nowhere.patch"), "nowhere.patch"),
    ],
)
def test_says_what_is_wrong(cli: Cli, repository: Path, arguments: tuple[str, ...], says: str) -> None:
    result = cli(*arguments)
    assert says in " ".join(result.err.split())
    assert result.code == 2, result.err
    assert "Traceback" not in result.err + result.out


def test_a_wrong_setting_is_named(cli: Cli) -> None:
    result = cli("list-tasks", NIGHTCREW_WORKERS="many")
    assert (result.code, "workers" in result.err.lower()) == (2, True), result.err


def test_a_wrong_database_url_is_named_without_its_password(cli: Cli) -> None:
    result = cli("list-tasks", NIGHTCREW_DATABASE_URL="mysql://me:hunter2@localhost/x")
    assert result.code == 2
    assert "NIGHTCREW_DATABASE_URL" in result.err
    assert "hunter2" not in result.err + result.out


def test_no_key_replaces_a_stored_one_only_when_that_is_asked_for(cli: Cli, tmp_path: Path) -> None:
    stored = tmp_path / "home/secrets/account.json"
    assert cli("set-account", stdin="sk-or-v1-of-a-test-000000\n").code == 0
    before = stored.read_text()
    refused = cli("set-account", stdin="\n")
    assert refused.code == 2 and "--no-key" in refused.err and stored.read_text() == before
    assert cli("set-account", "--no-key", "--base-url", "http://127.0.0.1:9/v1").code == 0
    assert json.loads(stored.read_text()) == {"base_url": "http://127.0.0.1:9/v1", "api_key": None}


def test_an_unknown_price_is_asked_for_before_anything_is_stored(cli: Cli, repository: Path) -> None:
    work = {"task_type": "documentation", "target_file": "shop.py", "description": "Document it."}
    (repository / "batch.jsonl").write_text(json.dumps(work) + "\n")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in work.items()]
    address = {"NIGHTCREW_BASE_URL": "https://models.invalid/v1", "NIGHTCREW_MODELS": "own"}
    for command in (["submit-batch", "batch.jsonl"], ["do", *options]):
        result = cli(*command, cwd=repository, **address)
        assert (result.code, result.out) == (2, "")
        assert "NIGHTCREW_UNKNOWN_PRICE_USD_PER_MILLION" in result.err
    assert cli("list-tasks", "--json").json == []


def test_an_endpoint_without_a_model_is_refused_at_the_door_and_one_that_is_not_reached_is_not(
    cli: Cli, repository: Path
) -> None:
    work = {"task_type": "documentation", "target_file": "shop.py", "description": "Document it."}
    (repository / "batch.jsonl").write_text(json.dumps(work) + "\n")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in work.items()]
    with model_list(NOTHING) as url:
        for command in (["submit-task"], ["do"], ["submit-batch", "batch.jsonl"]):
            given = [] if "batch.jsonl" in command else options
            result = cli(*command, *given, cwd=repository, NIGHTCREW_BASE_URL=url)
            assert (result.code, result.out) == (2, ""), command
            assert "lists no models: name what it serves in NIGHTCREW_MODELS" in result.err.replace("\n", " ")
        assert cli("list-tasks", "--json").json == []
    accepted = cli("submit-task", *options, cwd=repository, NIGHTCREW_BASE_URL=url)
    assert accepted.code == 0, accepted.err
    assert [task["status"] for task in cli("list-tasks", "--json").json] == ["pending"]
