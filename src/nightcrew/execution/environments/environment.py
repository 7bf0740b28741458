"""A target repository's Python environment: built once for what decides it, kept, and shown read-only.

Made by the repository's own `setup` command, or with uv from what it declares. pytest and coverage are always
in it; the project itself is not: it is imported from the workspace.
"""

import fcntl
import hashlib
import json
import logging
import os
import platform
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import uv
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from nightcrew import host
from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.workspace import remove_tree
from nightcrew.execution.confinement.bubblewrap import BASE_ENV
from nightcrew.execution.environments.declared import Declared, read_declared
from nightcrew.execution.sandbox import WORKSPACE, Mount, interpreter_mounts
from nightcrew.settings import TargetConfig

log = logging.getLogger(__name__)

_RECIPE = 1  # raise it when environments have to be built anew
_ALWAYS = ("pytest", "coverage")
_BUILD_SECONDS = 1800
_COMPLETE = ".nightcrew.json"
_DECIDING_FILES = (
    *("pyproject.toml", "nightcrew.toml", "setup.py", "setup.cfg", "uv.lock", "poetry.lock", "pdm.lock"),
    *("Pipfile.lock", "pylock.toml", "environment.yml", "tox.ini", "requirements*.txt", "requirements/*.txt"),
)
_NETWORK_FAULTS = (
    *("dns error", "failed to lookup", "error sending request", "connection refused", "timed out"),
    *("network is unreachable", "temporary failure", "failed to fetch", "connection reset"),
)
_INHERITED = ("HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
_INHERITED_PREFIXES = ("UV_", "PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Environment:
    """A finished environment. `key` is a hash of everything that decided it."""

    path: Path
    python: Path
    key: str

    @property
    def bin(self) -> Path:
        """The folder of its programs."""
        return self.path / "bin"

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The environment and the Python installation behind it, read-only, where they are outside."""
        return interpreter_mounts(self.python)


def build_environment(checkout: Path, config: TargetConfig, cache: Path) -> Environment:
    """The environment that the repository at `checkout` (its base commit) asks for, from `cache` if there.

    Raises:
        BadInput: it cannot be built; with the last lines of what was said.
        Transient: the package index cannot be reached, and what is needed is not at hand.
    """
    declared = read_declared(checkout)
    key = _key(checkout, config, declared)
    cache.mkdir(parents=True, exist_ok=True)
    environment = Environment(cache / key, cache / key / "bin" / "python", key)
    with _locked(cache / f"{key}.lock"):
        if not (environment.path / _COMPLETE).is_file():
            remove_tree(environment.path)
            try:
                _build(environment, checkout, config, declared)
            except BaseException:
                remove_tree(environment.path)
                raise
    return environment


def project_paths(checkout: Path) -> tuple[str, ...]:
    """Where a repository's own code is imported from inside the sandbox: the parts of PYTHONPATH."""
    source = checkout / "src"
    is_layout = source.is_dir() and not source.is_symlink() and not (source / "__init__.py").exists()
    return (f"{WORKSPACE}/src", WORKSPACE) if is_layout else (WORKSPACE,)


def command_environment(environment: Environment, checkout: Path) -> dict[str, str]:
    """Variables for a command inside: the repository's Python first, its code importable, nothing cached."""
    return {
        "PATH": f"{environment.bin}:{BASE_ENV['PATH']}",
        "VIRTUAL_ENV": str(environment.path),
        "PYTHONPATH": ":".join(project_paths(checkout)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


# ---------------------------------------------------------------------------------------------------------


def _key(checkout: Path, config: TargetConfig, declared: Declared) -> str:
    """Hash of what decides: with a set-up command every file it may look at, else what is declared."""
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
    files = sorted({path for name in names for path in checkout.glob(name) if path.is_file()})
    deciding["files"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:24]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time, over all processes."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(environment: Environment, checkout: Path, config: TargetConfig, declared: Declared) -> None:
    """Built where it will stay: programs in an environment name its path. The mark comes last."""
    log.info("building environment %s", environment.key)
    with tempfile.TemporaryDirectory(prefix="nightcrew-env-") as scratch:
        _uv(["venv", "--quiet", "--no-project", "--python", _python_for(declared), environment.path])
        if config.setup:
            _set_up(environment, checkout, config.setup, Path(scratch))
            _install(environment, list(_ALWAYS), Path(scratch))
        else:
            locked = _locked_requirements(checkout, declared, Path(scratch))
            _install_first(environment, _choices(locked, declared), Path(scratch))
    (environment.path / _COMPLETE).write_text(json.dumps({"key": environment.key, "recipe": _RECIPE}))
    _close(environment.path)


def _python_for(declared: Declared) -> str:
    """The Python that runs Nightcrew, unless the repository asks for another one."""
    own = getattr(sys, "_base_executable", sys.executable)
    try:
        fits = SpecifierSet(declared.python).contains(platform.python_version(), prereleases=True)
    except InvalidSpecifier:
        raise BadInput(
            f"pyproject.toml: requires-python is no version specifier: {declared.python}"
        ) from None
    return str(own) if fits else declared.python


def _set_up(environment: Environment, checkout: Path, command: str, scratch: Path) -> None:
    """Run the repository's own command, in a copy: what it leaves behind is no part of any change."""
    copy = scratch / "checkout"
    copytree(checkout, copy, symlinks=True)
    path = os.pathsep.join(
        map(str, [environment.bin, Path(uv.find_uv_bin()).parent, os.environ.get("PATH", "")])
    )
    env = _environment() | {
        "NIGHTCREW_ENV": str(environment.path),
        "VIRTUAL_ENV": str(environment.path),
        "PATH": path,
    }
    _run(["/bin/sh", "-c", command], f"the set-up command {command!r}", env=env, cwd=copy)


def _choices(locked: Sequence[str], declared: Declared) -> list[tuple[str, ...]]:
    """What to install, the most first: where all that is written down cannot be together, less of it."""
    lines = tuple(locked) or declared.requirements
    choices = [(*lines, *declared.runners), lines, *(() if locked else declared.fallbacks)]
    return list(dict.fromkeys(choices))


def _install_first(environment: Environment, choices: Sequence[tuple[str, ...]], scratch: Path) -> None:
    """The first choice that can be installed; where none can be, what was said about the least of them."""
    faults: list[BadInput] = []
    for lines in choices:
        try:
            _install(environment, [*lines, *_ALWAYS], scratch)
        except BadInput as fault:
            faults.append(fault)
        else:
            return
    raise faults[-1]


def _install(environment: Environment, lines: Sequence[str], scratch: Path) -> None:
    file = scratch / "requirements.txt"
    file.write_text("\n".join(lines) + "\n")
    words: list[str | Path] = [
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        environment.python,
        "-r",
        file,
    ]
    try:
        _uv(words)
    except Transient as fault:
        try:
            _uv([*words, "--offline"])
        except BadInput:
            raise fault from None


def _locked_requirements(checkout: Path, declared: Declared, scratch: Path) -> list[str]:
    """Exact versions from uv.lock, of what the tests need."""
    if not declared.locked:
        return []
    chosen = [word for name in declared.extras for word in ("--extra", name)]
    chosen += [word for name in declared.groups for word in ("--group", name)]
    for name in ("pyproject.toml", "uv.lock"):
        (scratch / name).write_bytes((checkout / name).read_bytes())
    shape: list[str | Path] = [
        "--frozen",
        "--no-emit-workspace",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
        "--project",
        scratch,
    ]
    return _uv(["export", "--quiet", *shape, *chosen]).splitlines()


def _uv(words: Sequence[str | Path]) -> str:
    return _run([uv.find_uv_bin(), *map(str, words)], f"uv {words[0]}", env=_environment(), cwd=Path("/"))


def _run(command: Sequence[str], what: str, *, env: dict[str, str], cwd: Path) -> str:
    try:
        done = host.run(command, env=env, folder=cwd, seconds=_BUILD_SECONDS)
    except host.Overtime:
        raise BadInput(f"{what} did not end in {_BUILD_SECONDS} s") from None
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    last = "\n".join(said.splitlines()[-12:])
    if any(sign in said.lower() for sign in _NETWORK_FAULTS):
        raise Transient(f"the environment cannot be built without the package index: {what} said:\n{last}")
    raise BadInput(
        f"the repository's environment cannot be built: {what} ended with {done.returncode}:\n{last}\n"
        "Set `setup` in nightcrew.toml to a command that fills $NIGHTCREW_ENV."
    )


def _environment() -> dict[str, str]:
    """What a build may see of ours: how to reach the package index, and no secret."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.upper().startswith(_INHERITED_PREFIXES)
    }
    return kept | {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "UV_NO_PROGRESS": "1",
        "UV_LINK_MODE": "copy",
    }


def _close(folder: Path) -> None:
    """Readable for whoever the sandbox runs as, writable for nobody."""
    for parent, folders, files in folder.walk(follow_symlinks=False):
        for name in (*folders, *files):
            path = parent / name
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode):
                run = 0o111 if mode & 0o100 else 0
                with suppress(OSError):
                    path.chmod(0o444 | run)
    folder.chmod(0o555)
