"""Keeps processes with pytest loaded, one for each environment and kind of run, and asks for them.

A worker keeps them for all its verdicts, `nightcrew verify` for its own. Such a process starts when the first
run asks for it and ends when none has for ten minutes. Importing pytest takes more than half of the CPU of a
short run, and a verdict has a dozen.
"""

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self, TypedDict

import nightcrew
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.bubblewrap import BASE_ENV, Bubblewrap
from nightcrew.execution.confinement.forking.forked import Forked
from nightcrew.execution.confinement.forking.keeper import Keeper, Loaded
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.sandbox import Mount, Sandbox, base_python
from nightcrew.settings import SandboxKind, Settings
from nightcrew.validation.loaded.inside import PLACE

log = logging.getLogger(__name__)

FORKS = "NIGHTCREW_RUN_FORKS"
"""The variable by which a process tells its descendants the socket at which to ask."""

_MODULE = "nightcrew_loaded"
_START = (
    f"import sys; sys.path.insert(0, {PLACE!r}); "
    "from nightcrew.execution.confinement.forking.parent import main; main()"
)
_PARTS = ("__init__.py", "execution/__init__.py", "execution/confinement/__init__.py")
_FORKING = "execution/confinement/forking"
_MOST = 100  # environments and kinds of one worker
_ASK_SECONDS = 10.0
_FREE = {"PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE"}
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")
"""Variables that Python or the C library reads when it starts, by their beginnings."""


class Wanted(TypedDict):
    """Which process is asked for: in this environment, with this seed, with the rig in it or without."""

    path: str
    interpreter: str
    identity: Sequence[int]  # of the folder, which may be built anew
    rig: Sequence[tuple[str, str]]  # mounts
    seed: int


@contextmanager
def keep_pytest_loaded(settings: Settings) -> Iterator[None]:
    """Keep them for this process's descendants, where the settings and the sandbox allow it."""
    with _keepers(settings.forked_runs and settings.sandbox is SandboxKind.BUBBLEWRAP) as path:
        if path is not None:
            os.environ[FORKS] = os.fspath(path)
        try:
            yield
        finally:
            os.environ.pop(FORKS, None)


@contextmanager
def pytest_loaded(settings: Settings, sandbox: Sandbox) -> Iterator[Path | None]:
    """The socket of what the worker keeps, else of our own; None where runs have to be started."""
    allowed = settings.forked_runs and isinstance(sandbox, Bubblewrap)
    if allowed and os.environ.get(FORKS):
        yield Path(os.environ[FORKS])
        return
    with _keepers(allowed) as path:
        yield path


def forked_runs(
    path: Path | None, environment: Environment, env: Mapping[str, str], rig: Sequence[Mount] = ()
) -> Forked | None:
    """Runs `inside.main` in processes forked by what listens at `path`; None where they have to be started.

    `env`: the variables of the run. `rig`: the mounts of a rigged one.
    """
    if path is None or environment.interpreter != base_python():
        return None
    if any(_matters_at_start(name, value) for name, value in env.items()):
        return None
    status = environment.path.stat()
    wanted = Wanted(
        path=str(environment.path),
        interpreter=str(environment.interpreter),
        identity=(status.st_dev, status.st_ino, status.st_ctime_ns),
        rig=[(str(mount.source), mount.target) for mount in rig],
        seed=int(env.get("PYTHONHASHSEED", "0")),
    )
    try:
        found = _ask(path, wanted)
    except OSError as error:
        log.warning("test runs start pytest themselves: %s", error)
        return None
    return Forked(Path(found), (*environment.mounts, *rig)) if found else None


class Keepers:
    """A context manager: answers each request with the socket of a keeper, which it opens if needed."""

    def __enter__(self) -> Self:
        self._resources = ExitStack()
        self._kept: dict[str, Keeper] = {}
        folder = self._resources.enter_context(temporary_folder("runs"))
        self.path = folder / "socket"
        self._listener = self._resources.enter_context(socket.socket(socket.AF_UNIX))
        self._listener.bind(os.fspath(self.path))
        self._listener.listen(64)
        thread = threading.Thread(target=self._serve, name="runs", daemon=True)
        thread.start()
        self._resources.callback(thread.join)
        self._resources.callback(self._listener.shutdown, socket.SHUT_RDWR)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    # -----------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                return
            with connection, suppress(OSError, ValueError):
                connection.settimeout(_ASK_SECONDS)
                with connection.makefile("rw") as stream:
                    stream.write(f"{self._keeper(stream.readline())}\n")

    def _keeper(self, line: str) -> str:
        if line not in self._kept and len(self._kept) < _MOST:
            wanted: Wanted = json.loads(line)
            self._kept[line] = self._resources.enter_context(Keeper(lambda: _loaded(wanted)))
        return os.fspath(self._kept[line].path) if line in self._kept else ""


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _keepers(allowed: bool) -> Iterator[Path | None]:
    if not allowed:
        yield None
        return
    with Keepers() as keepers:
        yield keepers.path


def _ask(path: Path, wanted: Wanted) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ASK_SECONDS)
        connection.connect(os.fspath(path))
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(wanted) + "\n")
            stream.flush()
            return stream.readline().strip()


def _matters_at_start(name: str, value: str) -> bool:
    return name.startswith(_AT_START) and name not in _FREE and BASE_ENV.get(name) != value


def _loaded(wanted: Wanted) -> Loaded:
    environment = Environment(Path(wanted["path"]), Path(wanted["interpreter"]), "")
    ours = Path(nightcrew.__file__).parent
    mounts = (
        *environment.mounts,
        *(Mount(Path(source), target) for source, target in wanted["rig"]),
        *(Mount(ours / part, f"{PLACE}/nightcrew/{part}") for part in (*_PARTS, _FORKING)),
        Mount(Path(__file__).with_name("inside.py"), f"{PLACE}/{_MODULE}.py"),
    )
    options = ("-P", "-s") if wanted["rig"] else ()
    env = {"PYTHONHASHSEED": str(wanted["seed"]), "PYTHONDONTWRITEBYTECODE": "1"}
    return Loaded(environment.python, _MODULE, mounts, (*options, "-c", _START), env)
