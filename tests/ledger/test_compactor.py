"""Compaction: the same answers before, while and after, and nothing taken away too early."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.ledger.compactor import Compaction, compact
from nightcrew.ledger.events import EVENT_TYPES
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.ledger.schema import PUBLIC_VIEWS
from nightcrew.task import TaskStatus
from tests.ledger.story import Clock, record_night, task

LATER = datetime(2030, 1, 1, tzinfo=UTC)
"""Long after everything: every journal is quiet and its hour is over."""


def answers(ledger: Ledger) -> dict[str, list[dict[str, object]]]:
    return {view: ledger.query(f"SELECT * FROM {view} ORDER BY ALL") for view in PUBLIC_VIEWS}


def journals(ledger_dir: Path) -> list[Path]:
    return sorted((ledger_dir / "journal").glob("*T*/*.jsonl"))


def test_every_view_answers_the_same_afterwards(tmp_path: Path) -> None:
    record_night(tmp_path)
    with Ledger(tmp_path) as ledger:
        before = answers(ledger)
        done = compact(tmp_path, now=LATER)
        assert done.journals == 1 and done.facts == 46 and done.folders_retired == 0
        assert answers(ledger) == before, "facts in both places count once"
        assert compact(tmp_path, now=LATER + timedelta(hours=2)) == Compaction(folders_retired=1)
        assert journals(tmp_path) == []
        assert answers(ledger) == before, "facts in the archive only are still there"
        record_night(tmp_path)
        assert answers(ledger) == before, "recorded again after archiving is still once"
        assert compact(tmp_path, now=LATER).facts == 0


def test_a_journal_that_may_still_grow_is_left_alone(tmp_path: Path) -> None:
    record_night(tmp_path)
    assert compact(tmp_path, quiet_seconds=300).journals == 0
    assert compact(tmp_path, quiet_seconds=0).journals == 1


def test_a_journal_that_grew_after_archiving_is_not_retired(tmp_path: Path) -> None:
    """Its owner was only slow: the new facts are archived first."""
    clock = Clock()
    crew = MetricsCollector(tmp_path, "slow", clock=clock)
    crew.task_submitted(task("t-slow"))
    assert compact(tmp_path, quiet_seconds=0, grace_seconds=3600).facts == 1
    crew.task_finished("t-slow", TaskStatus.COMPLETED, None, "accepted", None)
    years = timedelta(days=4000).total_seconds()
    grown = compact(tmp_path, quiet_seconds=years, now=LATER)
    assert grown == Compaction(), "not quiet yet, so neither archived nor retired"
    assert compact(tmp_path, now=LATER).facts == 1
    assert compact(tmp_path, now=LATER + timedelta(hours=2)).folders_retired == 1
    with Ledger(tmp_path) as ledger:
        assert ledger.query("SELECT status FROM tasks") == [{"status": "completed"}]


def test_the_folder_of_this_hour_stays(tmp_path: Path) -> None:
    """Somebody may be about to write there."""
    record_night(tmp_path)
    assert compact(tmp_path, quiet_seconds=0, grace_seconds=-1, now=Clock().now).folders_retired == 0
    assert len(journals(tmp_path)) == 1


def test_only_one_compacts_at_a_time(tmp_path: Path) -> None:
    record_night(tmp_path)
    with (tmp_path / "compactor.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert compact(tmp_path, now=LATER) == Compaction()
    assert compact(tmp_path, now=LATER).journals == 1


def test_a_lost_or_broken_note_of_what_is_archived_costs_nothing_but_work(tmp_path: Path) -> None:
    record_night(tmp_path)
    compact(tmp_path, now=LATER)
    (tmp_path / "archived.json").write_text("{ torn")
    again = compact(tmp_path, now=LATER)
    assert again.journals == 1 and again.facts == 0
    with Ledger(tmp_path) as ledger:
        assert ledger.query("SELECT count(*) AS n FROM model_calls") == [{"n": 8}]


def test_journals_set_aside_by_a_killed_compactor_come_back(tmp_path: Path) -> None:
    """It was killed between taking the folder away and making sure that nobody had written to it."""
    record_night(tmp_path)
    (folder,) = (tmp_path / "journal").glob("*T*")
    folder.rename(tmp_path / f".retired-{folder.name}-123")
    assert compact(tmp_path, now=LATER).facts == 46
    assert not list(tmp_path.glob(".retired-*"))


def test_a_ledger_from_before_a_column_was_added_still_answers(tmp_path: Path) -> None:
    """Old parts lack the column: it reads as NULL."""
    record_night(tmp_path)
    compact(tmp_path, now=LATER)
    with Ledger(tmp_path) as ledger:
        (part,) = (tmp_path / "archive").glob("part-2*/task_started.parquet")
        old = part.with_name("old.parquet")
        ledger.query(f"COPY (SELECT * EXCLUDE (flow_run_id) FROM '{part}') TO '{old}'")
        old.replace(part)
        compact(tmp_path, now=LATER + timedelta(hours=2))
        assert ledger.query("SELECT DISTINCT flow_run_id FROM tasks") == [{"flow_run_id": None}]


FAST_CLOCK = """
import sys, time
from pathlib import Path
from datetime import datetime, UTC, timedelta
begin = datetime.fromisoformat(sys.argv[2])
def fast():  # an hour every half a second, so that folders come to rest while the test looks on
    return begin + (datetime.now(UTC) - begin) * 7200
"""
WRITER = """
from nightcrew.ledger.metrics_collector import MetricsCollector
from tests.ledger.story import DIRECT, LAZY, Clock, call, task
for number in range(1000):
    name = f"t-{sys.argv[3]}-{number}"
    with MetricsCollector(Path(sys.argv[1]), name, clock=fast) as crew:
        crew.attempt_started(task(name), f"{name}:1", 1, DIRECT, LAZY)
        crew.model_call(call(f"{name}:1", 1, LAZY, "0.0001", started_at=Clock().now))
        print(name, flush=True)
"""
COMPACTOR = """
from nightcrew.ledger.compactor import compact
while True:
    done = compact(Path(sys.argv[1]), quiet_seconds=0, grace_seconds=3600, now=fast())
    print("retired\\n" * done.folders_retired, end="", flush=True)
    if done.folders_retired:
        Path(sys.argv[1] + ".retired").touch()
    time.sleep(0.1)
"""


def test_reading_while_others_write_compact_and_are_killed(tmp_path: Path) -> None:
    """The count never goes down, and in the end every acknowledged call is there exactly once."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    begin = datetime.now(UTC).isoformat()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FAST_CLOCK + code, str(tmp_path), begin, str(number)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, code in enumerate([WRITER] * 4 + [COMPACTOR])
    ]
    retired = tmp_path.with_name(f"{tmp_path.name}.retired")
    seen, began = [0], time.monotonic()
    with Ledger(tmp_path) as ledger:
        while (lasted := time.monotonic() - began) < 8 or (
            lasted < 90 and (seen[-1] < 100 or not retired.exists())
        ):
            (row,) = ledger.query("SELECT count(*) AS n, count(DISTINCT call_id) AS d FROM model_calls")
            assert row["n"] == row["d"]
            seen.append(row["n"])
        for process in processes:
            process.send_signal(signal.SIGKILL)
        words = [word for process in processes for word in process.communicate()[0].split()]
        stored = [row["task_id"] for row in ledger.query("SELECT task_id FROM model_calls")]
        acknowledged = {word for word in words if word != "retired"}
        assert seen == sorted(seen), "the count went down"
        assert len(stored) == len(set(stored)) and acknowledged <= set(stored)
        assert len(acknowledged) > 20 and "retired" in words
        compact(tmp_path, now=LATER)
        assert ledger.query("SELECT count(*) AS n FROM model_calls") == [{"n": len(stored)}]


def damage(file: Path, share: float = 0.5) -> None:
    """Overwrite bytes around the middle of a file, as bad sectors do."""
    content = bytearray(file.read_bytes())
    begin, end = int(len(content) * (0.5 - share / 2)), int(len(content) * (0.5 + share / 2))
    content[begin:end] = (b"\xff\xfe\x00\x80" * len(content))[: end - begin]
    file.write_bytes(content)


def test_a_damaged_journal_costs_its_damaged_line_only(tmp_path: Path) -> None:
    """Whatever the bytes are; a copy is kept before the journal is retired."""
    record_night(tmp_path)
    (journal,) = journals(tmp_path)
    with Ledger(tmp_path) as ledger:
        assert ledger.damaged() == []
        before = facts(ledger)
        damage(journal, 0.0005)
        assert facts(ledger) in {before - 1, before - 2}
        assert ledger.damaged() == [journal]
        left = answers(ledger)
        whole = journal.read_bytes()
        compact(tmp_path, now=LATER)
        compact(tmp_path, now=LATER + timedelta(hours=2))
        assert answers(ledger) == left and not journal.exists()
        (kept,) = ledger.damaged()
        assert kept.parent == tmp_path / "quarantine" and kept.read_bytes() == whole


def test_an_incomplete_last_line_is_no_damage(tmp_path: Path) -> None:
    record_night(tmp_path)
    (journal,) = journals(tmp_path)
    journal.write_bytes(journal.read_bytes()[:-20])
    with Ledger(tmp_path) as ledger:
        assert ledger.damaged() == []
        assert facts(ledger) == 45


@pytest.mark.parametrize("harm", ["middle", "empty", "other"])
def test_a_broken_part_is_set_aside_and_the_rest_answers(tmp_path: Path, harm: str) -> None:
    """By whoever meets it first; its facts come back from journals that are still there."""
    record_night(tmp_path)
    compact(tmp_path, now=LATER)
    with Ledger(tmp_path) as ledger:
        before = answers(ledger)
    (part,) = (tmp_path / "archive").glob("part-2*")
    files = sorted(part.glob("*.parquet"))
    for broken in files[:2]:
        damage(broken) if harm == "middle" else broken.write_bytes(b"" if harm == "empty" else b"text" * 99)
    with Ledger(tmp_path) as ledger:
        assert answers(ledger) == before
        assert {path.name for path in ledger.damaged()} == {f"{part.name}--{file.name}" for file in files[:2]}
        compact(tmp_path, now=LATER + timedelta(hours=2))
        assert answers(ledger) == before


def test_the_compactor_sets_a_broken_part_aside_too(tmp_path: Path) -> None:
    record_night(tmp_path)
    compact(tmp_path, now=LATER)
    for seed in (tmp_path / "archive").glob("part-*/model_call.parquet"):
        damage(seed)
    (tmp_path / "archived.json").write_text("{}")
    assert compact(tmp_path, now=LATER).facts == 8
    with Ledger(tmp_path) as ledger:
        assert ledger.query("SELECT count(*) AS n FROM model_calls") == [{"n": 8}]
        assert len(ledger.damaged()) == 2


def test_a_wrong_query_moves_nothing(tmp_path: Path) -> None:
    record_night(tmp_path)
    compact(tmp_path, now=LATER)
    with Ledger(tmp_path) as ledger:
        for sql in ("SELECT nothing FROM tasks", "SELECT 'x'::INT FROM tasks", "SELEC"):
            with pytest.raises(BadInput, match="the query is invalid"):
                ledger.query(sql)
        assert ledger.damaged() == []


def facts(ledger: Ledger) -> int:
    counted = " UNION ALL ".join(f"SELECT event_id FROM facts.{kind.kind}" for kind in EVENT_TYPES)
    ((number,),) = (row.values() for row in ledger.query(f"SELECT count(*) AS n FROM ({counted})"))
    return int(str(number))
