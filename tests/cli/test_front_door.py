"""What a newcomer sees first: the commands, a task from a folder of the repository, an interruption."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightcrew.settings import load_settings
from tests.cli.conftest import Cli

UNIT_TEST = ("submit-task", "--task-type", "unit_test", "--description", "write tests for all of it")


def test_without_a_command_the_commands_are_listed_and_nothing_is_wrong(cli: Cli) -> None:
    result = cli()
    assert (result.code, result.err) == (0, "")
    assert "submit-task" in result.out


def test_a_task_can_be_submitted_in_a_folder_of_the_repository(cli: Cli, repository: Path) -> None:
    folder = repository / "part"
    folder.mkdir()
    (folder / "cart.py").write_text("x = 1\n")
    commit = ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "-qm", "second")
    for words in (("add", "-A"), commit):
        subprocess.run(["git", "-C", str(repository), *words], check=True)
    inside = cli(*UNIT_TEST, "--target-file", "cart.py", "--json", cwd=folder).json
    assert (inside["repo"], inside["target_file"]) == (str(repository.resolve()), "part/cart.py")
    from_root = cli(*UNIT_TEST, "--target-file", "part/cart.py", "--json", cwd=folder).json
    assert (from_root["task_id"], from_root["new"]) == (inside["task_id"], False)
    listed = cli("list-tasks").out
    assert "repository: part/cart.py" in listed
    assert "write tests for all of it" in listed


def test_an_id_can_be_an_argument_or_an_option(cli: Cli, repository: Path) -> None:
    task = cli(*UNIT_TEST, "--target-file", "shop.py", "--json", cwd=repository).json["task_id"]
    for command in ("get-status", "show-task", "cancel-task"):
        assert cli(command).code == 2
        assert cli(command, task, "--task-id", task).code == 2
    assert cli("get-status", task).out == cli("get-status", "--task-id", task).out
    assert cli("show-task", "--task-id", task, "--json").json["task_id"] == task
    assert cli("cancel-task", "--task-id", task, "--json").json["status"] == "cancelled"


def test_an_interrupted_wait_says_that_the_task_goes_on(
    cli: Cli, repository: Path, tmp_path: Path, database_url: str
) -> None:
    words = [*UNIT_TEST, "--target-file", "shop.py", "--wait"]
    known = {"NIGHTCREW_HOME": str(tmp_path / "home"), "NIGHTCREW_DATABASE_URL": database_url}
    # A test run in the background has SIGINT ignored, and so would its children.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('nightcrew.cli', run_name='__main__')"
    )
    waiting = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=repository,
        env=os.environ | known,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (listed := cli("list-tasks", "--json").json):
        time.sleep(0.1)
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    _, complaint = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert f"{listed[0]['task_id']} goes on without you" in " ".join(complaint.split())


def test_init_says_that_only_what_is_committed_counts(cli: Cli, repository: Path) -> None:
    assert "commit it" in " ".join(cli("init", cwd=repository).out.split())


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("OPENHANDS_MODEL", "NIGHTCREW_MODELS, a list, or --model of a task"),
        ("OPENHANDS_WORKSPACE_ROOT", "NIGHTCREW_HOME"),
        ("OPENHANDS_TIMEOUT", "NIGHTCREW_ATTEMPT_SECONDS, or --max-seconds of a task"),
        ("OPENHANDS_ENABLE_CIRCUIT_BREAKER", "nothing: models that fail always rest for a while"),
    ],
)
def test_a_variable_of_the_original_is_answered_with_what_took_its_place(name: str, instead: str) -> None:
    code = "import sys; sys.argv = ['nightcrew', 'select-model', '--help']; "
    run = code + "from nightcrew.cli.entry import main; main()"
    env = os.environ | {name: "true"}
    done = subprocess.run([sys.executable, "-c", run], env=env, capture_output=True, text=True, timeout=60)
    assert f"{name} is not read; instead of it there is {instead}." in " ".join(done.stderr.split())


def test_the_originals_choice_of_docker_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, kind in (("true", "docker"), ("false", "bubblewrap")):
        monkeypatch.setenv("OPENHANDS_USE_DOCKER_RUNTIME", value)
        monkeypatch.delenv("NIGHTCREW_SANDBOX", raising=False)
        assert str(load_settings().sandbox) == kind


def test_the_target_of_a_task_means_the_same_for_every_type(cli: Cli) -> None:
    shown = " ".join(cli("submit-task", "--help").out.split())
    assert "The file the task is about, relative to the repository's root." in shown


def test_a_shell_completes_the_names_of_commands(cli: Cli) -> None:
    asked = {"_NIGHTCREW_COMPLETE": "complete_bash", "COMP_WORDS": "nightcrew submit-", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['nightcrew']; from nightcrew.cli.entry import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["submit-task", "submit-batch"], done.stderr
    assert cli("--version").out.startswith("nightcrew ")
