"""A backup holds all tasks and facts, each once; restored elsewhere, the crew goes on where it was."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.crew.dispatch import open_queue
from nightcrew.crew.storage.acts import change_account
from nightcrew.crew.storage.backup import RESTORED, restore_backup, write_backup
from nightcrew.errors import BadInput
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.schema import PUBLIC_VIEWS
from nightcrew.queue.audit.log import entries
from nightcrew.queue.audit.verification import verify
from nightcrew.queue.state_store import StateStore
from nightcrew.secrets.account import Account
from nightcrew.settings import Settings, load_settings
from nightcrew.task import TaskStatus
from tests.conftest import fresh_database
from tests.flows.builders import a_task
from tests.flows.conftest import make_repo
from tests.ledger.story import record_night


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
