"""The door to running code that nobody trusts: `open_sandbox`, and what a command inside may see.

Confinement itself is in `bubblewrap.py`; running without any is in `unconfined.py` and has to be asked for.
"""

import sys
import sysconfig
from pathlib import Path

import nightcrew
from nightcrew.execution.confinement.bubblewrap import Bubblewrap
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits, Mount, Sandbox
from nightcrew.execution.confinement.interpreter import base_python, interpreter_mounts, outermost
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
    "base_python",
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
    shown = (Mount(folder.resolve(), str(folder)) for folder in folders)
    return outermost([*interpreter_mounts(Path(sys.executable)), *shown])
