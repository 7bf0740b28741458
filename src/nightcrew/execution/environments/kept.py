"""The cache of finished environments, each built once for its inputs and mounted read-only.

The marker of a finished environment is next to its folder, where no build can write.
"""

import fcntl
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.confinement.confinement import Sandbox
from nightcrew.execution.confinement.interpreter import interpreter_mounts
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.environments.build import Builder, builder
from nightcrew.execution.environments.closing import close
from nightcrew.execution.environments.shared import SharedFiles

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Environment:
    """A finished environment; `key` is a hash of its inputs.

    `interpreter` is its real program, since the link inside cannot be trusted. `built` names what was not
    installed from wheels as declared: source archives, a set-up command, newer versions. `lacks` says why it
    has nothing of what the repository declares; it is empty where it has.
    """

    path: Path
    interpreter: Path
    key: str
    built: tuple[str, ...] = ()
    lacks: str = ""

    @property
    def python(self) -> Path:
        """Its interpreter, to be started in a sandbox only."""
        return self.bin / "python"

    @property
    def bin(self) -> Path:
        """The folder of its programs."""
        return self.path / "bin"

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The environment and the Python installation behind it, read-only."""
        return (*interpreter_mounts(self.interpreter), Mount(self.path, str(self.path)))


@dataclass(frozen=True, slots=True)
class Filled:
    """How an environment was filled; the fields are those of `Environment`."""

    built: tuple[str, ...] = ()
    lacks: str = ""


def kept(folder: Path, key: str) -> Environment | None:
    """The finished environment of that key in `folder`, None if there is none."""
    folder = folder.expanduser().resolve()
    return _read(folder / f"{key}.json", folder / key, key)


def keep(
    folder: Path,
    key: str,
    *,
    sandbox: Sandbox,
    packages: Path,
    python: Callable[[], Path],
    fill: Callable[[Builder], Filled],
) -> Environment:
    """The environment with this key in `folder`; if it is missing, `fill` builds it.

    One that lacks something is built again after a day. Safe to call from several processes at once.

    Raises:
        BadInput, Transient: raised by `fill`; nothing is kept then.
    """
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, mark = folder / key, folder / f"{key}.json"
    with _locked(folder / f"{key}.lock"):
        found = _read(mark, path, key)
        if found is not None:
            return found
        log.info("building environment %s", key)
        remove_tree(path)
        interpreter = python()
        try:
            path.mkdir(mode=0o700)
            with builder(sandbox, path, interpreter, packages) as build:
                filled = fill(build)
                built = (*filled.built, *sorted(build.mirror.source_archives))
            close(path)
            SharedFiles(packages / "contents").share(path, sandbox, interpreter)
        except BaseException:
            remove_tree(path)
            raise
        mark.write_text(json.dumps({"interpreter": str(interpreter), "built": built, "lacks": filled.lacks}))
        return Environment(path, interpreter, key, built, filled.lacks)


# ---------------------------------------------------------------------------------------------------------

_LACKING_SECONDS = 86_400  # after which another try may find what was missing


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Allow one builder at a time, across processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(mark: Path, path: Path, key: str) -> Environment | None:
    try:
        stored = json.loads(mark.read_text())
    except (OSError, ValueError):
        return None
    interpreter = Path(stored["interpreter"])
    if not (path.is_dir() and interpreter.is_file()):
        return None
    lacks = stored.get("lacks", "")
    if lacks and time.time() - mark.stat().st_mtime > _LACKING_SECONDS:
        return None
    return Environment(path, interpreter, key, tuple(stored["built"]), lacks)
