"""The crew's PostgreSQL: started when needed, shared by processes, stopped by its last user."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from nightcrew.crew.processes import ProcessId
from nightcrew.crew.storage import database
from nightcrew.crew.storage.database import (
    alone_on,
    ensure_database,
    open_database,
    psycopg_arguments,
    release_home,
    revive,
)
from nightcrew.crew.storage.postgres import make_cluster, start_server
from nightcrew.errors import BadInput, StoreDown, Transient
from nightcrew.settings import Settings, load_settings

USER = """
import sys
import time
from pathlib import Path
from typing import Any
from nightcrew.settings import load_settings
from nightcrew.crew.storage.database import open_database
print(open_database(load_settings(home=Path(sys.argv[1]))).pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Settings]:
    settings = load_settings(home=tmp_path / "home", database_url=None)
    yield settings
    release_home(settings)


def lives(pid: int) -> bool:
    """A process that has ended may be listed for a while, until somebody asks how it ended."""
    return ProcessId.of(pid).find() is not None


def another_user(settings: Settings) -> tuple[subprocess.Popen[str], int]:
    env = {key: value for key, value in os.environ.items() if key != "NIGHTCREW_DATABASE_URL"}
    process = subprocess.Popen(
        [sys.executable, "-c", USER, str(settings.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_the_state_store_answers_and_the_server_goes_with_its_last_user(crew: Settings) -> None:
    url, pid = ensure_database(crew), open_database(crew).pid
    with psycopg.connect(**psycopg_arguments(make_url(url))) as connection:
        assert connection.execute("show max_connections").fetchone() == ("400",)
    assert pid is not None and lives(pid)
    assert release_home(crew)
    assert not lives(pid)


def test_processes_share_one_server_and_the_last_one_stops_it(crew: Settings) -> None:
    mine = open_database(crew).pid
    other, theirs = another_user(crew)
    assert mine == theirs
    assert not release_home(crew)
    assert lives(theirs)
    other.communicate("", timeout=20)
    assert not lives(theirs)


def test_a_user_that_was_killed_does_not_keep_the_server_for_ever(crew: Settings) -> None:
    other, pid = another_user(crew)
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert lives(pid)
    assert open_database(crew).pid == pid
    assert release_home(crew)
    assert not lives(pid)


def test_what_was_stored_is_there_after_a_restart(crew: Settings) -> None:
    with psycopg.connect(**psycopg_arguments(make_url(ensure_database(crew)))) as connection:
        connection.execute("create table kept (value int)")
    release_home(crew)
    with psycopg.connect(**psycopg_arguments(make_url(ensure_database(crew)))) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_half_a_cluster_that_a_killed_start_left_is_made_anew(crew: Settings) -> None:
    """`initdb` in its standalone phase leaves just this behind, and PostgreSQL never starts on it."""
    folder = crew.home / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("18\n")
    (folder / "postmaster.pid").write_text(f"-29566\n{folder}\n1795447317\n5432\n\n\n  3394894    819240\n")
    (crew.home / "postgres.unfinished").touch()
    with psycopg.connect(**psycopg_arguments(make_url(ensure_database(crew)))) as connection:
        assert connection.execute("show max_connections").fetchone() == ("400",)
    assert not (crew.home / "postgres.unfinished").exists()


def test_only_the_socket_of_its_own_folder_leads_to_it(crew: Settings) -> None:
    pid = open_database(crew).pid
    assert pid is not None
    assert psutil.Process(pid).net_connections(kind="inet") == []


def test_an_operators_own_server_is_used_by_url(database_url: str, tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, database_url=database_url)
    database = open_database(settings)
    assert make_url(database.store_url).drivername == "postgresql+psycopg"
    assert make_url(database.prefect_url).drivername == "postgresql+asyncpg"
    name = make_url(database.prefect_url).database
    assert name == f"{make_url(database_url).database}_prefect"
    assert not (tmp_path / "postgres").exists()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'drop database "{name}"')


def test_a_role_that_may_create_no_database_reads_which_one_prefect_needs(
    database_url: str, tmp_path: Path
) -> None:
    name = make_url(database_url).database
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'create role "role-of-{name}" login')
    url = make_url(database_url).set(username=f"role-of-{name}").render_as_string(False)
    with pytest.raises(BadInput, match=f"may not create it: createdb --owner=ROLE {name}_prefect"):
        open_database(load_settings(home=tmp_path, database_url=url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f'drop role "role-of-{name}"')


@pytest.mark.parametrize("url", ["mysql://u@h/d", "nonsense", "postgresql://user@host"])
def test_another_kind_of_database_is_refused_in_a_sentence(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="must look like postgresql://"):
        open_database(load_settings(home=tmp_path, database_url=url))


def test_a_database_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreDown, match="the database cannot be reached"):
        open_database(load_settings(home=tmp_path, database_url="postgresql://u@127.0.0.1:1/d"))


def test_the_crew_is_no_superuser_and_nobody_else_is_let_in(crew: Settings) -> None:
    database = open_database(crew)
    assert "@/" in database.store_url  # no password in an address that environments and logs may hold
    arguments = psycopg_arguments(make_url(database.store_url))
    with psycopg.connect(**arguments) as connection:
        rights = "rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
        query = psycopg.sql.SQL(f"select {rights} from pg_roles where rolname = user")
        assert connection.execute(query).fetchone() == (False,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("copy (select 1) to program 'true'")
    nothing: dict[str, Any] = {"passfile": "/nonexistent", "password": "none"}
    for wrong in ({"user": "postgres"}, {"password": "guessed"}, {"user": "postgres", "dbname": "postgres"}):
        with pytest.raises(psycopg.OperationalError, match=r"rejects connection|authentication failed"):
            psycopg.connect(**arguments | nothing | wrong)


def test_the_home_stays_closed_although_the_server_may_be_another_user(crew: Settings) -> None:
    open_database(crew)
    folders = (crew.home, crew.home / "postgres", crew.home / "secrets", crew.home / "logs")
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    assert stat.S_IMODE((crew.home / "secrets" / "pgpass").stat().st_mode) == 0o600


def test_the_server_is_started_without_our_environment(
    crew: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-secret-of-the-shell")
    pid = open_database(crew).pid
    assert pid is not None
    assert "sk-or-secret-of-the-shell" not in Path(f"/proc/{pid}/environ").read_text()


def test_a_cluster_of_an_earlier_version_is_taken_over_with_all_that_is_in_it(crew: Settings) -> None:
    """It let everybody in as the superuser, who owned everything."""
    folder = crew.home / "postgres"
    crew.home.mkdir(mode=0o700)
    (crew.home / "logs").mkdir()
    make_cluster(folder)
    server = start_server(folder, crew.home / "logs" / "postgres.log")
    for name in ("postgres", "nightcrew", "prefect"):
        with psycopg.connect(
            host=str(server.sockets), user="postgres", dbname=name, autocommit=True
        ) as connection:
            if name == "postgres":
                connection.execute("create database nightcrew")
                connection.execute("create database prefect")
                continue
            connection.execute("create extension pg_trgm")
            connection.execute("create type state as enum ('done')")
            connection.execute("create table kept (n serial primary key, s state)")
            connection.execute("create view seen as select * from kept")
            connection.execute("insert into kept (s) values ('done')")
            connection.execute("create function two() returns int language sql as 'select 2'")
    url = make_url(ensure_database(crew))  # while it still runs
    assert open_database(crew).pid == server.pid
    for name in ("nightcrew", "prefect"):
        with psycopg.connect(**psycopg_arguments(url.set(database=name))) as connection:
            assert connection.execute("select n, s::text, two() from seen").fetchall() == [(1, "done", 2)]
            connection.execute("alter table kept add column more int")
            connection.execute("alter type state add value 'failed'")
            connection.execute("drop function two()")
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(host=str(server.sockets), user="postgres", dbname="postgres")


def test_a_lost_password_is_made_anew(crew: Settings) -> None:
    ensure_database(crew)
    release_home(crew)
    (crew.home / "secrets" / "pgpass").unlink()
    with psycopg.connect(**psycopg_arguments(make_url(ensure_database(crew)))) as connection:
        assert connection.execute("select user").fetchone() == ("nightcrew",)


def test_a_home_with_a_long_path_has_its_socket_elsewhere_and_closed(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / ("long" * 20), database_url=None)
    try:
        url = make_url(ensure_database(settings))
        sockets = Path(str(url.query["host"]))
        assert not sockets.is_relative_to(tmp_path)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        with psycopg.connect(**psycopg_arguments(url)) as connection:
            assert connection.execute("select user").fetchone() == ("nightcrew",)
    finally:
        release_home(settings)


def test_a_server_that_was_killed_is_started_again_at_once(crew: Settings) -> None:
    """The killed one is our own child, and remains as a zombie until somebody asks how it ended."""
    pid = open_database(crew).pid
    assert pid is not None and open_database(crew).is_running
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while open_database(crew).is_running:
        assert time.monotonic() < deadline
    again = None
    while again is None:
        assert time.monotonic() < deadline
        with suppress(Transient):  # processes of the killed one may still be there
            again = revive(crew)
    assert again != pid and open_database(crew).is_running
    with psycopg.connect(**psycopg_arguments(make_url(ensure_database(crew)))) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_two_engines_on_one_database_start_one_after_the_other(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONGEST_START_SECONDS", 1)
    opened = open_database(load_settings(home=tmp_path, database_url=database_url))
    with alone_on(opened), pytest.raises(Transient, match="for too long"), alone_on(opened):
        pass
    with alone_on(opened):
        pass


def test_an_address_with_tls_is_understood_by_both_drivers() -> None:
    for option in ("sslmode", "ssl"):  # libpq's name, asyncpg's name
        url = make_url(f"postgresql://crew@db.internal/crew?{option}=require")
        assert psycopg_arguments(url)["sslmode"] == "require"
