"""One ledger of several hosts: journals on each host's disk, parts where they lie."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightcrew.ledger.compactor import compact
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.ledger.sharing import JOURNALS, exchange_journals
from nightcrew.shared_files import SharedFiles
from nightcrew.task import TaskStatus
from tests.ledger.story import record_night
from tests.shared import KINDS, shared_url

LATER = datetime.now(UTC) + timedelta(hours=2)


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SharedFiles]:
    with shared_url(request.param, tmp_path) as url:
        yield SharedFiles(url)


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "one" / "ledger", tmp_path / "two" / "ledger"


def answer(ledger_dir: Path, shared: SharedFiles | None) -> tuple[Any, ...]:
    with Ledger(ledger_dir, shared) as ledger:
        tasks = ledger.query("SELECT * EXCLUDE (change_path) FROM tasks ORDER BY task_id")
        return len(tasks), tasks, ledger.query("SELECT * FROM facts.model_call ORDER BY event_id")


def test_every_host_gives_the_same_answer_before_and_after_archiving(
    shared: SharedFiles, hosts: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = hosts
    record_night(one)
    with MetricsCollector(two, "two") as collector:
        collector.task_finished("t-of-two", status=TaskStatus.CANCELLED, detail="")
    record_night(tmp_path / "alone")
    assert answer(two, shared) != answer(tmp_path / "alone", None)  # one has sent nothing yet
    expected = answer(one, shared)
    assert expected == answer(two, shared)
    assert compact(two, shared, now=LATER).facts > 40
    assert answer(one, shared) == answer(two, shared) == expected
    assert compact(one, shared, now=LATER + timedelta(hours=2)).folders_retired > 0
    assert not shared.list(JOURNALS)
    assert answer(one, shared) == answer(two, shared) == expected
    assert not [*one.glob("journal/*T*/*"), *two.glob("journal/*T*/*")]


def test_a_host_that_was_cut_off_adds_its_facts_to_an_archived_journal(
    shared: SharedFiles, hosts: tuple[Path, Path]
) -> None:
    one, two = hosts
    record_night(one)
    exchange_journals(one, shared)
    compact(two, shared, now=LATER)
    compact(two, shared, now=LATER + timedelta(hours=2))
    (journal,) = one.glob("journal/*T*/night--*.jsonl")
    before = answer(two, shared)
    with MetricsCollector(one, "late") as collector:
        collector.task_finished("t-late", status=TaskStatus.CANCELLED, detail="")
    (late,) = one.glob("journal/*T*/late--*.jsonl")
    with journal.open("ab") as file:
        file.write(late.read_bytes())
    late.unlink()
    assert answer(one, shared)[0] == before[0] + 1
    assert answer(one, shared) == answer(two, shared)


def test_a_damaged_part_is_set_aside_and_the_others_answer(
    shared: SharedFiles, hosts: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = hosts
    record_night(one)
    compact(one, shared, now=LATER)
    expected = answer(one, shared)
    (tmp_path / "broken").write_bytes(b"PAR1 and nothing more PAR1")
    shared.send(tmp_path / "broken", "ledger/archive/part-2/task_submitted.parquet")
    assert answer(two, shared) == expected
    with Ledger(two, shared) as ledger:
        assert [path.name for path in ledger.damaged()] == ["part-2--task_submitted.parquet"]
