"""Searches for secrets in all that a crew leaves: files, databases, environments and command lines.

`python -m tests.flows.canaries HOME NIGHTCREW` searches after `nightcrew demo --keep` in that home. It first
gives the crew a task with a token in its address, by the command NIGHTCREW, and ends with 1 if a secret lies
anywhere but in its own file.
"""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from nightcrew.cli.demo.parts import secret_of
from nightcrew.crew.api_access import password_of
from nightcrew.crew.status import ServiceStatus, status
from nightcrew.crew.storage.database import PREFECT_DATABASE, open_database, psycopg_arguments
from nightcrew.secrets.account import account_file
from nightcrew.settings import Settings, load_settings
from tests.attacks.git_server import GitServer

OWN_FILES = r"secrets/(account\.json|prefect-password|pgpass)|prefect/profiles\.toml|credentials/[0-9a-f]{32}"
PROLOGUE = 2.0
"""Seconds in which Prefect writes its last log lines."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search of what one running crew has written and started."""

    settings: Settings
    status: ServiceStatus
    skipped: str = ""
    """A pattern of names in the home: files that may hold a secret, in addition to a secret's own file."""

    def found(self, canaries: Mapping[str, str]) -> list[str]:
        """The places in which one of the canaries lies, by name."""
        own = {"API password": str(password_of(self.status.home)).partition(":")[2]}
        stored = {**canaries, **own}
        return [*self._files(stored), *self._databases(stored), *self._processes(canaries)]

    def _files(self, canaries: Mapping[str, str]) -> Iterator[str]:
        """Files of the home, PostgreSQL's and Prefect's included."""
        home, seen = self.status.home, 0
        allowed = re.compile("|".join(filter(None, (OWN_FILES, self.skipped))))
        for path in home.rglob("*"):
            name = path.relative_to(home).as_posix()
            if path.is_file() and not path.is_symlink() and not allowed.fullmatch(name):
                seen += 1
                yield from (f"{path}: {canary}" for canary in shown(path.read_bytes(), canaries))
        assert seen > 100

    def _databases(self, canaries: Mapping[str, str]) -> Iterator[str]:
        """Tables of both databases: state store, parameters, states, logs, artifacts."""
        store = make_url(open_database(self.settings).store_url)
        for database in (store.database, PREFECT_DATABASE):
            tables = list(rows(store.set(database=database)))
            assert len(tables) > 5
            for table, content in tables:
                yield from (f"{database}.{table}: {name}" for name in shown(content, canaries))

    def _processes(self, canaries: Mapping[str, str]) -> Iterator[str]:
        """Processes of the crew, by what they were started with."""
        tops = [*self.status.alive.values(), self.status.database_pid]
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


def shown(content: bytes, canaries: Mapping[str, str]) -> Iterator[str]:
    """The names of the canaries in `content`, in whatever common writing."""
    for name, canary in canaries.items():
        raw = canary.encode()
        cores = [base64.b64encode(bytes(n) + raw)[4:-4] for n in range(3)]
        escaped = "".join(f"\\u{byte:04x}" for byte in raw).encode()
        if any(form in content for form in (raw, raw.hex().encode(), escaped, *cores)):
            yield name


def rows(url: URL) -> Iterator[tuple[str, bytes]]:
    """Each table of a database with all its rows as JSON."""
    with psycopg.connect(**psycopg_arguments(url)) as connection:
        query = "select table_name from information_schema.tables where table_schema = 'public'"
        for (table,) in connection.execute(query).fetchall():
            every = sql.SQL("select row_to_json(t)::text from {} t").format(sql.Identifier(table))
            found: list[tuple[Any, ...]] = connection.execute(every).fetchall()
            yield table, json.dumps(found, ensure_ascii=False).encode()


# ---------------------------------------------------------------------------------------------------------

TASK = (
    *("submit-task", "--wait", "--task-type", "documentation", "--target-file", "src/stockroom/reorder.py"),
    *("--model", "twin/journeyman", "--executor", "direct"),
    *("--description", "Document the functions of reorder.py, from a server."),
)


def main(home: Path, nightcrew: str) -> int:
    """Search the home of a demo that was kept; the exit code."""
    settings = load_settings(home=home)
    repository = home / "stockroom"
    canaries = {
        "key": str(json.loads(account_file(home).read_text())["api_key"]),
        "address": secrets.token_hex(16),
        ".env": secret_of(repository),
        **{name: os.environ[name] for name in ("OPENROUTER_API_KEY", "AWS_SECRET_ACCESS_KEY")},
    }
    done = from_a_server(home, nightcrew, canaries["address"])
    patches = [path.read_text() for path in (home / "results").rglob("attempt.patch")]
    if done.returncode or not any("b/.env" in patch for patch in patches):
        sys.stdout.write(f"{done.stdout}{done.stderr}{len(patches)} patches, none of which changes .env\n")
        return 1
    time.sleep(PROLOGUE)
    found = Search(settings, status(settings), skipped="stockroom/.*").found(canaries)
    sys.stdout.write("\n".join([*found, f"{len(canaries)} secrets, found in {len(found)} places\n"]))
    return bool(found)


def from_a_server(home: Path, nightcrew: str, token: str) -> subprocess.CompletedProcess[str]:
    """A task of the demo's crew, from a server that gives its repository only to who knows the token."""
    server = GitServer(home / "stockroom" / ".git", token)
    try:
        repo = f"http://user:{token}@127.0.0.1:{server.server_port}/"
        env = {name: value for name, value in os.environ.items() if name != "OPENROUTER_API_KEY"}
        env |= {"NIGHTCREW_HOME": str(home)}
        done = subprocess.run([nightcrew, *TASK, "--repo", repo], env=env, capture_output=True, text=True)
    finally:
        server.shutdown()
        server.server_close()
    assert server.basic in server.given
    assert server.seen == []
    assert token not in done.stdout + done.stderr
    return done


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2]))
