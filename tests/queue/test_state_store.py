"""The state store: one schema for all, however many create it."""

import multiprocessing

import pytest
from sqlalchemy import text

from nightcrew.errors import BadInput, Transient
from nightcrew.queue.state_store import StateStore, create_schema


def _create(url: str) -> None:
    with StateStore(url) as store:
        create_schema(store)


def test_the_schema_can_be_created_by_many_processes_at_once(database_url: str) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_create, args=(database_url,)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 6


def test_creating_the_schema_again_keeps_the_data(database_url: str) -> None:
    with StateStore(database_url) as store:
        create_schema(store)
        with store.engine.begin() as connection:
            connection.execute(text("INSERT INTO accounts (account, stop_message) VALUES ('a', 'kept')"))
        create_schema(store)
        with store.engine.begin() as connection:
            kept = connection.execute(text("SELECT stop_message FROM accounts")).scalars().all()
    assert kept == ["kept"]


@pytest.mark.parametrize("url", ["nonsense", "sqlite:///state.db", ""])
def test_only_a_postgresql_address_is_taken(url: str) -> None:
    with pytest.raises(BadInput):
        StateStore(url)


def test_a_store_that_cannot_be_reached_is_a_passing_fault() -> None:
    with StateStore("postgresql://nobody@127.0.0.1:1/none") as store, pytest.raises(Transient):
        create_schema(store)


def test_the_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(StateStore("postgresql://crew:hunter2@db.example/crew"))
