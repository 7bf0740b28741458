"""Builds an environment in the sandbox, where uv, build backends and set-up commands only reach indexes.

Only the environment's folder and a copy of the checkout are writable. Each build has its own uv cache,
because with a shared one a repository could influence what another one installs.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement import relay
from nightcrew.execution.confinement.bubblewrap import BASE_ENV
from nightcrew.execution.confinement.confinement import MIB, Completed, Limits, Sandbox
from nightcrew.execution.confinement.interpreter import interpreter_mounts
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.environments.pythons import interpreter_cache
from nightcrew.execution.packages.mirror import PackageMirror, serve
from nightcrew.execution.packages.sources import Sources, read_sources
from nightcrew.execution.packages.store import PackageStore
from nightcrew.execution.packages.upstream import Upstream
from nightcrew.execution.packages.uv_tool import uv_program

LIMITS = Limits(
    wall_seconds=1800,
    cpu_seconds=1800,
    memory_bytes=4096 * MIB,
    processes=512,
    open_files=4096,
    file_bytes=4096 * MIB,
    workspace_bytes=12 * 1024 * MIB,
    output_bytes=16 * MIB,
)
_TOOLS = "/run/nightcrew/build"
_UV, _RELAY, _SOCKET = f"{_TOOLS}/uv", f"{_TOOLS}/relay.py", f"{_TOOLS}/packages.sock"
_SCRATCH = ".nightcrew-build"
_HOST = f"http://127.0.0.1:{relay.PORT_MARK}"
VARIABLES = ("UV_EXCLUDE_NEWER", "UV_PRERELEASE", "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_INSTALLS")
"""Settings of uv that affect the choice of packages and contain no secret."""
_VENV = """[ -e "$VIRTUAL_ENV/pyvenv.cfg" ] ||
    uv venv --quiet --no-project --no-config --allow-existing --python "$NIGHTCREW_PYTHON" "$VIRTUAL_ENV"
"""
_INSTALL = """uv pip install --quiet --no-config --python "$VIRTUAL_ENV/bin/python" \\
    --requirements requirements.txt "$@"
"""
_OLD_MODULES = """site=$(echo "$VIRTUAL_ENV"/lib/python3*/site-packages)
[ -e "$site/setuptools" ] ||
    ! grep -rqE "^(import|from) (pkg_resources|distutils|setuptools)\\b" --include="*.py" "$site" ||
    uv pip install --quiet --no-config --python "$VIRTUAL_ENV/bin/python" "setuptools<81" || true
"""
"""What was in every environment when an old package was written; later ones hold no pkg_resources."""
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Builder:
    """An environment being built: `target` is its folder, `python` the real base interpreter."""

    sandbox: Sandbox
    target: Path
    python: Path
    mirror: PackageMirror
    socket: Path
    sources: Sources

    def install(self, lines: Sequence[str], *, from_source: bool = True) -> None:
        """Install requirements (checked lines of a requirements file), and create the environment if needed.

        Raises:
            BadInput: they cannot be installed, or only by building one `from_source`.
            Transient: the package index could not be reached.
        """
        with temporary_folder("env") as scratch:
            (scratch / "requirements.txt").write_text("\n".join(lines) + "\n")
            words = () if from_source else ("--only-binary", ":all:")
            script = f"{_VENV}\n{_INSTALL}\n{_OLD_MODULES}"
            self.run(["/bin/sh", "-ec", script, "sh", *words], scratch, "uv pip install")

    def install_locked(self, lock: str, *, path: str) -> None:
        """Install the packages of our own lock file by hash; `path` becomes importable as well.

        Raises:
            BadInput, Transient: see `run`.
        """
        with temporary_folder("env") as scratch:
            (scratch / "requirements.txt").write_text(lock)
            words = ("--require-hashes", "--no-deps")
            name = f"echo {path} > $(echo $VIRTUAL_ENV/lib/python3*/site-packages)/nightcrew.pth"
            script = f"{_VENV}\n{_INSTALL}\n{name}"
            self.run(["/bin/sh", "-ec", script, "sh", *words], scratch, "uv pip install")

    def set_up(self, command: str, workspace: Path) -> None:
        """Run a shell command that fills the empty environment; raises like `run`."""
        script = f'{_VENV}\nexec /bin/sh -c "$1"'
        self.run(["/bin/sh", "-ec", script, "sh", command], workspace, f"the set-up command {command!r}")

    def run(self, command: Sequence[str], workspace: Path, what: str) -> str:
        """Run `command` in a writable `workspace` with the environment; returns its output.

        Raises:
            BadInput: it failed; the message has the last lines of its output.
            Transient: the package index could not be reached.
        """
        self.mirror.unreachable.clear()
        self.mirror.refused.clear()
        completed = self.sandbox.run(
            [str(self.python), "-I", "-S", _RELAY, _SOCKET, *command],
            workspace=workspace,
            mounts=self._mounts(),
            env=self._variables(self.target / _SCRATCH),
            limits=LIMITS,
        )
        if completed.returncode == 0 and completed.killed_by is None:
            return completed.stdout.decode(errors="replace")
        return self._fail(completed, what)

    # -----------------------------------------------------------------------------------------------------

    def _mounts(self) -> tuple[Mount, ...]:
        return (
            *interpreter_mounts(self.python),
            Mount(uv_program(), _UV),
            Mount(Path(relay.__file__).resolve(), _RELAY),
            Mount(self.socket, _SOCKET),
            *(Mount(folder, str(folder)) for folder in self.sources.find_links),
            Mount(self.target, str(self.target), writable=True),
        )

    def _variables(self, scratch: Path) -> dict[str, str]:
        """Variables with the package indexes for uv and pip; of ours, only the operator's choices."""
        urls = [f"{_HOST}/{number}/simple/" for number in range(len(self.sources.indexes))]
        variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
        variables |= {
            "NIGHTCREW_ENV": str(self.target),
            "VIRTUAL_ENV": str(self.target),
            "PATH": f"{self.target}/bin:{_TOOLS}:{BASE_ENV['PATH']}",
            "TMPDIR": str(scratch / "tmp"),
            "UV_CACHE_DIR": str(scratch / "cache"),
            "UV_LINK_MODE": "hardlink",
            "UV_NO_PROGRESS": "1",
            "NIGHTCREW_PYTHON": str(self.python),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_HTTP_TIMEOUT": "600",
            "UV_HTTP_RETRIES": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
        }
        if urls:
            variables |= {"UV_DEFAULT_INDEX": urls[-1], "UV_INDEX": " ".join(urls[:-1])}
            variables |= {"PIP_INDEX_URL": urls[-1], "PIP_EXTRA_INDEX_URL": " ".join(urls[:-1])}
        else:
            variables |= {"UV_NO_INDEX": "1", "PIP_NO_INDEX": "1"}
        if self.sources.find_links:
            variables["UV_FIND_LINKS"] = ",".join(map(str, self.sources.find_links))
            variables["PIP_FIND_LINKS"] = " ".join(map(str, self.sources.find_links))
        if self.sources.strategy:
            variables["UV_INDEX_STRATEGY"] = self.sources.strategy
        return variables

    def _fail(self, completed: Completed, what: str) -> str:
        output = (completed.stdout + completed.stderr).decode(errors="replace").strip()
        last = "\n".join(output.splitlines()[-_LAST_LINES:])
        # The mirror's observation counts, not the build's own output.
        if self.mirror.unreachable:
            raise Transient(
                f"the environment cannot be built without the package index "
                f"({self.mirror.unreachable[0]}). Output of {what}:\n{last}"
            )
        limit = f"was ended at its limit on {completed.killed_by}" if completed.killed_by else ""
        how = limit or f"ended with {completed.returncode}"
        refused = (
            f"\nA request to the package index was refused: {self.mirror.refused[0]}"
            if self.mirror.refused
            else ""
        )
        raise BadInput(
            f"the repository's environment cannot be built: {what} {how}:\n{last}{refused}\n"
            "Set `setup` in nightcrew.toml to a command that fills $NIGHTCREW_ENV; "
            "it runs in the sandbox, where only the package index can be reached."
        )


@contextmanager
def builder(sandbox: Sandbox, target: Path, python: Path, packages: Path) -> Iterator[Builder]:
    """A builder for the environment `target`, an empty folder; `packages` is the folder of fetched packages.

    Raises:
        BadInput: the operator's configuration of package indexes is invalid.
    """
    sources = read_sources()
    # Done before untrusted code runs, which could replace it by a link.
    (target / _SCRATCH / "tmp").mkdir(parents=True)
    copytree(interpreter_cache(python, packages), target / _SCRATCH / "cache")
    try:
        with Upstream() as upstream:
            store = PackageStore(packages, upstream)
            mirror = PackageMirror(sources, store)
            with serve(mirror) as socket:
                yield Builder(sandbox, target, python, mirror, socket, sources)
            store.prune()
    finally:
        remove_tree(target / _SCRATCH)
