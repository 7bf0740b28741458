"""What of a Python installation a sandbox has to show: the installation, and nothing that lies beside it.

As a rule an installation has a folder of its own, its prefix, and that is shown. Where `python` was put into
a folder that holds other things as well (a home, `/`, `/opt`), only the program, its library and its headers
are.
"""

import os
import pwd
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from nightcrew.errors import BadInput
from nightcrew.execution.confinement.confinement import Mount

_OWN = frozenset(
    {"bin", "lib", "lib32", "lib64", "libexec", "include", "share", "man", "BUILD", "pyvenv.cfg"}
)
"""What lies in a prefix that was made for Python alone."""
_CONDA = "conda-meta"
_VENV = "pyvenv.cfg"
_LIBRARY = "lib/python3.*/os.py"
_PARTS = ("lib/python3.*", "lib/libpython3*", "include/python3.*")
_LINKS = 40


def base_python() -> Path:
    """The real program of the interpreter that runs us, not of a virtual environment of it."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def interpreter_mounts(python: Path) -> tuple[Mount, ...]:
    """Everything that `python` needs to start inside under its own path, read-only.

    What belongs to the system is there anyway. A link on the way that lies in no installation, such as
    `~/bin/python3.12`, is stood for by the program that it leads to, with its library beside it.

    Raises:
        BadInput: `python` is not a program of a Python installation.
    """
    real = Path(os.path.realpath(python))
    if not real.is_file() or real.parent.name != "bin":
        raise BadInput(f"{python} is not the program of a Python installation")
    return outermost(mount for link in _links(python) for mount in _shown(link, real))


def outermost(found: Iterable[Mount]) -> tuple[Mount, ...]:
    """Each target once, none below another or in the system that is there anyway, outermost first."""
    kept: list[Mount] = []
    for mount in sorted(found, key=lambda mount: len(Path(mount.target).parts)):
        if not any(Path(mount.target).is_relative_to(above) for above in ["/usr", *(m.target for m in kept)]):
            kept.append(mount)
    return tuple(kept)


# ---------------------------------------------------------------------------------------------------------


def _links(python: Path) -> Iterator[Path]:
    """`python`, and what it leads to link by link, each as an absolute path."""
    for _ in range(_LINKS):
        yield python
        if not python.is_symlink():
            return
        python = Path(os.path.normpath(python.parent.resolve() / python.readlink()))
    raise BadInput(f"{python} is a link that leads nowhere")


def _shown(link: Path, real: Path) -> Iterator[Mount]:
    """The prefix that `link` lies in; where others have a part in it, the program and what it needs of it."""
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
    """True where the folder is that of an installation or a virtual environment, and of nothing else."""
    if prefix in _shared() or not ((prefix / _VENV).is_file() or any(prefix.glob(_LIBRARY))):
        return False
    return (
        (prefix / _VENV).is_file() or (prefix / _CONDA).is_dir() or {p.name for p in prefix.iterdir()} <= _OWN
    )


def _shared() -> set[Path]:
    """Homes, and every folder above one."""
    homes = {Path.home().resolve(), *(Path(user.pw_dir) for user in pwd.getpwall())}
    return {Path("/"), *homes, *(above for home in homes for above in home.parents)}
