"""A watched repository in a running crew: a webhook lets it be looked at, once for each event."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from nightcrew.address import without_secret
from nightcrew.crew.schedules import remove, set_active
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.testing.github.twin import GitHubTwin
from nightcrew.testing.github.webhooks import signature
from nightcrew.watch import watched
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
        one = watched.add(crew.api, Watch(repo=repo), 59)
        set_active(crew.api, one, active=True)
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
        remove(crew.api, watched.find(crew.api, repo))
        assert send(crew, repo, secret, body + b" ") == 202 and len(runs(crew)) == 1
        (comment,) = issue.comments
        assert "a unit\\_test task needs the file" in comment.body or "unit_test" in comment.body
