"""The crew's PostgreSQL: started when needed, shared by processes, stopped by its last user."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from nightcrew.crew.database import (
    ensure_database,
    open_database,
    psycopg_arguments,
    release_home,
)
from nightcrew.crew.processes import ProcessId
from nightcrew.errors import BadInput, StoreDown
from nightcrew.settings import Settings, load_settings

USER = """
import sys
from pathlib import Path
from nightcrew.settings import load_settings
from nightcrew.crew.database import open_database
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


@pytest.mark.parametrize("url", ["mysql://u@h/d", "nonsense", "postgresql://user@host"])
def test_another_kind_of_database_is_refused_in_a_sentence(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="must look like postgresql://"):
        open_database(load_settings(home=tmp_path, database_url=url))


def test_a_database_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreDown, match="does not answer"):
        open_database(load_settings(home=tmp_path, database_url="postgresql://u@127.0.0.1:1/d"))
