"""Each act of the crew and of a person leaves its line in the audit log, and no secret in it."""

import json
import logging
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nightcrew.address import Credential
from nightcrew.crew.dispatch import open_queue
from nightcrew.crew.prefect_api import PrefectApi
from nightcrew.crew.schedules import Recurring, remove, set_active
from nightcrew.crew.stop import resume
from nightcrew.crew.storage.acts import apply_change, keep_credential, note_start, note_stop
from nightcrew.errors import Transient
from nightcrew.openrouter.books.account import stop_crew
from nightcrew.openrouter.books.availability import account_of
from nightcrew.queue.audit.line import Act
from nightcrew.queue.audit.log import entries
from nightcrew.queue.audit.verification import verify
from nightcrew.queue.deliveries import Deliveries
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.queue.reviews import Answer, Choice, Reviews
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.queue.task_table import QueuedTask
from nightcrew.settings import Settings, load_settings
from nightcrew.task import TaskStatus
from tests.flows.builders import a_task
from tests.flows.conftest import make_repo

KEY = "sk-or-v1-of-a-test-000000"
TOKEN = "ghp_" + "a1B2" * 9
PATCH = (
    "diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+x\n"
)


@pytest.fixture
def crew(tmp_path: Path, store: StateStore) -> Settings:
    url = store.engine.url.render_as_string(hide_password=False)
    return load_settings(home=tmp_path / "home", database_url=url, api_key=KEY)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo")


@pytest.fixture
def queued(crew: Settings, repo: Path) -> QueuedTask:
    """A task that waits for a person."""
    with open_queue(crew) as queue:
        queue.submit(a_task(task_id="t-1", description="make it good", repo=str(repo)))
        queue.update("t-1", status=TaskStatus.RUNNING)
        return queue.update("t-1", status=TaskStatus.NEEDS_REVIEW, detail="is it good?")


def lines(store: StateStore) -> list[Mapping[str, Any]]:
    """The log without its first line, which is the migration's; whole, and without a secret."""
    assert not verify(store).faults
    with store.engine.connect() as connection:
        found = [json.loads(one.line) for one in entries(connection)]
    assert KEY not in str(found)
    assert TOKEN not in str(found)
    return found[1:]


def acts(store: StateStore) -> list[tuple[str, str]]:
    return [(line["act"], line["about"]) for line in lines(store)]


def test_a_start_has_its_settings_once_and_again_when_they_change(crew: Settings, store: StateStore) -> None:
    note_start(crew, 3)
    note_start(crew, 5)
    started = [("settings", "crew"), ("start", "crew"), ("start", "crew")]
    assert acts(store) == started
    assert [line["details"] for line in lines(store)[1:]] == [{"workers": 3}, {"workers": 5}]
    note_start(crew.model_copy(update={"day_budget_usd": Decimal("7.50")}), 5)
    assert acts(store) == [*started, ("settings", "crew"), ("start", "crew")]
    assert lines(store)[-2]["details"]["day_budget_usd"] == "7.50"


@pytest.mark.parametrize("place", ["postgres:{}@", "postgres@"])
def test_settings_are_written_down_without_passwords(crew: Settings, store: StateStore, place: str) -> None:
    url = (crew.database_url or "").replace("postgres:@", place.format(TOKEN)).replace("postgres@", place)
    asked = {"database_url": f"{url}&password={TOKEN}", "store_url": f"s3://user:{TOKEN}@bucket/crew"}
    note_start(crew.model_copy(update=asked), 1)
    details = lines(store)[0]["details"]
    assert details["store_url"].startswith("s3://")
    assert "password=" in details["database_url"]
    assert "api_key" not in details


def test_a_stop_is_written_down_and_happens_without_its_line_too(
    crew: Settings, store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    note_stop(crew)
    assert acts(store) == [("stop", "crew")]
    full_disk(store)
    with caplog.at_level(logging.ERROR):
        note_stop(crew)
    assert "the stop of the crew is not in the audit log" in caplog.text


def test_a_halt_and_what_ends_it_are_written_down_once(crew: Settings, store: StateStore) -> None:
    account = account_of(crew)
    stop_crew(store, account, fault="disk_full", message="the disk is full")
    stop_crew(store, account, fault="unauthorized", message="the key is refused too")
    assert lines(store)[-1]["details"] == {"fault": "disk_full", "message": "the disk is full"}
    resume(crew)
    resume(crew)
    assert acts(store) == [("halt", "crew"), ("resume", "crew")]


def test_a_persons_answer_is_one_line_however_it_comes(
    crew: Settings, store: StateStore, queued: QueuedTask
) -> None:
    reviews = Reviews(store)
    reviews.ask("t-1", 1, question="is it good?", seconds=90, key="k1")
    given = Answer(choice=Choice.ACCEPT, reason=f"It is: {TOKEN}.")
    reviews.answer("t-1", 1, given)
    reviews.answer("t-1", 1, given)
    assert acts(store) == [("submit", "t-1"), ("ask", "t-1"), ("answer", "t-1")]
    details = lines(store)[-1]["details"]
    assert (details["choice"], details["attempt"]) == ("accept", 1)
    assert details["reason"] == "It is: [redacted]."


@pytest.mark.parametrize(
    ("status", "pull_request", "act", "token"),
    [
        (DeliveryStatus.BEGUN, None, None, None),
        (DeliveryStatus.DELIVERED, None, Act.DELIVER, None),
        (DeliveryStatus.NOT_DELIVERED, None, Act.DELIVER, None),
        (DeliveryStatus.DELIVERED, 7, Act.PULL_REQUEST, "the token of github.com/a/b"),
    ],
)
def test_a_delivery_is_written_down_when_it_has_an_end(
    store: StateStore,
    queued: QueuedTask,
    status: DeliveryStatus,
    pull_request: int | None,
    act: Act | None,
    token: str | None,
) -> None:
    delivery = Delivery("github.com/a/b", status, branch="nightcrew/t-1", pull_request=pull_request)
    Deliveries(store).keep("t-1", delivery)
    of_delivery = lines(store)[2:]
    assert [line["act"] for line in of_delivery] == ([] if act is None else [act])
    for line in of_delivery:
        assert (line["token"], line["details"]["branch"]) == (token, "nightcrew/t-1")
        assert line["details"]["status"] == status


def test_a_change_goes_into_a_checkout_only_with_its_line(
    crew: Settings, store: StateStore, queued: QueuedTask, repo: Path
) -> None:
    assert list(apply_change(crew, queued, repo, PATCH)) == ["new.txt"]
    assert acts(store)[-1] == ("apply", "t-1")
    assert lines(store)[-1]["details"] == {"folder": str(repo)}
    (repo / "new.txt").unlink()
    full_disk(store)
    with pytest.raises(Transient, match="nothing was done, because the audit log cannot be written"):
        apply_change(crew, queued, repo, PATCH)
    assert not (repo / "new.txt").exists()


def test_a_schedule_is_not_touched_without_its_line(crew: Settings, store: StateStore) -> None:
    one = Recurring("nightly", "0 2 * * *", "UTC", True, {"task": {}}, "d", "s")
    nobody = PrefectApi("http://127.0.0.1:1/api")  # nothing answers there
    full_disk(store)
    with pytest.raises(Transient, match="nothing was done"):
        set_active(crew, nobody, one, active=False)
    with pytest.raises(Transient, match="nothing was done"):
        remove(crew, nobody, one)


def test_a_repositorys_token_is_named_and_not_shown(crew: Settings, store: StateStore) -> None:
    keep_credential(crew, "https://github.com/a/b.git", Credential("bot", TOKEN))
    assert acts(store) == [("key", "https://github.com/a/b.git")]
    assert lines(store)[-1]["details"] == {"username": "bot"}


def test_a_task_that_ends_or_is_cancelled_is_written_down_with_its_reason(
    store: StateStore, queued: QueuedTask
) -> None:
    queue = TaskQueue(store, 10)
    queue.update("t-1", status=TaskStatus.QUEUED)
    queue.update("t-1", status=TaskStatus.RUNNING)
    queue.update("t-1", status=TaskStatus.COMPLETED, detail="accepted by a person")
    assert acts(store) == [("submit", "t-1"), ("ask", "t-1"), ("end", "t-1")]
    assert lines(store)[-1]["details"]["detail"] == "accepted by a person"


def full_disk(store: StateStore) -> None:
    """From now on no line can be written."""
    url = store.engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (number < 0) NOT VALID")
