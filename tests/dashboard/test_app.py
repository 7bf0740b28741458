"""The application: who may see it, what it answers, and that it shows what the store and the ledger have."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nightcrew.crew.api_access import make_password
from nightcrew.dashboard.app import dashboard, is_ours
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskStatus
from tests.conftest import fresh_database
from tests.dashboard.test_prometheus import samples
from tests.ledger.story import record_night, task

PAGES = ("/nightcrew/", "/nightcrew/tasks", "/nightcrew/tasks/t-tests", "/nightcrew/style.css", "/metrics")


@pytest.fixture(scope="module")
def settings(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A crew with one running task, one that waits, and the ledger of a night."""
    with fresh_database(postgres_url) as url:
        settings = Settings(home=tmp_path_factory.mktemp("home"), database_url=url)
        with StateStore(url) as store:
            create_schema(store)
            queue = TaskQueue(store, 100, admit=lambda _: "a" * 40)
            queue.submit(_of_shop("t-tests", "count the <b>eggs</b>"))
            queue.submit(_of_shop("t-waits", "wait"))
            queue.update("t-tests", status=TaskStatus.RUNNING, detail="it runs")
        record_night(settings.ledger_dir)
        yield settings


@pytest.fixture(scope="module")
def client(settings: Settings) -> TestClient:
    user, _, password = make_password(settings.home).partition(":")
    client = TestClient(dashboard(settings), base_url="http://127.0.0.1:4257")
    client.auth = (user, password)
    overview(client)
    return client


def overview(client: TestClient) -> str:
    """The first page, once the ledger was read."""
    deadline = time.monotonic() + 60
    while True:
        page = str(client.get("/nightcrew/").text)
        if "data-soon" not in page:
            return page
        assert time.monotonic() < deadline


def _of_shop(task_id: str, description: str) -> Task:
    return task(task_id).model_copy(update={"description": description})


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "header", [None, "Basic", "Basic bmlnaHRjcmV3Og==", "Basic %%", "Bearer x", "Basic é"]
)
def test_nobody_sees_anything_without_the_password(settings: Settings, path: str, header: str | None) -> None:
    anonymous = TestClient(dashboard(settings))
    answer = anonymous.get(path, headers={} if header is None else {"Authorization": header.encode()})
    assert answer.status_code == 401 and "eggs" not in answer.text
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_before_a_crew_has_a_password_nobody_gets_in(tmp_path: Path) -> None:
    assert TestClient(dashboard(Settings(home=tmp_path))).get("/metrics", auth=("", "")).status_code == 401


@pytest.mark.parametrize("path", PAGES)
def test_every_page_only_reads_and_runs_only_our_own_script(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert client.post(path).status_code == 405
    if path != "/metrics":
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_overview_shows_what_runs_and_what_waits(client: TestClient) -> None:
    page = overview(client)
    assert "count the &lt;b&gt;eggs&lt;/b&gt;" in page
    running, _, waiting = page.partition("<h3>Waiting</h3>")
    assert "t-tests" in running and "t-waits" in waiting
    assert "<dt>Free calls left today</dt>" in page and "<dt>Unfinished tasks</dt><dd>2</dd>" in page


def test_a_list_shows_a_repository_a_status_or_a_batch(client: TestClient) -> None:
    assert "t-waits" in client.get("/nightcrew/tasks", params={"repo": "https://example.org/shop.git"}).text
    assert "t-waits" not in client.get("/nightcrew/tasks", params={"status": "running"}).text
    assert "There are no such tasks" in client.get("/nightcrew/tasks", params={"batch": "none"}).text
    wrong = client.get("/nightcrew/tasks", params={"status": "<i>"})
    assert wrong.status_code == 404 and "there is no status &lt;i&gt;" in wrong.text


def test_a_story_has_the_calls_and_the_plans(client: TestClient) -> None:
    page = client.get("/nightcrew/tasks/t-tests").text
    assert "maker/lazy" in page and "maker/good" in page and "429" in page
    missing = client.get("/nightcrew/tasks/%3Cscript%3E")
    assert missing.status_code == 404 and "there is no task &lt;script&gt;" in missing.text


def test_metrics_tell_the_state_of_the_crew(client: TestClient) -> None:
    found = samples(client.get("/metrics").content)
    tasks = {
        labels["status"]: value
        for labels, value in found["nightcrew_tasks"]
        if labels["priority"] == "normal"
    }
    assert (tasks["running"], tasks["pending"]) == (1, 1)
    assert found["nightcrew_stopped"] == [({}, 0.0)] and found["nightcrew_store_up"] == [({}, 1.0)]
    assert found["nightcrew_free_calls_left"] == [({"window": "minute"}, 20.0), ({"window": "day"}, 50.0)]
    assert found["nightcrew_outbox_facts"][0][1] > 0


def test_a_database_that_is_gone_is_reported_and_the_ledger_still_shown(
    settings: Settings, client: TestClient
) -> None:
    gone = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    visitor = TestClient(dashboard(gone))
    visitor.auth = client.auth
    assert visitor.get("/metrics").status_code == 200
    page = overview(visitor)
    assert "The database cannot be reached" in page and "of 6 attempts at 6 tasks" in page
    assert visitor.get("/nightcrew/tasks/t-tests").status_code == 503


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/nightcrew", True),
        ("/nightcrew/tasks", True),
        ("/metrics", True),
        ("/", False),
        ("/nightcrews", False),
        ("/api/metrics", False),
        ("/dashboard", False),
    ],
)
def test_all_other_paths_are_prefects(path: str, ours: bool) -> None:
    assert is_ours(path) is ours
