"""Accepted changes become branches: from submission to branch, through commits that get in the way."""

import json
import subprocess
from pathlib import Path

import pytest

from nightcrew.queue.delivery import DeliveryStatus
from nightcrew.settings import DeliveryKind
from nightcrew.task import TaskStatus
from nightcrew.work.delivering import deliver
from nightcrew.work.foreground import do_task
from nightcrew.work.start import start_work
from nightcrew.work.steps import execute, record, select_model, validate
from nightcrew.work.work import Work
from tests.claims.line import DOCUMENTED, Line, make_repo
from tests.claims.test_foreground import run
from tests.execution.conftest import commit_all, git

DOCUMENT = {"task_type": "documentation", "target_file": "pricing.py"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo")


def branches(repo: Path) -> list[str]:
    return git(repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/nightcrew").split()


def accepted(line: Line, repo: Path, **values: object) -> Work:
    """A task whose change is accepted and waits for its delivery."""
    fields = {**DOCUMENT, "repo": str(repo), "deliver": "branch", "max_attempts": 2, **values}
    work = start_work(line.crew, line.crew.queue.submit(line.task(**fields)))
    attempt(work)
    assert work.accepted is not None and work.outcome is None
    return work


def attempt(work: Work) -> None:
    tried = execute(work, select_model(work))
    record(work, tried, validate(work, tried))


def test_the_repositorys_own_setting_makes_a_branch_and_everyone_can_see_it(line: Line, repo: Path) -> None:
    with (repo / "nightcrew.toml").open("a") as file:
        file.write('deliver = "branch"\n')
    head = commit_all(repo, "docs: say where")
    before = (repo / ".git" / "HEAD").read_text(), (repo / ".git" / "index").read_bytes()
    work = do_task(
        line.crew, line.task(**DOCUMENT, repo=str(repo), description="Say what price does, in short.")
    )
    assert work.outcome is not None and work.outcome.status is TaskStatus.COMPLETED
    (branch,) = branches(repo)
    assert branch == f"nightcrew/{work.task.task_id}-say-what-price-does-in-short"
    assert git(repo, "rev-parse", f"{branch}^") == head
    assert git(repo, "show", f"{branch}:pricing.py") == DOCUMENTED.strip()
    assert ((repo / ".git" / "HEAD").read_text(), (repo / ".git" / "index").read_bytes()) == before
    message = git(repo, "log", "-1", "--format=%B", branch)
    for trailer in (
        "Nightcrew-Model: twin/capable",
        "Nightcrew-Verdict: accepted, score 0.",
        "Nightcrew-Cost: 0.",
    ):
        assert trailer in message, message
    queued = line.crew.queue.get(work.task.task_id)
    assert queued.delivery is not None and queued.delivery.branch == branch
    shown = run(line, "show-task", work.task.task_id).stdout
    assert f"delivered as branch {branch}" in shown.replace("\n", " ").replace("  ", " ")
    assert "delivered" in run(line, "list-tasks").stdout
    rows = line.query("SELECT status, branch FROM deliveries WHERE task_id = ?", work.task.task_id)
    assert rows == [{"status": "delivered", "branch": branch}]


def test_a_conflict_goes_back_to_the_model_and_its_next_change_is_delivered(line: Line, repo: Path) -> None:
    work = accepted(line, repo, description="Say what price costs, please.")
    text = (repo / "pricing.py").read_text()
    (repo / "pricing.py").write_text(text.replace("-> float:\n", "-> float:\n\n"))
    newest = commit_all(repo)
    deliver(work)
    assert work.accepted is None and work.outcome is None and branches(repo) == []
    assert "does not fit" in work.feedback and work.queued.commit == newest
    again = start_work(line.crew, line.crew.queue.get(work.task.task_id))  # as another process goes on
    assert again.accepted is None and again.outcome is None and "does not fit" in again.feedback
    attempt(again)
    deliver(again)
    assert again.outcome is not None and again.outcome.status is TaskStatus.COMPLETED
    (branch,) = branches(repo)
    assert git(repo, "rev-parse", f"{branch}^") == newest


def test_without_another_attempt_a_person_is_asked_and_the_change_is_kept(line: Line, repo: Path) -> None:
    work = accepted(line, repo, description="Say what price means.", max_attempts=1)
    (repo / "pricing.py").write_text("def price() -> None:\n    pass\n")
    commit_all(repo)
    deliver(work)
    assert work.question is not None and "does not fit the newest commit" in work.question
    assert work.outcome is None and branches(repo) == []


def test_a_verdict_against_the_change_on_the_newest_base_stops_it(line: Line, repo: Path) -> None:
    """The change still fits, line by line; only judging it again tells that its text is wrong by now."""
    work = accepted(line, repo, description="Say what price is for.", max_attempts=1)
    text = (repo / "pricing.py").read_text()
    (repo / "pricing.py").write_text(text.replace("pieces * each * 0.9", "pieces * each *"))
    commit_all(repo)
    deliver(work)
    assert branches(repo) == [] and work.question is not None
    assert "judged again on the newest commit" in work.question


def test_what_cannot_be_delivered_is_kept_and_can_be_applied_later(line: Line, repo: Path) -> None:
    work = accepted(line, repo, description="Say what a price is.")
    git(repo, "branch", "nightcrew")
    deliver(work)
    queued = line.crew.queue.get(work.task.task_id)
    assert queued.status is TaskStatus.COMPLETED and queued.delivery is not None
    assert queued.delivery.status is DeliveryStatus.NOT_DELIVERED
    assert "not delivered" in queued.detail and queued.change_path
    git(repo, "branch", "-D", "nightcrew")
    for _ in "ab":
        done = run(line, "apply", queued.task_id, "--branch")
        assert done.returncode == 0, done.stderr
    assert len(branches(repo)) == 1


def test_a_repository_that_is_gone_costs_no_accepted_change(line: Line, repo: Path) -> None:
    with (repo / "nightcrew.toml").open("a") as file:
        file.write('deliver = "branch"\n')
    commit_all(repo)
    work = accepted(line, repo, description="Say how a price is.", deliver=None)
    work.close()
    repo.rename(repo.with_name("elsewhere"))
    again = start_work(line.crew, line.crew.queue.get(work.task.task_id))
    assert again.outcome is not None and again.outcome.status is TaskStatus.COMPLETED
    assert again.queued.change_path and again.queued.delivery is None


def test_changes_are_applied_to_the_checkout(line: Line, repo: Path) -> None:
    task = line.task(**DOCUMENT, repo=str(repo), description="Say how price is made up.")
    assert task.deliver is None and line.settings.deliver is DeliveryKind.PATCH
    work = do_task(line.crew, task)
    assert branches(repo) == [] and line.crew.queue.get(task.task_id).delivery is None
    done = run(line, "apply", "--all", "--since", "yesterday", "--json")
    found = {one["task_id"]: one for one in json.loads(done.stdout)}
    assert found[work.task.task_id]["done"] and (repo / "pricing.py").read_text() == DOCUMENTED
    subprocess.run(["git", "diff", "--quiet", "--cached"], cwd=repo, check=True)
    (repo / "pricing.py").write_text("mine = 1\n")
    refused = run(line, "apply", work.task.task_id)
    assert refused.returncode == 1 and len(refused.stderr.strip().splitlines()) <= 3
    assert "commit or stash your own changes" in " ".join(refused.stderr.split())
    assert (repo / "pricing.py").read_text() == "mine = 1\n"


@pytest.mark.parametrize(
    "words", [(), ("t-1", "--all"), ("t-1", "--since", "today"), ("--all", "--since", "soon"), ("t-nothing",)]
)
def test_apply_says_what_is_wrong_with_its_words(line: Line, words: tuple[str, ...]) -> None:
    refused = run(line, "apply", *words)
    assert refused.returncode == 2 and refused.stderr.strip() and "Traceback" not in refused.stderr
