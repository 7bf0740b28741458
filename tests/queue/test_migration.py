"""Migrations: each version's tables become today's, at once or not at all; one of the future is untouched."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from nightcrew.errors import BadInput
from nightcrew.execution.attempt import StopCause
from nightcrew.queue.migration import Migration, migrate, shipped_migrations
from nightcrew.queue.state_store import StateStore, create_schema, metadata

TABLES = (
    "queue.task_table",
    "queue.outbox",
    "queue.pulls",
    "queue.reviews",
    "openrouter.books.account",
    "openrouter.books.breakers",
    "openrouter.books.budget_tables",
    "openrouter.books.quota",
    "openrouter.catalogue.catalogue_tables",
    "watch.requests",
)
FIRST = Migration(
    1, "first", "CREATE TABLE things (thing integer PRIMARY KEY); INSERT INTO things VALUES (7)"
)
SECOND = Migration(2, "second", "ALTER TABLE things ADD COLUMN colour text NOT NULL DEFAULT 'red'")
WRONG = Migration(3, "wrong", "ALTER TABLE things ADD COLUMN size integer; SELECT nonsense")


@pytest.fixture
def store(database_url: str) -> Iterator[StateStore]:
    with StateStore(database_url) as opened:
        yield opened


def run(store: StateStore, *migrations: Migration) -> Sequence[int]:
    with store.engine.begin() as connection:
        return [migration.number for migration in migrate(connection, migrations)]


def rows(store: StateStore, query: str) -> list[tuple[object, ...]]:
    with store.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_each_migration_runs_once_and_in_order(store: StateStore) -> None:
    assert run(store, FIRST) == [1]
    assert run(store, FIRST, SECOND) == [2]
    assert run(store, FIRST, SECOND) == []
    assert rows(store, "SELECT * FROM things") == [(7, "red")]
    assert rows(store, "SELECT number, name FROM migrations ORDER BY number") == [(1, "first"), (2, "second")]


def test_a_migration_that_fails_leaves_the_store_as_it_was(store: StateStore) -> None:
    run(store, FIRST)
    with pytest.raises(Exception, match="nonsense"):
        run(store, FIRST, SECOND, WRONG)
    assert rows(store, "SELECT * FROM things") == [(7,)]
    assert rows(store, "SELECT number FROM migrations") == [(1,)]


def test_a_store_of_the_future_is_refused_in_one_sentence_and_left_alone(store: StateStore) -> None:
    create_schema(store)
    newest = max(migration.number for migration in shipped_migrations())
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO migrations (number, name, nightcrew_version) VALUES (:number, 'later', '9.1.0')"
            ),
            {"number": newest + 1},
        )
    with pytest.raises(BadInput, match=r"Nightcrew 9\.1\.0, which is newer than this one") as refused:
        create_schema(store)
    assert "\n" not in str(refused.value)


def test_the_migrations_make_the_tables_that_the_rooms_describe(
    database_url: str, postgres_url: str, store: StateStore
) -> None:
    for module in TABLES:
        importlib.import_module(f"nightcrew.{module}")
    rooms = metadata.sorted_tables
    create_schema(store)
    migrated = shape(database_url)
    with store.engine.begin() as connection:
        metadata.drop_all(connection, rooms)
        metadata.create_all(connection, rooms)
    assert {name for name, *_ in migrated} >= {table.name for table in rooms}
    assert migrated == shape(database_url)


def test_attempts_of_an_older_store_keep_why_they_stopped(store: StateStore) -> None:
    first, *later = shipped_migrations()
    details = ["quota: free again: tomorrow", "no model left: gone", "quota", "The quota: used up", "done"]
    run(store, first)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tasks (task_id, body, commit, fingerprint, priority, rank, status) "
            "VALUES ('t', '{}', 'c', 'f', 'low', 4, 'failed')"
        )
        for number, detail in enumerate(details):
            connection.execute(
                text(
                    "INSERT INTO attempts VALUES (:id, 't', :number, 'direct', 'm', '[]', now(), now(), "
                    "'infrastructure', :detail, 1, 1, 1, 0)"
                ),
                {"id": f"t:{number}", "number": number, "detail": detail},
            )
    run(store, first, *later)
    causes = [cause for (cause,) in rows(store, "SELECT stop_cause FROM attempts ORDER BY number")]
    assert causes == ["quota", "no model left", None, None, None]
    assert {StopCause(str(cause)) for cause in causes if cause} == {StopCause.QUOTA, StopCause.MODELS}


def test_released_migrations_are_numbered_without_a_gap() -> None:
    assert [one.number for one in shipped_migrations()] == list(range(1, len(shipped_migrations()) + 1))


def test_migrations_are_read_from_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("0010_tenth.sql", "0002_second.sql", "readme.txt"):
        (tmp_path / name).write_text("SELECT 1")
    assert [(one.number, one.name) for one in shipped_migrations(tmp_path)] == [(2, "second"), (10, "tenth")]


def shape(url: str) -> list[tuple[object, ...]]:
    """Every column, constraint and index of the rooms' tables, as PostgreSQL tells them."""
    query = """
        SELECT table_name, 'column', column_name, data_type, is_nullable, coalesce(column_default, '')
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT tablename, 'index', indexname, indexdef, '', '' FROM pg_indexes
        WHERE schemaname = 'public'
        UNION ALL SELECT conrelid::regclass::text, 'constraint', conname, pg_get_constraintdef(oid), '', ''
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0"""
    with psycopg.connect(url) as connection:
        return sorted(row for row in connection.execute(query).fetchall() if row[0] != "migrations")
