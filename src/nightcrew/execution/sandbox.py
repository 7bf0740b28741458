"""The entry point for running untrusted code: `open_sandbox`, and the mounts for commands.

Confinement is in `bubblewrap.py`, or in `container.py` if an engine is configured; `unconfined.py` runs
without confinement and has to be configured explicitly.
"""

from nightcrew.execution.confinement.bubblewrap import Bubblewrap
from nightcrew.execution.confinement.confinement import WORKSPACE, Completed, Limits, Sandbox
from nightcrew.execution.confinement.container import Container, ContainerRoot
from nightcrew.execution.confinement.control_groups import current_hierarchy
from nightcrew.execution.confinement.interpreter import base_python, interpreter_mounts
from nightcrew.execution.confinement.mount import Mount
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
    """The sandbox of that kind, tested once. `root` is the source of a container's file system.

    Raises:
        SandboxUnavailable: it does not work on this machine; the message names the options.
        BadInput: the engine cannot use that root.
    """
    if kind is SandboxKind.NONE:
        return Unconfined()
    sandbox = Bubblewrap() if kind is SandboxKind.BUBBLEWRAP else Container(kind.value, root)
    sandbox.prove()
    return sandbox


def settled_sandbox(settings: Settings) -> Sandbox:
    """The configured sandbox.

    Raises:
        SandboxUnavailable: it does not work on this machine.
        BadInput: the settings contradict each other.
    """
    return open_sandbox(settings.sandbox, ContainerRoot(settings.sandbox_image, settings.sandbox_root))


def not_limited(sandbox: Sandbox) -> str:
    """The resources without a limit in this sandbox, as text for a person; empty if there is none."""
    return current_hierarchy().not_limited if isinstance(sandbox, Bubblewrap) else ""
