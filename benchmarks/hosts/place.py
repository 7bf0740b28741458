"""What the hosts share, at this machine's address in their network: PostgreSQL, Redis, S3, the twin."""

import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import uvicorn

from benchmarks.hosts.network import HERE
from nightcrew.crew.storage.redis import check_redis
from nightcrew.errors import NightcrewError
from nightcrew.settings import load_settings
from nightcrew.testing.calls import Backend
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.scenario import Scenario
from nightcrew.testing.server import build_app

POSTGRES, REDIS, S3, TWIN = 15432, 16379, 15000, 18765
DATABASE = f"postgresql://crew@{HERE}:{POSTGRES}/crew"
REDIS_URL = f"redis://{HERE}:{REDIS}/0"
S3_URL = f"http://{HERE}:{S3}"
TWIN_URL = f"http://{HERE}:{TWIN}/api/v1"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """The shared services, and the variables by which hosts find them."""

    twin: Backend
    variables: dict[str, str]


def obstacle() -> str:
    """Which of the services cannot be played here; empty if all can."""
    missing = [
        *([] if _initdb() else ["Debian's postgresql"]),
        *([] if shutil.which("redis-server") else ["redis-server"]),
    ]
    missing += [name for name in ("moto", "s3fs", "prefect_redis") if find_spec(name) is None]
    return f"{', '.join(missing)} not found" if missing else ""


@contextmanager
def place(folder: Path, scenario: Scenario) -> Iterator[Place]:
    """All services, with their data in `folder`, for the length of a block."""
    with ExitStack() as stack:
        _start_postgres(stack, folder / "database")
        redis = [
            _found("redis-server"),
            "--port",
            str(REDIS),
            "--bind",
            HERE,
            "--save",
            "",
            "--protected-mode",
            "no",
        ]
        _start(stack, redis)
        _start(stack, [sys.executable, "-m", "moto.server", "-H", HERE, "-p", str(S3)])
        backend = _start_twin(stack, scenario)
        (credentials := folder / "aws").write_text(
            "[default]\naws_access_key_id = test\naws_secret_access_key = test\n"
        )
        variables = {
            "NIGHTCREW_DATABASE_URL": DATABASE,
            "NIGHTCREW_REDIS_URL": REDIS_URL,
            "NIGHTCREW_STORE_URL": "s3://crew/shared",
            "NIGHTCREW_BASE_URL": TWIN_URL,
            "NIGHTCREW_API_KEY": scenario.account.api_key or "twin",
            "AWS_ENDPOINT_URL": S3_URL,
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        _until(lambda: check_redis(load_settings(redis_url=REDIS_URL)), "Redis")
        _until(_make_bucket, "the S3 server")
        yield Place(backend, variables)


# ---------------------------------------------------------------------------------------------------------


def _initdb() -> Path | None:
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


def _found(program: str) -> str:
    return shutil.which(program) or program


def _start(stack: ExitStack, command: Sequence[str | Path]) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _start_postgres(stack: ExitStack, folder: Path) -> None:
    """Debian's server, as its own user; the network has nobody else, so that no password is needed."""
    initdb = _initdb()
    assert initdb is not None
    folder.mkdir(mode=0o700)
    shutil.chown(folder, "postgres", "postgres")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    made = [*as_user, str(initdb), "-D", str(folder), "--auth=trust", "--username=crew", "--encoding=utf8"]
    subprocess.run(made, check=True, capture_output=True, cwd="/")
    with (folder / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {HERE}/24 trust\n")
    options = {"listen_addresses": HERE, "port": POSTGRES, "max_connections": 400, "fsync": "off"}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    server = [*as_user, str(initdb.with_name("postgres")), "-D", str(folder), "-k", str(folder), *words]
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    stack.callback(process.wait)
    stack.callback(process.send_signal, 3)  # SIGQUIT: at once, whoever is connected
    _until(_make_database, "PostgreSQL")


def _make_database() -> bool:
    with psycopg.connect(DATABASE.removesuffix("crew") + "postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE crew")
    return True


def _make_bucket() -> bool:
    urllib.request.urlopen(urllib.request.Request(f"{S3_URL}/crew", method="PUT"), timeout=5).close()
    return True


def _start_twin(stack: ExitStack, scenario: Scenario) -> Backend:
    backend = Backend(scenario, TwinClock())
    options = uvicorn.Config(
        build_app(backend), host=HERE, port=TWIN, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(options)
    thread = threading.Thread(target=server.run, name="twin", daemon=True)
    thread.start()
    stack.callback(thread.join, 10)
    stack.callback(setattr, server, "should_exit", True)
    _until(lambda: server.started, "the twin")
    return backend


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, NightcrewError, psycopg.OperationalError):
            if true():
                return
        time.sleep(0.1)
    sys.exit(f"{what} did not start within {START_SECONDS:.0f} s")
