"""A watched repository in a running crew: a webhook lets it be looked at, once for each event."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nightcrew.address import without_secret
from nightcrew.crew.dispatch import open_queue
from nightcrew.crew.schedules import remove, set_active
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.ledger.ledger import Ledger
from nightcrew.queue.task_table import QueuedTask
from nightcrew.task import TaskStatus
from nightcrew.testing.github.state import Repository
from nightcrew.testing.github.twin import GitHubTwin
from nightcrew.testing.github.webhooks import signature
from nightcrew.watch import watched
from nightcrew.watch.look import look
from nightcrew.watch.terms import Watch, hook_key
from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows


def send(crew: RunningCrew, repo: str, secret: str, body: bytes) -> int:
    headers = {"X-GitHub-Event": "issues", "X-Hub-Signature-256": signature(secret, body)}
    url = f"{crew.status.ui_url}{watched.HOOKS}{hook_key(repo)}"
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def runs(crew: RunningCrew) -> list[dict[str, Any]]:
    query = {"flows": {"name": {"any_": ["watch-repository"]}}, "flow_runs": {"tags": {"all_": ["webhook"]}}}
    return list(crew.api.post("/flow_runs/filter", query))


def test_an_event_lets_the_crew_look_once_and_a_forged_one_never(crew: RunningCrew, tmp_path: Path) -> None:
    with GitHubTwin(tmp_path) as github:
        github.hub.give_token("ghp_flow", "octo")
        repository = github.hub.create("octo/shop")
        repo, credential = without_secret(github.address(repository, "ghp_flow"))
        assert credential is not None
        Credentials(crew.settings.credentials_dir).keep(repo, credential)
        one = watched.add(crew.settings, crew.api, Watch(repo=repo), 59)
        set_active(crew.settings, crew.api, one, active=True)
        secret = watched.make_hook_secret(crew.settings, repo).get_secret_value()
        issue = github.hub.add_issue(repository, "octo", "Test it", labels=("nightcrew", "tests"))
        body = json.dumps({"action": "labeled"}).encode()
        assert send(crew, repo, "forged", body) == 401
        assert [send(crew, repo, secret, body) for _ in range(3)] == [202, 202, 202]
        deadline = time.monotonic() + 90
        while not issue.comments:
            assert time.monotonic() < deadline, [run["state"] for run in runs(crew)]
            time.sleep(0.5)
        assert len(runs(crew)) == 1
        remove(crew.settings, crew.api, watched.find(crew.api, repo))
        assert send(crew, repo, secret, body + b" ") == 202 and len(runs(crew)) == 1
        (comment,) = issue.comments
        assert "a unit\\_test task needs the file" in comment.body or "unit_test" in comment.body


def test_an_issue_becomes_a_merged_pull_request_and_a_review_is_answered_on_the_way(
    crew: RunningCrew, tmp_path: Path
) -> None:
    """The crew looks again and again; between two looks, people do what they do on GitHub."""
    with GitHubTwin(tmp_path) as github:
        github.hub.give_token("ghp_loop", "octo")
        github.hub.give_token("ghp_mate", "mate")
        repository = github.hub.create("octo/prices")
        repository.collaborators["mate"] = "write"
        address = github.address(repository, "ghp_loop")
        subprocess.run(["git", "-C", str(crew.repo), "push", "-q", address, "HEAD:main"], check=True)
        repo, credential = without_secret(address)
        assert credential is not None
        Credentials(crew.settings.credentials_dir).keep(repo, credential)
        watch = Watch(repo=repo, max_cost_usd=Decimal("0.5"))
        text = "/nightcrew documentation pricing.py"
        issue = github.hub.add_issue(repository, "octo", "Document the price", text, labels=("nightcrew",))

        def looked(seen: str, seconds: float = 400) -> str:  # one of the models is slow
            deadline = time.monotonic() + seconds
            while seen not in (body := (look(crew.settings, watch), issue.comments[-1].body)[1]):
                assert time.monotonic() < deadline, body
                time.sleep(1)
            return body

        looked("see pull request #2")
        assert "a tenth cheaper" in branch_text(repository)
        token = {"Authorization": "Bearer ghp_mate", "Content-Type": "application/json"}
        api = f"{github.base_url}/repos/octo/prices/pulls/2"
        review = {"event": "REQUEST_CHANGES", "body": "Say what happens at ten."}
        ask("POST", f"{api}/reviews", review, token)
        looked("round 1")
        looked("see pull request #2")
        assert "from ten on" in branch_text(repository)
        merged = ask("PUT", f"{api}/merge", {}, token)
        assert looked("which was merged") and issue.state == "closed" and merged["merged"]
        assert len(issue.comments) == 1 and len(repository.issues) == 2
        (queued,) = tasks_of(crew, repo)
        assert queued.status is TaskStatus.COMPLETED
        assert queued.attempts >= 2  # a lazy model may be tried first, in either round
        assert "from ten on" in queued.read_change()
        with Ledger(crew.settings.ledger_dir) as ledger:
            (row,) = ledger.query("SELECT merged, rounds FROM merged_changes WHERE merged > 0")
        assert tuple(row.values()) == (1, 1)


def branch_text(repository: Repository) -> str:
    shown = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)", "refs/heads/nightcrew"],
        cwd=repository.git_dir, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    (name,) = shown
    return subprocess.run(
        ["git", "show", f"{name}:pricing.py"],
        cwd=repository.git_dir, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def ask(method: str, url: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def tasks_of(crew: RunningCrew, repo: str) -> list[QueuedTask]:
    with open_queue(crew.settings) as queue:
        return list(queue.list(repo=repo))
