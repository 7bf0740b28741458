"""After work was done, the key and other secrets lie in no place but their own files."""

import base64
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql
from pydantic import ValidationError
from sqlalchemy import URL, make_url

from nightcrew.cli.task_options import make_task
from nightcrew.crew import dispatch
from nightcrew.crew.api_access import password_of
from nightcrew.crew.database import PREFECT_DATABASE, open_database, psycopg_arguments
from nightcrew.task import Task, TaskStatus
from tests.attacks.git_server import GitServer
from tests.flows.conftest import ENV_CANARY, KEY, SHELL_CANARY, RunningCrew

pytestmark = pytest.mark.flows

URL_CANARY = "canary-in-an-address-0123456789ab"
OWN_FILES = r"secrets/(account\.json|prefect-password|pgpass)|prefect/profiles\.toml|credentials/[0-9a-f]{32}"


def test_no_secret_lies_anywhere_but_in_its_file(crew: RunningCrew) -> None:
    done = crew.submit("Describe what it costs, for the canaries.")
    rejected = crew.submit(
        "Tidy up, for the canaries.", task_type="refactoring", models=["twin/lazy:free"], max_attempts=1
    )
    fetched = from_a_server(crew)
    with pytest.raises(ValidationError) as refused:  # the command line takes the token out first
        crew.submit("Describe it elsewhere.", repo=f"https://me:{URL_CANARY}@127.0.0.1:9/shop.git")
    assert URL_CANARY not in refused.value.errors()[0]["msg"]
    assert crew.ended(done.task_id).status is TaskStatus.COMPLETED
    attempt = crew.settings.results_dir / rejected.task_id / "attempt-1" / "attempt.patch"
    assert crew.ended(rejected.task_id).status is TaskStatus.FAILED
    assert "b/.env" in attempt.read_text()  # the canary was where a patch shows it
    assert fetched.repo.startswith("http://127.0.0.1:")
    time.sleep(2)  # Prefect writes its last log lines
    canaries = {"key": KEY, "address": URL_CANARY, ".env": ENV_CANARY, "shell": SHELL_CANARY}
    own = {"API password": str(password_of(crew.status.home)).partition(":")[2]}
    assert list(in_files(crew, canaries | own)) == []
    assert list(in_databases(crew, canaries | own)) == []
    assert list(in_processes(crew, canaries)) == []


# ---------------------------------------------------------------------------------------------------------


def from_a_server(crew: RunningCrew) -> Task:
    """A task that was done in a repository which a server gives to who knows the token only."""
    server = GitServer(crew.repo / ".git", URL_CANARY)
    try:
        address = f"http://user:{URL_CANARY}@127.0.0.1:{server.server_port}/"
        values = crew.task("Describe it, from a server.").model_dump(exclude={"repo"})
        task = make_task(crew.settings, {**values, "repo": address})
        assert crew.ended(dispatch.submit(crew.settings, task).task_id).status is TaskStatus.COMPLETED
    finally:
        server.shutdown()
        server.server_close()
    assert server.basic in server.told
    assert server.seen == []
    return task


def shown(content: bytes, canaries: Mapping[str, str]) -> Iterator[str]:
    """The names of the canaries in `content`, in whatever common writing."""
    for name, canary in canaries.items():
        raw = canary.encode()
        cores = [base64.b64encode(bytes(n) + raw)[4:-4] for n in range(3)]
        escaped = "".join(f"\\u{byte:04x}" for byte in raw).encode()
        if any(form in content for form in (raw, raw.hex().encode(), escaped, *cores)):
            yield name


def in_files(crew: RunningCrew, canaries: Mapping[str, str]) -> Iterator[str]:
    """Files of the home, PostgreSQL's and Prefect's included, with a canary in them."""
    home = crew.status.home
    seen = 0
    for path in home.rglob("*"):
        name = path.relative_to(home).as_posix()
        if path.is_file() and not path.is_symlink() and not re.fullmatch(OWN_FILES, name):
            seen += 1
            yield from (f"{path}: {name}" for name in shown(path.read_bytes(), canaries))
    assert seen > 100


def in_databases(crew: RunningCrew, canaries: Mapping[str, str]) -> Iterator[str]:
    """Tables of both databases with a canary in a row: state store, parameters, states, logs, artifacts."""
    store = make_url(open_database(crew.settings).store_url)
    for database in (store.database, PREFECT_DATABASE):
        tables = list(rows(store.set(database=database)))
        assert len(tables) > 5
        for table, content in tables:
            yield from (f"{database}.{table}: {name}" for name in shown(content, canaries))


def rows(url: URL) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(**psycopg_arguments(url)) as connection:
        query = "select table_name from information_schema.tables where table_schema = 'public'"
        for (table,) in connection.execute(query).fetchall():
            every = sql.SQL("select row_to_json(t)::text from {} t").format(sql.Identifier(table))
            found: list[tuple[Any, ...]] = connection.execute(every).fetchall()
            yield table, json.dumps(found, ensure_ascii=False).encode()


def in_processes(crew: RunningCrew, canaries: Mapping[str, str]) -> Iterator[str]:
    """Processes of the crew with a canary in what they were started with."""
    tops = [*crew.status.alive.values(), crew.status.database_pid]
    processes = [psutil.Process(number) for number in tops if number]
    family = [*processes, *(child for one in processes for child in one.children(recursive=True))]
    assert len(family) > 5
    for process in family:
        for kind in ("environ", "cmdline"):
            try:
                content = Path(f"/proc/{process.pid}/{kind}").read_bytes()
            except OSError:
                continue  # it has ended
            yield from (f"{kind} of {process.pid}: {name}" for name in shown(content, canaries))
    assert os.getpid() not in tops
