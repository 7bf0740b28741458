"""Several statements, one transaction, one round trip."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from nightcrew.openrouter.books.round_trip import in_one_trip
from nightcrew.queue.state_store import StateStore

ADD = "insert into accounts (account) values (%(account)s)"
COUNT = "select count(*) from accounts"


def accounts(store: StateStore) -> int:
    with store.engine.connect() as connection:
        return int(connection.execute(text(COUNT)).scalar_one())


@pytest.mark.parametrize("durable", [False, True])
def test_the_last_statements_row_comes_back_and_everything_is_committed(
    store: StateStore, durable: bool
) -> None:
    assert in_one_trip(store, [ADD, COUNT], {"account": "a"}, durable=durable) == (1,)
    assert accounts(store) == 1


def test_a_statement_that_fails_undoes_those_before_it(store: StateStore) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        in_one_trip(store, [ADD, ADD], {"account": "a"}, durable=True)
    assert accounts(store) == 0


def test_a_database_that_hangs_up_is_reported_as_such_and_the_next_trip_has_a_new_connection(
    store: StateStore,
) -> None:
    with pytest.raises(OperationalError):
        in_one_trip(store, ["select pg_terminate_backend(pg_backend_pid())"], {})
    assert in_one_trip(store, [COUNT], {}) == (0,)


def test_the_connection_goes_back_as_others_expect_it(store: StateStore) -> None:
    in_one_trip(store, [COUNT], {})
    with store.engine.connect() as connection:
        connection.execute(text("insert into accounts (account) values ('a')"))
        connection.rollback()
    assert accounts(store) == 0
