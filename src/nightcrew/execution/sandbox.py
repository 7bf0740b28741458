"""The door to running code that nobody trusts: `open_sandbox`, and what a command inside may see.

Confinement itself is in `bubblewrap.py`; running without any is in `unconfined.py` and has to be asked for.
"""

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import nightcrew
from nightcrew.execution.confinement.bubblewrap import Bubblewrap
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits, Mount, Sandbox
from nightcrew.execution.confinement.results import Results
from nightcrew.execution.confinement.unconfined import Unconfined
from nightcrew.settings import SandboxKind

__all__ = [
    "WORKSPACE",
    "Completed",
    "Limits",
    "Mount",
    "Results",
    "Sandbox",
    "interpreter_mounts",
    "open_sandbox",
    "runtime_mounts",
]


def open_sandbox(kind: SandboxKind) -> Sandbox:
    """The sandbox of that kind, tried once.

    Raises:
        SandboxUnavailable: it does not work on this machine; the message names the choices.
    """
    if kind is SandboxKind.NONE:
        return Unconfined()
    sandbox = Bubblewrap()
    sandbox.prove()
    return sandbox


def runtime_mounts() -> tuple[Mount, ...]:
    """Nightcrew itself: its interpreter, its packages and its sources, read-only, where they are outside."""
    package = Path(nightcrew.__file__).resolve().parent
    folders = {
        Path(sys.prefix),
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("platlib")),
        package,
    }
    return _mounts([*interpreter_mounts(Path(sys.executable)), *(_read_only(folder) for folder in folders)])


def interpreter_mounts(python: Path) -> tuple[Mount, ...]:
    """The installation behind `python`, link by link, where it is not part of the system."""
    return _mounts(_read_only(folder) for folder in _installations(python))


# ---------------------------------------------------------------------------------------------------------


def _installations(python: Path) -> Iterator[Path]:
    """The folder above `bin` for every link from `python` to the real program."""
    for _ in range(10):
        yield python.parent.parent
        if not python.is_symlink():
            break
        python = python.parent / python.readlink()
    yield python.resolve().parent.parent


def _read_only(folder: Path) -> Mount:
    return Mount(folder.resolve(), str(folder))


def _mounts(found: "Iterator[Mount] | list[Mount]") -> tuple[Mount, ...]:
    """Each target once, none below another or in the system that is there anyway, outermost first."""
    kept: list[Mount] = []
    for mount in sorted(found, key=lambda mount: len(Path(mount.target).parts)):
        target = Path(mount.target)
        if target != Path("/") and not any(
            target.is_relative_to(above) for above in ["/usr", *(m.target for m in kept)]
        ):
            kept.append(mount)
    return tuple(kept)
