"""A backup holds all tasks and facts, each once; restored elsewhere, the crew goes on where it was."""

import itertools
import json
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from nightcrew.crew.dispatch import open_queue
from nightcrew.crew.storage.acts import change_account
from nightcrew.crew.storage.backup import RESTORED, restore_backup, write_backup
from nightcrew.errors import BadInput
from nightcrew.ledger.compactor import compact
from nightcrew.ledger.ledger import Ledger, open_ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.ledger.schema import PUBLIC_VIEWS
from nightcrew.ledger.sharing import exchange_journals
from nightcrew.queue.audit.log import entries
from nightcrew.queue.audit.verification import verify
from nightcrew.queue.state_store import StateStore
from nightcrew.secrets.account import Account
from nightcrew.settings import Settings, load_settings
from nightcrew.shared_files import shared_files
from nightcrew.task import TaskStatus
from tests.conftest import fresh_database
from tests.flows.builders import a_task
from tests.flows.conftest import make_repo
from tests.ledger.story import record_night
from tests.shared import KINDS, shared_url


@pytest.fixture
def crew(tmp_path: Path, database_url: str) -> Settings:
    """A home after a night: one completed task, one that waits, one that runs."""
    settings = load_settings(home=tmp_path / "home", database_url=database_url)
    repo = str(make_repo(tmp_path / "repo"))
    with open_queue(settings) as queue:
        for name in ("done", "runs", "waits"):
            queue.submit(a_task(task_id=f"t-{name}", description=f"make it {name}", repo=repo))
        queue.update("t-done", status=TaskStatus.RUNNING)
        queue.update("t-done", status=TaskStatus.COMPLETED, detail="accepted")
        queue.update("t-runs", status=TaskStatus.RUNNING, flow_run_id="f-1", host="here", pid=1)
    record_night(settings.ledger_dir)
    (settings.results_dir / "t-done").mkdir(parents=True)
    (settings.results_dir / "t-done" / "change.patch").write_bytes(b"+\r\n")
    settings.memory_path.write_text("{}")
    (settings.home / "secrets").mkdir(exist_ok=True)
    (settings.home / "secrets" / "account.json").write_text("sk-secret")
    return settings


@pytest.fixture
def other(tmp_path: Path, postgres_url: str) -> Iterator[Settings]:
    with fresh_database(postgres_url) as url:
        yield load_settings(home=tmp_path / "other", database_url=url)


def facts(settings: Settings) -> dict[str, object]:
    with Ledger(settings.ledger_dir) as ledger:
        return {view: ledger.query(f"SELECT * FROM {view} ORDER BY ALL") for view in PUBLIC_VIEWS}


def test_what_is_restored_is_what_was_there(crew: Settings, other: Settings, tmp_path: Path) -> None:
    file = tmp_path / "night.tar.gz"
    written = write_backup(crew, file)
    assert written.tasks == 3
    with tarfile.open(file) as tar:
        assert not [name for name in tar.getnames() if "secret" in name]
    restored = restore_backup(other, file)
    assert (restored.tasks, restored.files) == (3, written.files)
    assert facts(other) == facts(crew)
    assert (other.results_dir / "t-done" / "change.patch").read_bytes() == b"+\r\n"
    assert other.memory_path.read_text() == "{}"
    with open_queue(crew) as before, open_queue(other) as after:
        assert after.get("t-done") == before.get("t-done")
        assert after.get("t-waits") == before.get("t-waits")
        runs = after.get("t-runs")
        assert (runs.status, runs.flow_run_id, runs.pid, runs.detail) == (
            TaskStatus.PENDING,
            None,
            None,
            RESTORED,
        )
        again = after.submit(a_task(task_id="t-new", description="a new one", repo=runs.task.repo))
        assert after.list()[0].task_id == again.task_id, "numbers go on after the restored ones"


def work_on(crew: Settings, repo: str, over: threading.Event) -> None:
    """Complete one task after the other."""
    for number in itertools.takewhile(lambda _: not over.is_set(), itertools.count()):
        with open_queue(crew) as queue:
            queue.submit(a_task(task_id=f"t-{number}", description=f"the one with {number}", repo=repo))
            queue.update(f"t-{number}", status=TaskStatus.RUNNING)
            queue.update(f"t-{number}", status=TaskStatus.COMPLETED, detail="accepted")


def test_while_tasks_change_each_fact_is_in_the_store_or_in_the_ledger(
    crew: Settings, other: Settings, tmp_path: Path
) -> None:
    over = threading.Event()
    with open_queue(crew) as queue:
        repo = queue.get("t-done").task.repo
    with ThreadPoolExecutor() as threads:
        working = threads.submit(work_on, crew, repo, over)
        for number in itertools.count():
            written = write_backup(crew, tmp_path / f"{number}.tar.gz")
            if written.tasks > 6 or working.done():
                break
        over.set()
        working.result()
    restore_backup(other, written.file)
    with open_queue(other) as queue:  # what the outbox had goes to the ledger at the end
        known = {one.task_id: one.status for one in queue.list(limit=10_000) if one.task_id[2:].isdigit()}
    with Ledger(other.ledger_dir) as ledger:
        rows = ledger.query("SELECT task_id, status FROM tasks WHERE regexp_matches(task_id, '^t-[0-9]+$')")
        twice = ledger.query("SELECT task_id FROM facts.task_finished GROUP BY task_id HAVING count(*) > 1")
    completed = {task_id for task_id, status in known.items() if status is TaskStatus.COMPLETED}
    assert len(completed) > 2
    assert {row["task_id"] for row in rows} == known.keys()
    assert {row["task_id"] for row in rows if row["status"] == "completed"} == completed
    assert not [row for row in twice if row["task_id"] in known]


@pytest.mark.parametrize("kind", KINDS)
def test_what_hosts_share_is_in_it_and_is_restored_to_its_new_place(
    crew: Settings, other: Settings, tmp_path: Path, kind: str
) -> None:
    with shared_url(kind, tmp_path) as url:
        one = crew.model_copy(update={"store_url": f"{url}/old"})
        two = one.model_copy(update={"home": tmp_path / "two"})
        shared = shared_files(one)
        assert shared is not None
        with MetricsCollector(two.ledger_dir, "two") as collector:
            collector.task_finished("t-of-two", status=TaskStatus.CANCELLED, detail="")
        exchange_journals(one.ledger_dir, shared)
        exchange_journals(two.ledger_dir, shared)
        assert compact(two.ledger_dir, shared, now=datetime.now(UTC) + timedelta(hours=2)).facts
        (change := tmp_path / "change.patch").write_bytes(b"+of another host\n")
        shared.send(change, "results/t-done/change.patch")
        with StateStore(str(one.database_url)) as store, store.engine.begin() as connection:
            place = shared.place("results/t-done/change.patch")
            connection.execute(
                text("UPDATE tasks SET change_path = :place WHERE task_id = 't-done'"), {"place": place}
            )
        write_backup(one, file := tmp_path / "night.tar.gz")
        restored = other.model_copy(update={"store_url": f"{url}/new"})
        restore_backup(restored, file)
        with pytest.raises(BadInput, match=r"has (data|tasks)"):
            restore_backup(restored.model_copy(update={"home": tmp_path / "third"}), file)
        with open_ledger(one) as before, open_ledger(restored) as after:
            query = "SELECT task_id, status FROM tasks ORDER BY ALL"
            assert before.query(query) == after.query(query)
            assert "t-of-two" in str(after.query(query))
        with open_queue(restored) as queue:
            done = queue.get("t-done")
        assert str(done.change_path).endswith("/new/results/t-done/change.patch")
        assert done.read_change() == "+of another host\n"


def test_the_audit_log_goes_on_after_that_of_the_backup(
    crew: Settings, other: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "night.tar.gz"
    write_backup(crew, file)
    change_account(other, Account("http://127.0.0.1:9/v1", None))
    restore_backup(other, file)
    with StateStore(str(other.database_url)) as store:
        assert not verify(store).faults
        with store.engine.connect() as connection:
            lines = [json.loads(one.line) for one in entries(connection)]
    acts = [line["act"] for line in lines]
    assert acts == ["migration", "submit", "submit", "submit", "end", "backup", "restore"]
    replaced = [line["act"] for line in lines[-1]["details"]["replaced_lines"]]
    assert replaced == ["migration", "key"], "what was done before is kept"


def test_nothing_is_overwritten(crew: Settings, other: Settings, tmp_path: Path) -> None:
    file = tmp_path / "night.tar.gz"
    write_backup(crew, file)
    with pytest.raises(BadInput, match="exists"):
        write_backup(crew, file)
    restore_backup(other, file)
    with pytest.raises(BadInput, match="has tasks: restore into an empty home"):
        restore_backup(other, file)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_backup_changes_nothing(other: Settings, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.tar.gz"
    if content is None:
        with tarfile.open(file, "w:gz") as tar:
            tar.add(__file__, "ledger/journal/20260101T00/x.jsonl")
    else:
        file.write_bytes(content)
    with pytest.raises(BadInput, match="backup"):
        restore_backup(other, file)
    assert not (other.ledger_dir / "journal").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_a_backup_cut_short_is_refused(crew: Settings, other: Settings, tmp_path: Path) -> None:
    file, cut = tmp_path / "night.tar.gz", tmp_path / "cut.tar.gz"
    write_backup(crew, file)
    cut.write_bytes(file.read_bytes()[:-600])
    with pytest.raises(BadInput, match="backup"):
        restore_backup(other, cut)
    with open_queue(other) as queue:
        assert queue.list() == []
