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
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.environments.build import Builder
from nightcrew.execution.environments.kept import Environment, Filled, keep, kept
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
    lock, key = _lock_and_key()

    def fill(builder: Builder) -> Filled:
        builder.install_locked(lock, path=_LIBRARY)
        return Filled()

    return keep(
        settings.runtimes_dir,
        key,
        sandbox=sandbox,
        packages=settings.packages_dir,
        python=base_python,
        fill=fill,
    )


def kept_runtime(settings: Settings) -> Environment | None:
    """The runtime of this version, None if it was not built yet."""
    return kept(settings.runtimes_dir, _lock_and_key()[1])


def problem_of(runtime: Environment, sandbox: Sandbox) -> str:
    """What is wrong with a built runtime, as its own Python says it in `sandbox`; empty if nothing is."""
    with temporary_folder("runtime") as folder:
        done = sandbox.run(
            [str(runtime.python), "-I", "-c", _LOOK],
            workspace=folder,
            mounts=inside_mounts(runtime),
            stdin=_lock_and_key()[0].encode(),
        )
    if done.returncode or done.killed_by:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return f"it cannot be imported in the sandbox: {''.join(last) or done.killed_by}"
    return done.stdout.decode(errors="replace").strip()


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


_LOOK = """
import importlib.metadata, re, sys
locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)[^;]*?\\\\$", sys.stdin.read(), re.MULTILINE))
for name, version in locked.items():
    try:
        there = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        there = "not there"
    if there != version:
        sys.exit(print(f"{name} is {there}, and {version} in the lock"))
import litellm, openhands.sdk, openhands.tools
"""
"""Reads the lock; packages for other systems only, whose line has a marker, are passed over."""


def _lock_and_key() -> tuple[str, str]:
    lock = (files("nightcrew.openhands") / _LOCK).read_text()
    return lock, hashlib.sha256(f"{_RECIPE} {sys.version} {base_python()}\n{lock}".encode()).hexdigest()[:24]


def _folder(package: object) -> Path:
    return Path(str(getattr(package, "__file__", ""))).resolve().parent


if __name__ == "__main__":
    sys.exit(main())
