"""Tasks outlive the process that handed them in: every command here is a process of its own."""

from decimal import Decimal
from pathlib import Path

from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.availability import budgets_of
from nightcrew.openrouter.books.budget import scopes_of
from nightcrew.openrouter.wire.credentials import account_name
from nightcrew.queue.state_store import StateStore, create_schema, utc_now
from nightcrew.settings import OPENROUTER_URL, Settings
from nightcrew.task import Task
from tests.cli.conftest import Cli

SUBMIT = (
    "submit-task",
    "--task-type",
    "unit_test",
    "--target-file",
    "shop.py",
    "--description",
    "Write tests",
)


def test_a_task_is_there_for_the_next_process(cli: Cli, repository: Path) -> None:
    result = cli(*SUBMIT, "--repo", str(repository), "--priority", "high", "--json")
    assert result.code == 0, result.err
    task_id = result.json["task_id"]
    assert result.json["new"] is True

    status = cli("get-status", "--task-id", task_id, "--json").json
    assert (status["status"], status["priority"], status["repo"]) == ("pending", "high", str(repository))
    assert [task["task_id"] for task in cli("list-tasks", "--json").json] == [task_id]
    stats = cli("queue-stats", "--json").json
    assert (stats["queues"]["high"]["pending"], stats["unfinished"], stats["bound"]) == (1, 1, 1000)
    assert "run-engine" in cli(*SUBMIT, "--repo", str(repository)).out


def test_the_same_task_is_not_queued_twice(cli: Cli, repository: Path) -> None:
    first = cli(*SUBMIT, "--repo", str(repository), "--json").json
    second = cli(*SUBMIT, "--repo", str(repository), "--json").json
    assert (second["task_id"], second["new"]) == (first["task_id"], False)


def test_a_full_queue_refuses_and_keeps_what_it_has(cli: Cli, repository: Path) -> None:
    full = {"NIGHTCREW_MAX_UNFINISHED_TASKS": "1"}
    assert cli(*SUBMIT, "--repo", str(repository), **full).code == 0
    result = cli(*SUBMIT[:-1], "Something else", "--repo", str(repository), **full)
    assert (result.code, "queue is full" in result.err) == (2, True)
    assert len(cli("list-tasks", "--json").json) == 1


def test_a_cancelled_task_stays_cancelled(cli: Cli, repository: Path) -> None:
    task_id = cli(*SUBMIT, "--repo", str(repository), "--json").json["task_id"]
    assert cli("cancel-task", task_id).code == 0
    assert cli("get-status", "--task-id", task_id, "--json").json["status"] == "cancelled"
    result = cli("cancel-task", task_id)
    assert (result.code, "has ended" in result.err) == (2, True)


def test_metrics_of_an_empty_ledger(cli: Cli) -> None:
    result = cli("metrics", "--json")
    assert result.code == 0, result.err
    assert (result.json["tasks"], result.json["calls"]) == (0, 0)


def test_what_does_not_wait_for_a_person_cannot_be_answered(cli: Cli, repository: Path) -> None:
    assert cli("review", "--json").json == []
    assert "No task waits" in cli("review").out
    task_id = cli(*SUBMIT, "--repo", str(repository), "--json").json["task_id"]
    result = cli("review", task_id, "--give-up")
    assert (result.code, "does not wait for a person: it is pending" in result.err) == (2, True), result.err


def test_a_batchs_budget_comes_with_its_tasks(cli: Cli, repository: Path) -> None:
    batch = ("--batch", "night-7", "--batch-cost-usd", "$1.50")
    result = cli(*SUBMIT, "--repo", str(repository), *batch, "--json")
    assert result.code == 0, result.err
    caps = budgets_of(Settings(), Task.model_validate({key: result.json[key] for key in Task.model_fields}))
    assert (caps.batch, caps.batch_usd) == ("night-7", Decimal("1.50"))
    assert scopes_of(caps, task_id="t", attempt_id="t:1", now=utc_now())["batch:night-7"] == Decimal("1.50")
    result = cli(*SUBMIT, "--repo", str(repository), "--batch-cost-usd", "1")
    assert (result.code, "needs batch" in result.err) == (2, True), result.err


def test_a_crew_that_stopped_itself_says_so_until_it_is_let_go_on(cli: Cli, database_url: str) -> None:
    assert "was not stopped" in cli("resume").out
    with StateStore(database_url) as store:
        create_schema(store)
        account = account_name(OPENROUTER_URL, None)
        stop_crew(store, account, fault="disk_full", message="no space is left on the disk of /home")
    found = cli("queue-stats")
    assert "no space is left" in found.out and "nightcrew resume" in found.out
    assert cli("queue-stats", "--json").json["stopped"]["fault"] == "disk_full"
    assert "no space is left" in cli("resume").out
    assert cli("queue-stats", "--json").json["stopped"] is None
