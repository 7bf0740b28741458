"""Kept figures: the same summary to the last cent as computed from all facts, whatever came since."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightcrew.ledger import kept, ledger
from nightcrew.ledger.compactor import compact
from nightcrew.ledger.kept import find_kept, note_parts
from nightcrew.ledger.ledger import Ledger, Summary
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.task import TaskStatus
from tests.ledger.story import Clock, record_night, task


def archive(ledger_dir: Path, *, hours: float = 0.1) -> None:
    compact(ledger_dir, quiet_seconds=0, now=datetime.now(UTC) + timedelta(hours=hours))


def summaries(ledger_dir: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Summary, Summary]:
    """With the kept figures, and computed from all facts."""
    with Ledger(ledger_dir) as session:
        quick = session.summary()
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "kept_in_session", NothingKept)
            return quick, session.summary()


class NothingKept:
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> bool:
        return False

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def night(tmp_path: Path) -> Path:
    record_night(tmp_path)
    archive(tmp_path)
    return tmp_path


def test_the_figures_are_those_of_all_facts(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_kept(night) is not None
    quick, full = summaries(night, monkeypatch)
    assert quick == full
    assert full.attempts > 0


def test_where_all_is_computed_already_nothing_kept_is_read(
    night: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Ledger(night) as session:
        kept_ones = session.summary()
        with session.computed_once():
            assert session.summary() == kept_ones
        assert session.summary() == kept_ones, "and kept ones are read again"
    assert not caplog.records


def _more_of_an_old_task(ledger_dir: Path) -> None:
    with Ledger(ledger_dir) as session:
        known = session.query("SELECT task_id FROM tasks WHERE status = 'running'")[0]["task_id"]
    with MetricsCollector(ledger_dir, "late", clock=Clock()) as crew:
        crew.task_finished(known, TaskStatus.CANCELLED, None, "cancelled later", None)


def _a_new_task(ledger_dir: Path) -> None:
    with MetricsCollector(ledger_dir, "new", clock=Clock()) as crew:
        crew.task_submitted(task("t-new"))


def _a_new_part(ledger_dir: Path) -> None:
    _more_of_an_old_task(ledger_dir)
    current = ledger_dir / "figures" / "current.json"
    before = current.read_bytes()
    archive(ledger_dir)
    current.write_bytes(before)  # as if the compactor was killed before it kept the new figures
    for folder in (ledger_dir / "figures").iterdir():
        assert folder.exists()


@pytest.mark.parametrize("change", [_more_of_an_old_task, _a_new_task, _a_new_part])
def test_what_came_since_counts(
    night: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    before, _ = summaries(night, monkeypatch)
    change(night)
    quick, full = summaries(night, monkeypatch)
    assert quick == full
    assert quick != before
    archive(night, hours=2)
    after, full = summaries(night, monkeypatch)
    assert after == full == quick


def test_many_tasks_are_computed_in_groups(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (night / "figures" / "current.json").unlink()
    monkeypatch.setattr(kept, "_AT_ONCE", 2)
    kept.keep_figures(night)
    found = find_kept(night)
    assert found is not None
    assert len(list(found.folder.glob("attempts-*.parquet"))) > 2
    quick, full = summaries(night, monkeypatch)
    assert quick == full


@pytest.mark.parametrize("damage", ["part", "pointer", "views of another version"])
def test_figures_that_cannot_be_used_are_not(
    night: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    if damage == "part":
        (part,) = (night / "archive").glob("part-2*")
        (part / "verdict.parquet").unlink()
    elif damage.startswith("views"):
        pointer = night / "figures" / "current.json"
        pointer.write_text(json.dumps(json.loads(pointer.read_text()) | {"views": "others"}))
        note_parts(night)
    else:
        (night / "figures" / "current.json").write_text("[]")
    assert find_kept(night) is None
    quick, full = summaries(night, monkeypatch)
    assert quick == full


def test_damaged_figures_are_not_believed(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_kept(night)
    assert found is not None
    for file in found.folder.glob("*.parquet"):
        file.write_bytes(b"damaged")
    quick, full = summaries(night, monkeypatch)
    assert quick == full
