"""The mounts of a Python installation in a sandbox: the installation, and no neighbouring files.

Usually an installation has its own folder, its prefix, which is mounted. If `python` is in a folder with
other contents (a home, `/`, `/opt`), only the program, its library and its headers are mounted.
"""

import os
import pwd
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from nightcrew.errors import BadInput
from nightcrew.execution.confinement.mount import Mount

_OWN = frozenset(
    {"bin", "lib", "lib32", "lib64", "libexec", "include", "share", "man", "BUILD", "pyvenv.cfg"}
)
"""The usual contents of a prefix that only belongs to Python."""
_CONDA = "conda-meta"
_VENV = "pyvenv.cfg"
_LIBRARY = "lib/python3.*/os.py"
_PARTS = ("lib/python3.*", "lib/libpython3*", "include/python3.*")
_LINKS = 40


def base_python() -> Path:
    """The real program of the current interpreter, not the one of a virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


@lru_cache(maxsize=64)  # it takes 5 ms, and each of a verdict's runs asks
def interpreter_mounts(python: Path) -> tuple[Mount, ...]:
    """The read-only mounts that `python` needs to start in the sandbox under its own path.

    The system's folders are mounted anyway. A link outside of any installation, such as `~/bin/python3.12`,
    is replaced by the program that it points to, with its library.

    Raises:
        BadInput: `python` is not a program of a Python installation.
    """
    real = Path(os.path.realpath(python))
    if not real.is_file() or real.parent.name != "bin":
        raise BadInput(f"{python} is not the program of a Python installation")
    return outermost(mount for link in _links(python) for mount in _shown(link, real))


def outermost(found: Iterable[Mount]) -> tuple[Mount, ...]:
    """Each target once, outermost first, without those inside another one or in the system's folders."""
    kept: list[Mount] = []
    for mount in sorted(found, key=lambda mount: len(Path(mount.target).parts)):
        if not any(Path(mount.target).is_relative_to(above) for above in ["/usr", *(m.target for m in kept)]):
            kept.append(mount)
    return tuple(kept)


# ---------------------------------------------------------------------------------------------------------


def _links(python: Path) -> Iterator[Path]:
    """`python` and the links to its program, each as an absolute path."""
    for _ in range(_LINKS):
        yield python
        if not python.is_symlink():
            return
        python = Path(os.path.normpath(python.parent.resolve() / python.readlink()))
    raise BadInput(f"{python} is a broken link")


def _shown(link: Path, real: Path) -> Iterator[Mount]:
    """The mount of the prefix of `link`; if the prefix is shared, the program and the parts it needs."""
    prefix = link.parent.parent
    if link.parent.name == "bin" and _is_own(prefix.resolve()):
        yield Mount(prefix.resolve(), str(prefix))
        return
    yield Mount(real, str(link))
    installation = prefix if any(prefix.glob(_LIBRARY)) else real.parent.parent
    for part in (p for pattern in _PARTS for p in installation.glob(pattern)):
        yield Mount(part.resolve(), str(prefix / part.relative_to(installation)))
    if (prefix / _VENV).is_file():
        yield Mount((prefix / _VENV).resolve(), str(prefix / _VENV))


def _is_own(prefix: Path) -> bool:
    """True if the folder belongs to an installation or a virtual environment only."""
    if prefix in _shared() or not ((prefix / _VENV).is_file() or any(prefix.glob(_LIBRARY))):
        return False
    return (
        (prefix / _VENV).is_file() or (prefix / _CONDA).is_dir() or {p.name for p in prefix.iterdir()} <= _OWN
    )


def _shared() -> set[Path]:
    """True for homes and their parent folders."""
    homes = {Path.home().resolve(), *(Path(user.pw_dir) for user in pwd.getpwall())}
    return {Path("/"), *homes, *(above for home in homes for above in home.parents)}
