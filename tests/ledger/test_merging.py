"""Merging parts of past days and months: the same answers, whenever it is killed, and few parts to open."""

import os
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightcrew.ledger import merging
from nightcrew.ledger.compactor import compact
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.merging import merge_parts, remove_unfinished
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.ledger.schema import PUBLIC_VIEWS
from nightcrew.task import TaskStatus
from tests.ledger.story import Clock, record_night, task

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def ledger_dir(tmp_path: Path) -> Path:
    """A ledger with eight parts: of two months, of two days of the current one, and of today."""
    hours = [NOW - timedelta(days=days, hours=hour) for days in (62, 31, 2, 0) for hour in (1, 2)]
    for number in range(len(hours)):
        with MetricsCollector(tmp_path, f"run-{number}", clock=Clock()) as crew:
            crew.task_submitted(task(f"t-{number}"))
            crew.task_finished(f"t-{number}", TaskStatus.COMPLETED, None, "accepted", None)
        if number == 0:
            record_night(tmp_path)
        compact(tmp_path, quiet_seconds=0, now=datetime.now(UTC) + timedelta(minutes=1))
        (fresh,) = (tmp_path / "archive").glob("part-2*")
        fresh.rename(fresh.with_name(f"part-9-{number}"))  # no date, so that it stays until all are there
    for number, hour in enumerate(hours):
        path = tmp_path / "archive" / f"part-9-{number}"
        path.rename(path.with_name(f"part-{hour:%Y%m%dT%H%M%S}-{number:08x}"))
    return tmp_path


def _parts(ledger_dir: Path) -> list[str]:
    return sorted(path.name for path in (ledger_dir / "archive").glob("part-2*"))


def _answers(ledger_dir: Path) -> dict[str, list[dict[str, object]]]:
    with Ledger(ledger_dir) as ledger:
        return {view: ledger.query(f"SELECT * FROM {view} ORDER BY ALL") for view in PUBLIC_VIEWS}


def test_days_and_months_that_are_over_become_one_part_each(ledger_dir: Path) -> None:
    before = _answers(ledger_dir)
    assert len(before["tasks"]) > 8
    assert merge_parts(ledger_dir, NOW) == 3
    today = [name for name in _parts(ledger_dir) if name.startswith("part-20261127T")]
    assert _parts(ledger_dir) == ["part-202609", "part-202610", "part-20261125", *today]
    assert len(today) == 2, "today's parts are left alone"
    assert _answers(ledger_dir) == before
    assert merge_parts(ledger_dir, NOW) == 0, "nothing is left to do"


def test_a_late_part_joins_its_month(ledger_dir: Path) -> None:
    merge_parts(ledger_dir, NOW)
    before = _answers(ledger_dir)
    merge_parts(ledger_dir, NOW + timedelta(days=40))
    assert _parts(ledger_dir) == ["part-202609", "part-202610", "part-202611"]
    assert _answers(ledger_dir) == before


@pytest.mark.parametrize("step", ["_write", "_exchange", "rmtree"])
def test_a_killed_merge_loses_and_doubles_nothing(
    ledger_dir: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = _answers(ledger_dir)
    owner = shutil if step == "rmtree" else merging
    _killed_in(monkeypatch, owner, step, lambda: merge_parts(ledger_dir, NOW))
    assert _answers(ledger_dir) == before
    remove_unfinished(ledger_dir)
    merge_parts(ledger_dir, NOW)
    assert _answers(ledger_dir) == before
    assert len(_parts(ledger_dir)) == 5
    assert not (ledger_dir / "archive-next").exists()


def _killed_in(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, act: Callable[[], object]) -> None:
    """Do it in a process that dies when it calls a function for the last time that it would."""
    real = getattr(owner, name)
    calls: list[str] = []

    def dying(*words: object, **more: object) -> object:
        if name == "_write" or calls:  # the first exchange is a trial, the first removal of former remains
            os._exit(9)
        calls.append(name)
        return real(*words, **more)

    child = os.fork()
    if child == 0:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, dying)
            act()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_who_reads_meanwhile_always_has_every_fact(ledger_dir: Path) -> None:
    expected = len(_answers(ledger_dir)["tasks"])
    over, seen = threading.Event(), []

    def read() -> None:
        while not over.is_set():
            with Ledger(ledger_dir) as ledger:
                seen.append(ledger.query("SELECT count(*) AS n FROM tasks")[0]["n"])

    reader = threading.Thread(target=read)
    reader.start()
    for days in (0, 40, 400):
        merge_parts(ledger_dir, NOW + timedelta(days=days))
    over.set()
    reader.join()
    assert set(seen) == {expected}


def test_a_file_system_that_cannot_exchange_names_keeps_its_parts(
    ledger_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("not here")

    monkeypatch.setattr(merging, "_exchange", refuse)
    assert merge_parts(ledger_dir, NOW) == 0
    assert len(_parts(ledger_dir)) == 8
