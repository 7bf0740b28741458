"""The files of finished environments: each content is stored once, and environments have hard links to it.

A second environment with the same packages takes little space, and its modules are compiled already.
Untrusted code can write to none of the files: they are linked after the build has ended, and a finished
environment is only ever mounted read-only. Byte code comes from a run of the sandbox that imports nothing, so
that no package can choose the byte code of another one.
"""
# Thousands of paths: as strings they take half the time.
# ruff: noqa: PTH101, PTH102, PTH104, PTH116, PTH208, S103

import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from nightcrew.execution.confinement.confinement import Sandbox
from nightcrew.execution.confinement.interpreter import interpreter_mounts
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.environments import bytecode
from nightcrew.execution.environments.build import LIMITS

log = logging.getLogger(__name__)

_PROGRAM = "/run/nightcrew/build/bytecode.py"
_IMPORTED = re.compile(r"lib/python(?P<version>3\.\d+t?)/site-packages(?:/.*)?")
_NOT_IMPORTED = "/tests/"  # a quarter of large packages
_NEW = ".nightcrew-new"
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _Module(NamedTuple):
    """A module, and the folder, the name there and the stored name of its byte code."""

    source: str
    folder: str
    compiled: str
    stored: str


class SharedFiles:
    """The stored files in `folder`. Safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = os.fspath(folder)

    def share(self, environment: Path, sandbox: Sandbox, python: Path) -> None:
        """Link the files of a closed `environment`, whose `python` compiles its modules in `sandbox`."""
        modules = list(self._link_files(os.fspath(environment)))
        stored = set(os.listdir(self._folder))
        if missing := {one.stored: one.source for one in modules if one.stored not in stored}:
            self._compile(missing, environment, sandbox, python)
        for folder, inside in groupby(modules, key=lambda one: one.folder):
            with _writable(folder):
                for one in inside:
                    _link(f"{self._folder}/{one.stored}", f"{folder}/{one.compiled}")

    # -----------------------------------------------------------------------------------------------------

    def _link_files(self, environment: str) -> Iterator[_Module]:
        """Link each file; yields the modules to be compiled."""
        for folder, _, names in os.walk(environment):
            imported = _IMPORTED.fullmatch(folder[len(environment) + 1 :])
            tag = f"cpython-{imported['version'].replace('.', '')}" if imported else ""
            with _writable(folder):
                digests = {name: digest for name in names if (digest := self._share(f"{folder}/{name}"))}
                sources = [name for name in digests if name.endswith(".py") and imported]
                place = f"{folder}/__pycache__"
                if sources and _NOT_IMPORTED not in f"{folder}/" and _is_made(place):
                    for name in sources:
                        compiled = f"{name[:-3]}.{tag}.pyc"
                        yield _Module(f"{folder}/{name}", place, compiled, f"{digests[name]}.{tag}.pyc")

    def _share(self, path: str) -> str | None:
        """Replace a file by a link to the stored one, or store it; returns the hash of its content."""
        with suppress(OSError), os.fdopen(os.open(path, _OPEN), "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            # A file with holes is larger to read than it was to write.
            if not stat.S_ISREG(status.st_mode) or status.st_blocks * 512 < status.st_size:
                return None
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            stored = f"{self._folder}/{digest}{'x' * (status.st_mode & 0o111 != 0)}"
            try:
                os.link(path, stored)
            except FileExistsError:
                _link(stored, path, status)
            except OSError:  # too many links, or another file system: the environment keeps its own file
                log.debug("%s is not shared", path, exc_info=True)
            return digest
        return None

    def _compile(self, missing: Mapping[str, str], environment: Path, sandbox: Sandbox, python: Path) -> None:
        with TemporaryDirectory(dir=self._folder) as scratch:
            done = sandbox.run(
                [str(python), "-I", "-S", "-W", "ignore", _PROGRAM],
                workspace=Path(scratch),
                mounts=(
                    *interpreter_mounts(python),
                    Mount(Path(bytecode.__file__).resolve(), _PROGRAM),
                    Mount(environment, str(environment)),
                ),
                stdin=os.fsencode("\0".join(word for pair in missing.items() for word in pair)),
                limits=LIMITS,
            )
            if done.returncode or done.killed_by:
                log.info("not all modules of %s could be compiled: %s", environment, done.stderr[-200:])
            for name in missing:
                self._take(name, f"{scratch}/{name}")

    def _take(self, name: str, made: str) -> None:
        """Store what was compiled, if it is a file; the sandbox has ended."""
        with suppress(OSError):
            if stat.S_ISREG(os.lstat(made).st_mode):
                os.chown(made, os.geteuid(), os.getegid())
                os.chmod(made, 0o444)
                os.rename(made, f"{self._folder}/{name}")


# ---------------------------------------------------------------------------------------------------------


@contextmanager
def _writable(folder: str) -> Iterator[None]:
    os.chmod(folder, 0o755)
    try:
        yield
    finally:
        os.chmod(folder, 0o555)


def _is_made(folder: str) -> bool:
    """True if the folder could be created, or is there. A link of that name leads anywhere."""
    with suppress(FileExistsError):
        os.mkdir(folder)
    return stat.S_ISDIR(os.lstat(folder).st_mode)


def _link(stored: str, path: str, like: os.stat_result | None = None) -> None:
    """Replace `path` by a link to `stored`, unless it differs in size or mode, as after a crash."""
    with suppress(OSError):  # not compiled, or too many links
        if like is None or _form(os.stat(stored)) == _form(like):
            os.link(stored, path + _NEW)
            os.rename(path + _NEW, path)


def _form(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mode
