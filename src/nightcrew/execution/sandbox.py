"""The door to running code that nobody trusts: `open_sandbox`, and what a command inside may see.

Confinement itself is in `bubblewrap.py`, or in `container.py` where an engine is asked for; running without
is in `unconfined.py` and has to be asked for.
"""

from nightcrew.execution.confinement.bubblewrap import Bubblewrap
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits, Mount, Sandbox
from nightcrew.execution.confinement.container import Container, ContainerRoot
from nightcrew.execution.confinement.control_groups import current_hierarchy
from nightcrew.execution.confinement.interpreter import base_python, interpreter_mounts
from nightcrew.execution.confinement.results import Results
from nightcrew.execution.confinement.unconfined import Unconfined
from nightcrew.settings import SandboxKind, Settings

__all__ = [
    "WORKSPACE",
    "Completed",
    "ContainerRoot",
    "Limits",
    "Mount",
    "Results",
    "Sandbox",
    "base_python",
    "interpreter_mounts",
    "not_limited",
    "open_sandbox",
    "settled_sandbox",
]


def open_sandbox(kind: SandboxKind, root: ContainerRoot = ContainerRoot()) -> Sandbox:  # noqa: B008 - frozen
    """The sandbox of that kind, tried once. `root` is where a container's file system comes from.

    Raises:
        SandboxUnavailable: it does not work on this machine; the message names the choices.
        BadInput: an engine cannot start from that root.
    """
    if kind is SandboxKind.NONE:
        return Unconfined()
    sandbox = Bubblewrap() if kind is SandboxKind.BUBBLEWRAP else Container(kind.value, root)
    sandbox.prove()
    return sandbox


def settled_sandbox(settings: Settings) -> Sandbox:
    """The sandbox that the settings ask for.

    Raises:
        SandboxUnavailable: it does not work on this machine.
        BadInput: the settings do not fit each other.
    """
    return open_sandbox(settings.sandbox, ContainerRoot(settings.sandbox_image, settings.sandbox_root))


def not_limited(sandbox: Sandbox) -> str:
    """What commands in this sandbox may use without a limit, as a person reads it; empty: nothing."""
    return current_hierarchy().not_limited if isinstance(sandbox, Bubblewrap) else ""
