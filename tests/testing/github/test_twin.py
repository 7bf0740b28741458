"""The twin speaks as GitHub does: its records are read with the models of GitHub's own description."""

import hashlib
import hmac
import json
import subprocess
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from nightcrew.testing.github.replies import Reply, secondary_limit
from nightcrew.testing.github.state import Access, Permission
from tests.execution.conftest import git
from tests.testing.github.conftest import Place

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from githubkit_schemas.v2026_03_10 import models


def read(model: Any, answer: httpx.Response) -> Any:
    """The answer, read with a model of GitHub's description."""
    assert answer.is_success, answer.text
    return TypeAdapter(model).validate_python(answer.json())


def test_its_records_are_those_of_githubs_description(place: Place) -> None:
    commit = place.push("topic")
    issue = place.made("/issues", title="Prices", body="They are wrong.", labels=["nightcrew"])["number"]
    pull = place.made("/pulls", title="Mend", head="topic", base="main", body=f"Closes #{issue}")["number"]
    read(models.FullRepository, place.call("GET", ""))
    read(models.Issue, place.call("GET", f"/issues/{issue}"))
    assert len(read(list[models.Issue], place.call("GET", "/issues?state=all"))) == 2
    found = read(models.PullRequest, place.call("GET", f"/pulls/{pull}"))
    assert (found.head.sha, found.mergeable, found.commits, found.additions) == (commit, True, 1, 1)
    read(list[models.PullRequestSimple], place.call("GET", "/pulls?head=octo:topic"))
    comment = read(models.IssueComment, place.call("POST", f"/issues/{issue}/comments", {"body": "hello"}))
    edited = place.call("PATCH", f"/issues/comments/{comment.id}", {"body": "edited"})
    assert read(models.IssueComment, edited).body == "edited"
    read(list[models.Label], place.call("POST", f"/issues/{pull}/labels", {"labels": ["bot"]}))
    review = place.call("POST", f"/pulls/{pull}/reviews", {"event": "COMMENT", "body": "why?"})
    read(models.PullRequestReview, review)
    read(models.Status, place.call("POST", f"/statuses/{commit}", {"state": "success"}))
    assert read(models.CombinedCommitStatus, place.call("GET", "/commits/topic/status")).state == "success"
    check = {"name": "tests", "head_sha": commit, "conclusion": "failure"}
    read(models.CheckRun, place.call("POST", "/check-runs", check))
    assert place.call("GET", f"/commits/{commit}/check-runs").json()["total_count"] == 1
    read(models.GitRef, place.call("GET", "/git/ref/heads/topic"))
    read(models.PublicUser, place.client.get("user"))
    read(models.RateLimitOverview, place.client.get("rate_limit"))
    hook = {"config": {"url": "http://127.0.0.1:1/", "secret": "s"}, "events": ["release"]}
    assert read(models.Hook, place.call("POST", "/hooks", hook)).config.secret == "********"


def test_what_a_watcher_reads_is_as_in_githubs_description_too(place: Place) -> None:
    commit = place.push("topic")
    issue = place.made("/issues", title="Prices", labels=["nightcrew"])["number"]
    pull = place.made("/pulls", title="Mend", head="topic", base="main")["number"]
    role = place.call("GET", "/collaborators/octo/permission")
    assert read(models.RepositoryCollaboratorPermission, role).permission == "admin"
    (event,) = read(list[models.IssueEvent], place.call("GET", f"/issues/{issue}/events"))
    assert (event.event, event.label.name) == ("labeled", "nightcrew")
    commits = read(list[models.Commit], place.call("GET", "/commits?sha=topic"))
    assert (commits[0].sha, len(commits)) == (commit, 2)
    line = {"path": "new.txt", "line": 1, "body": "why?"}
    place.made(f"/pulls/{pull}/reviews", event="COMMENT", comments=[line])
    (remark,) = read(list[models.PullRequestReviewComment], place.call("GET", f"/pulls/{pull}/comments"))
    assert (remark.line, remark.path) == (1, "new.txt")
    place.made("/check-runs", name="tests", head_sha=commit, status="in_progress")
    checks = place.call("GET", f"/commits/{commit}/check-runs").json()["check_runs"]
    (check,) = TypeAdapter(list[models.CheckRun]).validate_python(checks)
    assert check.status == "in_progress"
    read(list[models.PullRequestReview], place.call("GET", f"/pulls/{pull}/reviews"))
    read(list[models.IssueComment], place.call("GET", "/issues/comments"))
    merged = place.call("PUT", f"/pulls/{pull}/merge")
    assert read(models.PullRequestMergeResult, merged).merged


def test_a_merged_pull_request_closes_the_issue_that_it_names(place: Place) -> None:
    place.push("topic")
    issue = place.made("/issues", title="Prices")["number"]
    pull = place.made("/pulls", title="Mend", head="topic", base="main", body=f"Closes #{issue}")["number"]
    merged = place.call("PUT", f"/pulls/{pull}/merge").json()
    assert place.repository.commit_of("main") == merged["sha"]
    assert place.call("GET", f"/issues/{issue}").json()["state"] == "closed"
    assert place.call("GET", f"/pulls/{pull}").json()["merged"] is True
    assert place.call("PUT", f"/pulls/{pull}/merge").status_code == 405


def test_two_changes_of_the_same_line_cannot_be_merged_one_after_the_other(place: Place) -> None:
    numbers = []
    for price in (2, 3):
        place.push(f"p{price}", "shop.py", f"price = {price}\n")
        numbers.append(place.made("/pulls", title="Price", head=f"p{price}", base="main")["number"])
    assert place.call("PUT", f"/pulls/{numbers[0]}/merge").status_code == 200
    assert place.call("GET", f"/pulls/{numbers[1]}").json()["mergeable"] is False
    assert place.call("PUT", f"/pulls/{numbers[1]}/merge").status_code == 405


def test_a_list_has_pages_with_links(place: Place) -> None:
    for number in range(5):
        place.made("/issues", title=f"Issue {number}")
    seen, answer = [], place.call("GET", "/issues?per_page=2&direction=asc")
    while True:
        seen += [one["number"] for one in answer.json()]
        if "next" not in answer.links:
            break
        answer = place.client.get(answer.links["next"]["url"])
    assert seen == [1, 2, 3, 4, 5]
    assert set(answer.links) == {"prev", "first"}


def test_a_page_that_the_client_has_costs_no_call(place: Place) -> None:
    first = place.call("GET", "/issues")
    again = place.call("GET", "/issues", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"]
    place.made("/issues", title="New")
    assert place.call("GET", "/issues", **{"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/issues/99", None, 404, "Not Found"),
        ("GET", "/nothing", None, 404, "Not Found"),
        ("POST", "/issues", {}, 422, "missing_field"),
        ("POST", "/pulls", {"title": "x", "head": "gone", "base": "main"}, 422, '"field":"head"'),
        ("POST", "/pulls", {"title": "x", "head": "main", "base": "main"}, 422, "No commits between"),
        ("POST", "/issues", ["x"], 400, "Body should be a JSON object"),
        ("PUT", "/pulls/99/merge", None, 404, "Not Found"),
    ],
)
def test_what_it_refuses(place: Place, method: str, path: str, body: object, status: int, words: str) -> None:
    answer = place.call(method, path, body)
    assert answer.status_code == status
    assert answer.json()["status"] == str(status)
    assert words in json.dumps(answer.json(), separators=(",", ":")) or words in answer.text


def test_a_second_pull_request_for_a_branch_is_refused(place: Place) -> None:
    place.push("topic")
    wanted = {"title": "Mend", "head": "octo:topic", "base": "main"}
    assert place.call("POST", "/pulls", wanted).status_code == 201
    again = place.call("POST", "/pulls", wanted)
    assert again.json()["errors"][0]["message"] == "A pull request already exists for octo:topic."


def test_tokens(place: Place) -> None:
    place.twin.hub.give_token("reader", "ada", {Permission.ISSUES: Access.READ})
    reader = {"Authorization": "Bearer reader"}
    assert place.call("GET", "/issues", **reader).status_code == 200
    refused = place.call("POST", "/issues", {"title": "x"}, **reader)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Resource not accessible by personal access token",
    )
    place.twin.hub.revoke("reader")
    assert place.call("GET", "/issues", **reader).json()["message"] == "Bad credentials"
    assert httpx.get(f"{place.twin.base_url}/user").status_code == 401


def test_limits(place: Place) -> None:
    hub = place.twin.hub
    before, hub.calls_per_hour = hub.calls_per_hour, hub.calls_used + 1
    try:
        assert place.call("GET", "").headers["x-ratelimit-remaining"] == "0"
        refused = place.call("GET", "")
        assert place.client.get("rate_limit").json()["rate"]["remaining"] == 0
    finally:
        hub.calls_per_hour = before
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(refused.headers["x-ratelimit-reset"]) == hub.reset_at
    replies: list[Reply | None] = [secondary_limit(7), None]
    place.twin.github.before("GET", f"{place.repository.name}$", lambda: replies.pop(0))
    assert place.call("GET", "").headers["retry-after"] == "7"
    assert place.call("GET", "").status_code == 200


def test_a_renamed_repository_is_found_under_its_old_name(place: Place, tmp_path: Path) -> None:
    old, address = place.path, place.address
    place.twin.hub.rename(place.repository, f"{place.repository.name}-new")
    moved = place.client.get(old)
    assert moved.status_code == 301
    assert place.client.get(moved.headers["location"]).json()["full_name"] == place.repository.full_name
    posted = place.client.post(f"{old}/issues", json={"title": "x"})
    assert posted.status_code == 307
    assert place.client.post(posted.headers["location"], json={"title": "x"}).status_code == 201
    git(tmp_path, "clone", "--quiet", address, "clone")
    assert (tmp_path / "clone" / "shop.py").read_text() == "price = 1\n"


def test_a_protected_branch_takes_no_push(place: Place) -> None:
    place.repository.protect("refs/heads/main")
    before = place.repository.commit_of("main")
    git(place.local, "commit", "--quiet", "--allow-empty", "--message", "more")
    pushed = subprocess.run(
        ["git", "push", place.address, "HEAD:main"], cwd=place.local, capture_output=True, text=True
    )
    assert pushed.returncode != 0
    assert "GH006: Protected branch update failed for refs/heads/main." in pushed.stderr
    assert place.repository.commit_of("main") == before


@pytest.mark.parametrize("login", ["x:wrong@", ""])
def test_who_may_not_push(place: Place, login: str) -> None:
    address = place.twin.address(place.repository).replace("//", f"//{login}")
    pushed = subprocess.run(
        ["git", "-c", "credential.helper=", "push", address, "main:other"],
        cwd=place.local, capture_output=True, env={"GIT_TERMINAL_PROMPT": "0", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert pushed.returncode != 0
    assert place.repository.commit_of("other") is None


def test_webhooks_are_signed(place: Place) -> None:
    heard: list[tuple[dict[str, str], bytes]] = []
    arrived = threading.Event()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        config = {"url": f"http://127.0.0.1:{server.server_port}/hook", "secret": "a secret"}
        place.made("/hooks", config=config, events=["issues"])
        place.made("/issues", title="Heard")
        assert arrived.wait(10)
    headers, body = heard[0]
    wanted = hmac.new(b"a secret", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={wanted}"
    assert (headers["X-GitHub-Event"], json.loads(body)["action"]) == ("issues", "opened")
    assert json.loads(body)["issue"]["title"] == "Heard"
