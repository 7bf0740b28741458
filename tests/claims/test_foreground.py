"""`nightcrew do`: one task in one process, without Prefect, with the same rules as in the crew's flow."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nightcrew.crew.processes import free_port
from nightcrew.errors import BadInput
from nightcrew.settings import load_settings
from nightcrew.task import TaskStatus
from nightcrew.work.crew import open_crew
from nightcrew.work.foreground import do_task
from nightcrew.work.obstacles import WaitKind
from nightcrew.work.outcome import NoModelLeft
from nightcrew.work.start import start_work
from nightcrew.work.steps import select_model
from tests.claims.line import CAPABLE, KEY, Line, make_repo
from tests.openrouter.catalogue.model_list import NOTHING, model_list

DOCUMENT = ("--task-type", "documentation", "--target-file", "pricing.py", "--description")
TESTS = ("--task-type", "unit_test", "--target-file", "auth.py", "--description")
NO_PREFECT = """
import sys
from nightcrew.cli.main import main
try:
    main()
finally:
    print("prefect" in sys.modules, file=sys.stderr)
"""


def run(line: Line, *words: str, code: str = "") -> "subprocess.CompletedProcess[str]":
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("NIGHTCREW_", "PREFECT_"))
    }
    env = clean | {
        "NIGHTCREW_HOME": str(line.settings.home),
        "NIGHTCREW_DATABASE_URL": str(line.settings.database_url),
        "NIGHTCREW_BASE_URL": line.settings.base_url,
        "NIGHTCREW_API_KEY": KEY,
    }
    program = ["-c", code] if code else ["-m", "nightcrew.cli"]
    return subprocess.run(
        [sys.executable, *program, *words], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def do(line: Line, *words: str, code: str = "") -> "subprocess.CompletedProcess[str]":
    plan = ("--executor", "direct", "--model", CAPABLE, "--max-attempts", "1")
    return run(line, "do", "--repo", str(line.repo), *plan, *words, code=code)


def test_a_task_is_done_recorded_and_shown_in_one_process_without_prefect(line: Line) -> None:
    done = do(line, *DOCUMENT, "Say in a sentence what price does.", code=NO_PREFECT)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr.split()[-1] == "False", "it imports no Prefect"
    assert "attempt 1: direct with twin/capable" in done.stdout and "verdict: accepted" in done.stdout
    (queued,) = [one for one in line.crew.queue.list() if one.task.description.startswith("Say in a sent")]
    assert queued.status is TaskStatus.COMPLETED and queued.flow_run_id is None
    assert str(queued.change_path) in done.stdout.replace("\n", "")
    recorded = line.query("SELECT status, attempts FROM tasks WHERE task_id = ?", queued.task_id)
    assert recorded == [{"status": "completed", "attempts": 1}]


def test_work_that_is_not_good_ends_with_the_exit_code_of_a_failure(line: Line) -> None:
    done = do(line, *TESTS, "Test it, whatever that means.", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["failure_reason"], found["change_path"]) == ("failed", "rejected", None)


def test_the_repository_is_fetched_once(line: Line, tmp_path: Path) -> None:
    """It is gone when the attempt begins; attempt and verdict work on copies of what the plan has read."""
    repo = make_repo(tmp_path / "repo")
    task = line.task(
        task_type="documentation",
        target_file="pricing.py",
        description="Say what price does, once.",
        repo=str(repo),
    )
    work = do_task(line.crew, task, report=lambda result: shutil.rmtree(repo, ignore_errors=True))
    assert not repo.exists() and work.queued.status is TaskStatus.COMPLETED, work.queued.detail
    assert not list(line.settings.work_dir.glob("base-*"))


def test_bad_input_is_one_sentence(line: Line) -> None:
    done = do(line, *DOCUMENT, "Say it.", "--max-cost-usd", "much")
    assert done.returncode == 2 and "max_cost_usd" in done.stderr and "Traceback" not in done.stderr


def test_a_task_that_waits_for_a_person_is_answered_without_a_crew(
    line: Line, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repo = make_repo(tmp_path_factory.mktemp("asking") / "repo")
    (repo / "nightcrew.toml").write_text('documentation = "person"\n')
    git = ["git", "-C", str(repo), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run([*git, "commit", "-aqm", "asks"], check=True)
    asked = do(line, *DOCUMENT, "Say what price does, please.", "--repo", str(repo), "--json")
    assert asked.returncode == 3, asked.stdout + asked.stderr
    task_id = json.loads(asked.stdout)["task_id"]
    answered = run(line, "review", task_id, "--accept", "--reason", "I read it", "--json")
    assert answered.returncode == 0, answered.stderr
    found: dict[str, Any] = json.loads(answered.stdout)
    assert (found["status"], found["verdict"]) == ("completed", "accepted by a person")
    assert (line.settings.results_dir / task_id / "change.patch").is_file()


def test_a_task_whose_process_was_killed_is_taken_up_and_one_in_the_crew_is_left_alone(line: Line) -> None:
    task = line.task(task_type="documentation", target_file="pricing.py", description="Describe price.")
    left = line.crew.queue.submit(task)
    line.crew.queue.update(left.task_id, status=TaskStatus.RUNNING, host="elsewhere", pid=1)
    work = do_task(line.crew, task)
    assert work.queued.status is TaskStatus.COMPLETED and work.task.task_id == left.task_id

    other = line.task(task_type="documentation", target_file="pricing.py", description="Describe it.")
    line.crew.queue.update(
        line.crew.queue.submit(other).task_id, status=TaskStatus.QUEUED, flow_run_id="a-run"
    )
    with pytest.raises(BadInput, match="submitted before"):
        do_task(line.crew, other)
    line.crew.queue.update(other.task_id, status=TaskStatus.CANCELLED)


def test_a_new_crew_without_a_network_waits_for_it(line: Line, tmp_path: Path, database_url: str) -> None:
    """It knows no model yet, and that is no reason to give up a task."""
    settings = load_settings(
        home=tmp_path / "home",
        database_url=database_url,
        base_url=f"http://127.0.0.1:{free_port(0)}/api/v1",
        api_key=KEY,
    )
    with open_crew(settings) as crew:
        task = line.task(task_type="documentation", target_file="pricing.py", description="Say it later.")
        work = start_work(crew, crew.queue.submit(task))
        select_model(work)
        work.close()
    assert work.wait is not None and work.wait.kind is WaitKind.PROVIDER
    assert "the provider cannot be reached" in work.wait.reason and "connect" in work.wait.reason


def test_a_new_crew_whose_endpoint_has_no_model_does_not_wait(
    line: Line, tmp_path: Path, database_url: str
) -> None:
    with model_list(NOTHING) as url:
        settings = load_settings(home=tmp_path / "home", database_url=database_url, base_url=url)
        with open_crew(settings) as crew:
            task = line.task(task_type="documentation", target_file="pricing.py", description="Say it now.")
            work = start_work(crew, crew.queue.submit(task))
            with pytest.raises(NoModelLeft, match="name what the endpoint serves in NIGHTCREW_MODELS"):
                select_model(work)
            work.close()
