"""A target repository's Python environment: built once for its inputs, cached, and mounted read-only.

It is built by the repository's own `setup` command, or with uv from the declared requirements. It always has
pytest and coverage, but not the project itself, which is imported from the workspace. All builds run in the
sandbox.
"""

import hashlib
import json
import logging
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.bubblewrap import BASE_ENV
from nightcrew.execution.environments import pytest_plugins
from nightcrew.execution.environments.build import Builder
from nightcrew.execution.environments.declared import Declared, read_declared, read_members
from nightcrew.execution.environments.kept import Environment, Filled, keep
from nightcrew.execution.environments.layout import import_roots
from nightcrew.execution.environments.pythons import find_python
from nightcrew.execution.environments.requirements import checked, newer, unbound
from nightcrew.execution.sandbox import WORKSPACE, Sandbox
from nightcrew.settings import Settings
from nightcrew.target_config import TargetConfig
from nightcrew.untrusted import Unreadable, read_file

__all__ = ["Environment", "build_environment", "command_environment", "project_paths"]

log = logging.getLogger(__name__)

_RECIPE = 4  # increase it to rebuild all environments
_ALWAYS = ("pytest", "coverage")
_RUN_A_TEST = """
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
"$VIRTUAL_ENV/bin/python" -m pytest -q test_it.py && exit 0
rm -rf "$VIRTUAL_ENV/bin" "$VIRTUAL_ENV/lib" "$VIRTUAL_ENV/pyvenv.cfg"
exit 1
"""
_DECIDING_FILES = (
    *("pyproject.toml", "nightcrew.toml", "setup.py", "setup.cfg", "uv.lock", "poetry.lock", "pdm.lock"),
    *("Pipfile.lock", "pylock.toml", "environment.yml", "tox.ini", "requirements*.txt", "requirements/*.txt"),
)


def build_environment(
    checkout: Path, config: TargetConfig, settings: Settings, sandbox: Sandbox
) -> Environment:
    """The environment for the repository at `checkout` (its base commit), from the cache if possible.

    Where the declared requirements cannot be installed, newer versions of them are tried; if that fails too,
    the environment `lacks` them.

    Raises:
        BadInput: its set-up command fails; the message has the last lines of the output.
        Transient: the package index cannot be reached, and some package is not cached.
    """
    declared = read_declared(checkout, config.root)

    def fill(builder: Builder) -> Filled:
        if config.setup:
            _set_up(builder, checkout, config.setup)
            return Filled((f"the set-up command {config.setup!r}",))
        locked = _locked_requirements(builder, checkout / config.root, declared)
        return _install_first(builder, _choices(locked, declared))

    return keep(
        settings.environments_dir,
        _key(checkout, config, declared),
        sandbox=sandbox,
        packages=settings.packages_dir,
        python=lambda: find_python(declared.python),
        fill=fill,
    )


def project_paths(checkout: Path, root: str = "") -> tuple[str, ...]:
    """The parts of PYTHONPATH from which a project's own code is imported in the sandbox.

    `root` is the project's folder; it is followed by other projects of the repository that it needs.
    """
    folders = [root, *read_members(checkout, root)]
    inside = [path for folder in folders for path in import_roots(checkout, folder)]
    return tuple(dict.fromkeys(f"{WORKSPACE}/{path}".rstrip("/") for path in inside))


def command_environment(environment: Environment, checkout: Path, root: str = "") -> dict[str, str]:
    """Variables for a sandboxed command: the repository's Python first, its code importable, no caches."""
    return {
        "PATH": f"{environment.bin}:{BASE_ENV['PATH']}",
        "VIRTUAL_ENV": str(environment.path),
        "PYTHONPATH": ":".join(project_paths(checkout, root)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


# ---------------------------------------------------------------------------------------------------------


def _key(checkout: Path, config: TargetConfig, declared: Declared) -> str:
    """A hash of the inputs: all files for a set-up command, else the declared requirements."""
    deciding: dict[str, object] = {
        "recipe": _RECIPE,
        "python": [sys.version, platform.machine(), sys.base_prefix],
        "setup": config.setup,
        "requirements": [declared.requirements, declared.runners]
        if declared.runners
        else declared.requirements,
        "requires_python": declared.python,
        "extras": [declared.extras, declared.groups],
    }
    names = _DECIDING_FILES if config.setup else ("uv.lock",)
    places = (checkout, checkout / config.root)
    files = sorted(
        {path for place in places for name in names for path in place.glob(name) if path.is_file()}
    )
    deciding["files"] = {
        path.relative_to(checkout).as_posix(): hashlib.sha256(_content(path)).hexdigest() for path in files
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:24]


def _content(path: Path) -> bytes:
    try:
        return read_file(path)
    except (OSError, Unreadable) as error:
        raise BadInput(f"cannot read the repository's {path.name}: {error}") from None


def _set_up(builder: Builder, checkout: Path, command: str) -> None:
    """Run the repository's own command in a copy, so that its files are not part of a change."""
    with temporary_folder("env") as scratch:
        copy = scratch / "checkout"
        copytree(checkout, copy, symlinks=True)
        builder.set_up(command, copy)
    builder.install(_ALWAYS)


def _choices(locked: Sequence[str], declared: Declared) -> list[tuple[str, ...]]:
    """The sets of requirements to try, the largest first, as all of them together may conflict."""
    lines = tuple(locked) or declared.requirements
    choices = [(*lines, *declared.runners), lines, *(() if locked else declared.fallbacks)]
    return list(dict.fromkeys(choices))


def _install_first(builder: Builder, choices: Sequence[tuple[str, ...]]) -> Filled:
    """Install the first set that can be installed; without its upper bounds, if none can be otherwise."""
    faults: list[BadInput] = []
    choices = _allowed(choices)
    for choice in choices:
        if _is_installed(builder, choice, faults):
            return Filled()
    for choice in choices:
        if _is_installed(builder, newer(choice), faults):
            return Filled(("newer versions than the repository names, which cannot be installed",))
    builder.install(_ALWAYS)
    return Filled(lacks=str(faults[0]) if faults else "")


def _allowed(choices: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The sets without a line that no installer may see, and not the empty one.

    Raises:
        BadInput: each of them has such a line.
    """
    allowed: list[tuple[str, ...]] = []
    faults: list[BadInput] = []
    for choice in choices:
        try:
            allowed.append(checked(choice))
        except BadInput as fault:
            faults.append(fault)
    if faults and not allowed:
        raise faults[-1]
    return [choice for choice in allowed if choice]


def _is_installed(builder: Builder, choice: tuple[str, ...], faults: list[BadInput]) -> bool:
    """True once these requirements are installed; else the fault is added to `faults`.

    Wheels are tried first, because building from source runs the package author's code.
    """
    for from_source in (False, True):
        try:
            lines = checked((*choice, *_ALWAYS))
            builder.install(lines, from_source=from_source)
            _replace_pytest(builder, lines)
            _leave_out_plugins(builder)
        except BadInput as fault:
            faults.append(fault)
        else:
            return True
    return False


def _replace_pytest(builder: Builder, lines: tuple[str, ...]) -> None:
    """Install a newer pytest where the one that the lines bound cannot run a test on this Python."""
    newer = unbound(lines)
    if newer == lines:
        return
    with temporary_folder("env") as scratch:
        (scratch / "test_it.py").write_text("def test_it():\n    assert True\n")
        try:
            builder.run(["/bin/sh", "-ec", _RUN_A_TEST], scratch, "pytest")
        except BadInput:
            builder.install(newer)


def _leave_out_plugins(builder: Builder) -> None:
    """Take away the plugins with which pytest does not start."""
    with temporary_folder("env") as scratch:
        (scratch / "plugins.py").write_bytes(Path(pytest_plugins.__file__).read_bytes())
        builder.run([f"{builder.target}/bin/python", "-I", "plugins.py"], scratch, "pytest")


def _locked_requirements(builder: Builder, checkout: Path, declared: Declared) -> Sequence[str]:
    """The exact versions from uv.lock of what the tests need; none where it lacks what is declared."""
    if not declared.locked:
        return ()
    chosen = [word for name in declared.extras for word in ("--extra", name)]
    chosen += [word for name in declared.groups for word in ("--group", name)]
    shape = ("--frozen", "--no-emit-workspace", "--no-hashes", "--no-header", "--no-annotate")
    with temporary_folder("env") as scratch:
        for name in ("pyproject.toml", "uv.lock"):
            (scratch / name).write_bytes(_content(checkout / name))
        try:
            return builder.run(
                ["uv", "export", "--quiet", *shape, *chosen], scratch, "uv export"
            ).splitlines()
        except BadInput as error:
            log.info("uv.lock is not used: %s", error)
            return ()
