"""The crew of a slice: `run-engine` as an operator starts it, on a small disk, its provider behind a line."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.rows import DictRow, dict_row

from benchmarks.chaos.clock import Clock, make_clock
from benchmarks.chaos.tasks import scenario
from benchmarks.line import Line
from benchmarks.support import twin_process
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew.processes import free_port
from nightcrew.crew.status import ServiceStatus, status
from nightcrew.crew.storage.database import PASSWORD_FILE, PREFECT_DATABASE, STORE_DATABASE
from nightcrew.crew.storage.postgres import running_server
from nightcrew.crew.storage.roles import ROLE
from nightcrew.settings import Settings, load_settings

DISK = "2g"
START_SECONDS = 300.0


@dataclass
class Stage:
    """A crew with everything that a fault needs to know of it."""

    folder: Path
    settings: Settings
    env: dict[str, str]
    repo: Path
    twin_url: str
    line: Line
    dice: random.Random
    workers: int
    has_small_disk: bool
    clock: Clock | None = None  # the crew's own
    engine: subprocess.Popen[bytes] | None = None
    python: str = sys.executable  # of the version that runs
    stopped_by_us: bool = False  # the engine: its end is no surprise
    acts: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # task: done by people
    killed: Counter[str] = field(default_factory=Counter)  # how often a task's own process was
    surprises: list[str] = field(default_factory=list)
    _connection: psycopg.Connection[DictRow] | None = None

    @property
    def _program(self) -> Sequence[str]:
        prefix = self.clock.prefix if self.clock else ()
        return (*prefix, self.python, "-m", "nightcrew.cli")

    @property
    def services(self) -> ServiceStatus:
        """What the crew's own status file says."""
        return status(self.settings)

    def start_engine(self) -> None:
        """Start `nightcrew run-engine`; it is ready when `is_ready`."""
        log = (self.folder / "engine.log").open("ab")
        self.engine = subprocess.Popen(
            [*self._program, "run-engine", "--workers", str(self.workers)],
            env=self.env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.stopped_by_us = False

    def command(self, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command of nightcrew as a person does."""
        return subprocess.run(
            [*self._program, *words],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def query(self, sql: str, *values: object) -> list[DictRow]:
        """Rows of the state store, over a connection of our own that no service has.

        Raises:
            psycopg.Error: PostgreSQL does not answer.
        """
        if self._connection is None or self._connection.closed:
            self._connection = self.connect(STORE_DATABASE)
        try:
            return self._connection.execute(sql, values or None).fetchall()
        except psycopg.Error:
            self._connection.close()
            raise

    def prefect_rows(self, sql: str) -> list[DictRow]:
        """Rows of Prefect's own database."""
        with self.connect(PREFECT_DATABASE) as connection:
            return connection.execute(sql).fetchall()

    def connect(self, database: str, *, user: str = ROLE) -> psycopg.Connection[DictRow]:
        """A new connection to the crew's PostgreSQL."""
        server = running_server(self.settings.home / "postgres")
        if server is None:
            raise psycopg.OperationalError("PostgreSQL does not run")
        return psycopg.connect(
            host=str(server.sockets),
            user=user,
            dbname=database,
            passfile=str(self.settings.home / "secrets" / PASSWORD_FILE),
            connect_timeout=3,
            options="-c statement_timeout=10000",
            autocommit=True,
            row_factory=dict_row,
        )

    @property
    def own_backend(self) -> int | None:
        """The process of PostgreSQL that answers our own questions."""
        alive = self._connection is not None and not self._connection.closed
        return self._connection.info.backend_pid if alive and self._connection else None

    def twin(self, change: dict[str, Any]) -> None:
        """Change what the provider does from its next call on."""
        request = urllib.request.Request(
            self.twin_url.replace("/api/v1", "/twin/change"), data=json.dumps(change).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30):
            pass

    def processes(self) -> list[psutil.Process]:
        """Every process of this crew."""
        return processes_of(self.folder)

    def end_all(self) -> int:
        """Cut the power: every process of the crew ends at the same moment; their number."""
        ended = end_all(self.folder)
        if self.engine is not None:
            self.engine.wait(10)
        return ended


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process of the crew in `folder`: by its environment, its command line, or where it works."""
    top = [
        process for process in psutil.process_iter() if process.pid != os.getpid() and _is_of(process, folder)
    ]
    found = {process.pid: process for process in top}
    for process in top:
        with suppress(psutil.Error):
            found |= {child.pid: child for child in process.children(recursive=True)}
    return list(found.values())


def end_all(folder: Path) -> int:
    """End every process of the crew in `folder` at the same moment; their number."""
    ours = processes_of(folder)
    for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: no one sees another one die
        for process in ours:
            with suppress(psutil.Error):
                process.send_signal(number)
    psutil.wait_procs(ours, timeout=10)
    return len(ours)


def clear(folder: Path) -> None:
    """Remove the folder of a slice, with the processes and the disk that an interrupted one has left."""
    if not folder.exists():
        return
    end_all(folder)
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stage_in(folder: Path, dice: random.Random, *, workers: int, cache: Path) -> Iterator[Stage]:
    """A stage in `folder`, which is made and removed; the engine is not started yet."""
    folder.mkdir(parents=True, mode=0o755)
    has_small_disk = _mount(folder)
    for name in ("tmp", "home"):
        (folder / name).mkdir(mode=0o700)
    try:
        with twin_process(scenario()) as twin_url:
            port = int(twin_url.removesuffix("/api/v1").rpartition(":")[2])
            with Line(port) as line:
                env = _environment(folder, line.port, cache)
                settings = _settings_of(env)
                repo = make_repository(folder / "stockroom")
                stage = Stage(folder, settings, env, repo, twin_url, line, dice, workers, has_small_disk)
                stage.clock = make_clock(folder) if has_small_disk else None
                try:
                    yield stage
                finally:
                    stage.end_all()
    finally:
        clear(folder)


# ---------------------------------------------------------------------------------------------------------


def _mount(folder: Path) -> bool:
    """A small disk at `folder`, where the machine allows it."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "nightcrew-chaos", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        return False
    # What a fault mounts below it is seen by the crew, which has mounts of its own.
    subprocess.run(["mount", "--make-shared", str(folder)], check=True)
    return True


def _is_of(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = (*process.environ().values(), *process.cmdline(), process.cwd())
        return any(str(folder) in word for word in words)
    return False


def _environment(folder: Path, provider_port: int, cache: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    return kept | {
        "NIGHTCREW_HOME": str(folder / "home"),
        "NIGHTCREW_CACHE": str(cache),
        "NIGHTCREW_BASE_URL": f"http://127.0.0.1:{provider_port}/api/v1",
        "NIGHTCREW_API_KEY": "twin",
        "NIGHTCREW_PREFECT_PORT": str(free_port(0)),
        "NIGHTCREW_FREE_REQUESTS_PER_MINUTE": "1000",
        "NIGHTCREW_FREE_REQUESTS_PER_DAY": "1000",
        "NIGHTCREW_TRY_MODELS": "false",
        "TMPDIR": str(folder / "tmp"),
    }


_NOT_OURS = ("NIGHTCREW_", "OPENROUTER_", "PREFECT_", "PYTHONUNBUFFERED")


def _settings_of(env: dict[str, str]) -> Settings:
    """The settings that the crew has, in this process: only these variables, and none of the caller's."""
    for name in [name for name in os.environ if name.startswith(_NOT_OURS)]:
        del os.environ[name]
    os.environ.update({name: value for name, value in env.items() if name.startswith("NIGHTCREW_")})
    return load_settings()


def wait_for(true: Any, what: str, seconds: float = START_SECONDS) -> None:
    """Wait until `true()`.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.5)
