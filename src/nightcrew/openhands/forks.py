"""Agents that are forked from one process with the SDK loaded, which a worker keeps in a sandbox of its own.

Loading the SDK takes some 3 CPU seconds and 250 MB, which agents of one worker then share.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightcrew.execution.confinement.bubblewrap import Bubblewrap
from nightcrew.execution.confinement.forking.forked import Forked
from nightcrew.execution.confinement.forking.keeper import Keeper, Loaded
from nightcrew.execution.environments.kept import Environment
from nightcrew.execution.sandbox import Sandbox, settled_sandbox
from nightcrew.openhands.runtime import agent_runtime, inside_mounts
from nightcrew.settings import SandboxKind, Settings

CLIENT = "nightcrew.openhands.inside.client"
FORKS = "NIGHTCREW_AGENT_FORKS"
"""The variable by which a worker tells its runs the socket at which agents are forked."""


@contextmanager
def keep_agents_loaded(settings: Settings) -> Iterator[None]:
    """Let the processes started meanwhile fork their agents, where the settings and the sandbox allow it.

    The SDK is loaded when the first agent is asked for, and given up when none was for ten minutes.
    """
    if not settings.forked_agents or settings.sandbox is not SandboxKind.BUBBLEWRAP:
        yield
        return
    with Keeper(lambda: _loaded(settings)) as keeper:
        os.environ[FORKS] = os.fspath(keeper.path)
        try:
            yield
        finally:
            os.environ.pop(FORKS, None)


def forked_agents(settings: Settings, sandbox: Sandbox, runtime: Environment) -> Forked | None:
    """Runs the client in forked processes; None where this process's worker keeps none."""
    path = os.environ.get(FORKS, "")
    if not path or not settings.forked_agents or not isinstance(sandbox, Bubblewrap):
        return None
    return Forked(Path(path), inside_mounts(runtime))


# ---------------------------------------------------------------------------------------------------------


def _loaded(settings: Settings) -> Loaded:
    runtime = agent_runtime(settings, settled_sandbox(settings))
    return Loaded(runtime.python, CLIENT, inside_mounts(runtime))
