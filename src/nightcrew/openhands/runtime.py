"""The agent's runtime: a separate environment for the SDK, with its own lock file, used in the sandbox only.

It has about 140 foreign packages. In our environment, a `.pth` file of any of them would run in every
interpreter. `python -m nightcrew.openhands.runtime` builds it ahead of its first use.
"""

import hashlib
import sys
from importlib.resources import files
from pathlib import Path

from nightcrew.errors import NightcrewError
from nightcrew.execution import confinement
from nightcrew.execution.environments.build import Builder
from nightcrew.execution.environments.kept import Environment, keep
from nightcrew.execution.sandbox import Mount, Sandbox, base_python, settled_sandbox
from nightcrew.openhands import inside
from nightcrew.settings import Settings, load_settings

_LOCK = "runtime.lock"
_RECIPE = 1  # increase it to rebuild all runtimes
_LIBRARY = "/run/nightcrew/lib"


def agent_runtime(settings: Settings, sandbox: Sandbox) -> Environment:
    """The runtime of this version, built in `sandbox` if missing (about a minute).

    Raises:
        BadInput: it cannot be built; the message has the last lines of the output.
        Transient: the package index cannot be reached.
    """
    lock = (files("nightcrew.openhands") / _LOCK).read_text()
    key = hashlib.sha256(f"{_RECIPE} {sys.version} {base_python()}\n{lock}".encode()).hexdigest()[:24]

    def fill(builder: Builder) -> tuple[str, ...]:
        builder.install_locked(lock, path=_LIBRARY)
        return ()

    return keep(
        settings.runtimes_dir,
        key,
        sandbox=sandbox,
        packages=settings.packages_dir,
        python=base_python,
        fill=fill,
    )


def inside_mounts(runtime: Environment) -> tuple[Mount, ...]:
    """The mounts for the client's imports: the runtime, and our two folders for the sandbox."""
    ours = (_folder(inside), _folder(confinement))
    root = Path(__file__).resolve().parents[2]
    return (
        *runtime.mounts,
        *(Mount(folder, f"{_LIBRARY}/{folder.relative_to(root).as_posix()}") for folder in ours),
    )


def main() -> int:
    """Build it if it is missing; reports a failure."""
    settings = load_settings()
    try:
        runtime = agent_runtime(settings, settled_sandbox(settings))
    except NightcrewError as error:
        sys.stderr.write(f"the agent's runtime is not built yet: {error}\n")
        return 1
    sys.stdout.write(f"the agent's runtime is ready: {runtime.path}\n")
    return 0


# ---------------------------------------------------------------------------------------------------------


def _folder(package: object) -> Path:
    return Path(str(getattr(package, "__file__", ""))).resolve().parent


if __name__ == "__main__":
    sys.exit(main())
