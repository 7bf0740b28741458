"""Attacks on the audit log: whatever is done to its rows is found."""

import json
import multiprocessing
import os
import signal
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nightcrew.queue.audit import actor
from nightcrew.queue.audit.line import Act, chained
from nightcrew.queue.audit.log import enter, entries
from nightcrew.queue.audit.retention import prune
from nightcrew.queue.audit.verification import verify
from nightcrew.queue.state_store import StateStore, utc_now

LINES = 8
REMOVE = "SET LOCAL session_replication_role = replica"  # as the owner of a database can


def fill(store: StateStore, number: int = LINES) -> None:
    for place in range(number):
        with store.engine.begin() as connection:
            enter(connection, Act.SUBMIT, f"t-{place:03d}", {"description": f"Do {place}."})


def attack(store: StateStore, *statements: str) -> None:
    with store.engine.begin() as connection:
        for statement in (REMOVE, *statements):
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE audit SET line = replace(line, 'Do 3.', 'Do 9.')"], "line 5 was changed"),
        (["UPDATE audit SET hash = repeat('a', 64) WHERE number = 4"], "line 4 was changed"),
        (["UPDATE audit SET about = 't-009' WHERE number = 4"], "line 4 is not what its columns say"),
        (["UPDATE audit SET at = at - interval '1 day' WHERE number = 4"], "is not what its columns say"),
        (["DELETE FROM audit WHERE number = 4"], "line 4 is missing after line 3"),
        (["DELETE FROM audit WHERE number IN (4, 5)"], "lines 4 to 5 are missing after line 3"),
        (["DELETE FROM audit WHERE number = 1"], "line 1 is missing"),
        (["DELETE FROM audit WHERE number > 7"], "lines 8 to 9 are missing at the end"),
        (["DELETE FROM audit"], "lines 1 to 9 are missing at the end"),
        (
            ["DELETE FROM audit WHERE number < 3", "UPDATE audit_head SET removed = 2, removed_hash = 'x'"],
            "the start was cut: line 2",
        ),
        (
            ["DELETE FROM audit WHERE number = 4", "UPDATE audit SET number = number - 1 WHERE number > 4"],
            "line 4 was changed, or does not follow",
        ),
        (
            [
                "UPDATE audit SET number = 100 WHERE number = 4",
                "UPDATE audit SET number = 4 WHERE number = 5",
                "UPDATE audit SET number = 5 WHERE number = 100",
            ],
            "line 4 was changed, or does not follow",
        ),
        (
            ["INSERT INTO audit SELECT 10, at, act, about, line, hash FROM audit WHERE number = 9"],
            "line 10 is not counted in the head",
        ),
        (["DELETE FROM audit_head"], "the head of the log is missing"),
    ],
)
def test_what_was_done_to_the_log_is_found(store: StateStore, statements: list[str], fault: str) -> None:
    fill(store)
    assert not verify(store).faults
    attack(store, *statements)
    assert fault in "; ".join(verify(store).faults)


def test_a_line_that_was_inserted_with_a_right_hash_does_not_fit_the_next_one(store: StateStore) -> None:
    fill(store)
    with store.engine.connect() as connection:
        third = entries(connection, limit=100)[2]
    forged = third.line.replace("Do 1.", "Do no harm.").replace(f'"number":{third.number}', '"number":4')
    with store.engine.begin() as connection:
        connection.execute(text(REMOVE))
        connection.execute(
            text("UPDATE audit SET line = :line, hash = :hash, about = 't-001' WHERE number = 4"),
            {"line": forged, "hash": chained(third.hash, forged)},
        )
    assert "line 5 was changed, or does not follow the line before it" in verify(store).faults


def test_a_whole_new_log_is_found_with_a_copy_of_one_line(store: StateStore) -> None:
    fill(store)
    with store.engine.connect() as connection:
        copy = {one.number: one.hash for one in entries(connection, limit=1)}
    assert not verify(store, copy).faults
    attack(store, "DELETE FROM audit", "UPDATE audit_head SET number = 0, hash = ''")
    fill(store, LINES + 3)
    assert not verify(store).faults
    assert "line 9 is not the one of the copy" in verify(store, copy).faults
    attack(store, "DELETE FROM audit", "UPDATE audit_head SET number = 0, hash = ''")
    assert "line 9 is of the copy missing" in verify(store, copy).faults


@pytest.mark.parametrize("statement", ["UPDATE audit SET act = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_lines_are_not_changed_by_a_statement_of_ours(store: StateStore, statement: str) -> None:
    fill(store, 1)
    with pytest.raises(DBAPIError, match="never changed or removed"), store.engine.begin() as connection:
        connection.execute(text(statement))


def test_what_is_left_after_old_lines_were_removed_is_whole(store: StateStore) -> None:
    fill(store)
    middle = utc_now()
    fill(store)
    assert prune(store, before=middle) == LINES + 1  # and the migration's line
    assert prune(store, before=middle) == 0
    found = verify(store)
    assert (found.faults, found.lines, found.removed) == ([], LINES + 1, LINES + 1)
    assert prune(store, before=utc_now() + timedelta(days=1)) == LINES + 1
    fill(store)
    assert not verify(store).faults
    attack(store, "DELETE FROM audit WHERE act = 'prune'")
    assert any("the start was cut" in fault for fault in verify(store).faults)


def test_texts_cannot_pass_for_a_line(store: StateStore) -> None:
    evil = 'x"}\n{"number":3,"act":"end"}\r\x1b[2J\u2028\u202e\x00 \ud800'
    with store.engine.begin() as connection:
        enter(connection, Act.SUBMIT, evil, {"description": evil, evil: [evil]})
    with store.engine.connect() as connection:
        line = entries(connection)[-1].line
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["number"] == 2
    assert not verify(store).faults


def test_no_secret_is_in_a_line(store: StateStore) -> None:
    token = "ghp_" + "a1B2" * 9
    with store.engine.begin() as connection:
        enter(connection, Act.SUBMIT, token, {"description": f"Use {token}.", "repo": [token]})
    with store.engine.connect() as connection:
        assert token not in entries(connection)[-1].line


def test_an_act_is_undone_when_its_line_cannot_be_written(store: StateStore) -> None:
    attack(store, "ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (number < 2) NOT VALID")
    with pytest.raises(DBAPIError), store.engine.begin() as connection:
        connection.execute(text("INSERT INTO accounts (account) VALUES ('a')"))
        enter(connection, Act.HALT, "crew")
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 0
    assert not verify(store).faults


def test_processes_that_are_killed_while_they_write_leave_a_whole_log(
    store: StateStore, database_url: str
) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_for_ever, args=(database_url,)) for _ in range(4)]
    for process in processes:
        process.start()
    deadline = time.monotonic() + 60
    while (_subjects(store) < 1 + 4 or verify(store).lines < 100) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    found = verify(store)
    assert not found.faults
    assert found.lines >= 100
    assert _subjects(store) == 1 + 4  # the migration's line, and all writers


def test_lines_are_found_by_act_subject_and_time(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "_through", ("a program", None))  # other tests act as commands in this process
    fill(store)
    start = utc_now()
    with store.engine.begin() as connection:
        enter(connection, Act.CANCEL, "t-001", {"status": "cancelled"})
    with store.engine.connect() as connection:
        assert [one.number for one in entries(connection, about="t-001")] == [3, LINES + 2]
        assert [one.number for one in entries(connection, act=Act.CANCEL)] == [LINES + 2]
        assert [one.number for one in entries(connection, since=start)] == [LINES + 2]
        assert [one.number for one in entries(connection, limit=2)] == [LINES + 1, LINES + 2]
        line = json.loads(entries(connection)[-1].line)
    assert datetime.fromisoformat(line["at"]) >= start
    assert line["by"]
    assert line["via"] == "a program"


def _subjects(store: StateStore) -> int:
    with store.engine.connect() as connection:
        return len({json.loads(one.line)["about"] for one in entries(connection, limit=100_000)})


def _write_for_ever(url: str) -> None:
    with StateStore(url) as opened:
        while True:
            with opened.engine.begin() as connection:
                enter(connection, Act.SUBMIT, f"writer-{os.getpid()}")
