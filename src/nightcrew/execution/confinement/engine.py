"""The command line of a container engine, podman or docker, and the image that its containers start from."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nightcrew import host
from nightcrew.errors import BadInput, NightcrewError, SandboxUnavailable
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.control_groups import current_hierarchy

VARIABLES = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONTEXT")
"""How the engine's command finds its service."""
_SECONDS = 60.0
_BUILD_SECONDS = 300.0
_MOUNT_POINTS = ("dev", "etc", "home/crew", "proc", "run", "sys", "tmp", "usr", "workspace")
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_CHOICES = (
    "install and start it, or unset NIGHTCREW_SANDBOX for bubblewrap, which needs no engine; "
    "NIGHTCREW_SANDBOX=none runs without confinement, which every verdict then says"
)


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine. `name` is its command."""

    name: str

    @property
    def command(self) -> list[str]:
        """The start of each of its commands.

        crun, podman's usual runtime, does not work with control groups of version 1.
        """
        if self.name != "podman":
            return [self.name]
        runtime = ["--runtime", "runc"] if current_hierarchy().version == 1 and _is_there("runc") else []
        manager = [] if Path("/run/systemd/system").is_dir() else ["--cgroup-manager", "cgroupfs"]
        return [self.name, *runtime, *manager]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the engine's command; it is not visible in the container."""
        return host.environment(*VARIABLES, PATH=_search_path())

    def call(self, *words: str, seconds: float = _SECONDS) -> str:
        """The output of an engine command.

        Raises:
            SandboxUnavailable: the engine is not installed, or the command failed.
        """
        try:
            done = host.run([*self.command, *words], env=self.environment, seconds=seconds)
        except BadInput:
            raise unavailable(self.name, "it is not installed") from None
        except NightcrewError as error:
            raise unavailable(self.name, str(error)) from None
        if done.returncode != 0:
            raise unavailable(self.name, last_line(done.stderr))
        return done.stdout.decode(errors="replace").strip()

    def image(self, files: Mapping[str, str]) -> str:
        """The name of our own image with `files` below /etc; built if it is missing.

        Raises:
            SandboxUnavailable: it cannot be built.
        """
        recipe = _recipe().read_text()
        content = "\0".join([recipe, *_MOUNT_POINTS, *(f"{name}\0{text}" for name, text in files.items())])
        name = f"localhost/nightcrew-sandbox:{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        if name.rpartition(":")[2] in self.call("images", "--format", "{{.Tag}}").splitlines():
            return name
        with temporary_folder("image") as folder:
            (Path(folder) / "Containerfile").write_text(recipe)
            _make_root(Path(folder) / "root", files)
            words = ["build", "--quiet", "--file", f"{folder}/Containerfile", "--tag", name, str(folder)]
            self.call(*words, seconds=_BUILD_SECONDS)
        return name


def unavailable(engine: str, why: str) -> SandboxUnavailable:
    """The error with the cause and the options."""
    return SandboxUnavailable(f"the sandbox {engine} cannot work here: {why}. Choices: {_CHOICES}.")


def last_line(output: bytes) -> str:
    """The last line of an engine's output, which gives the reason of a failure."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("Error: ") if lines else "it ended without a message"


def mount_option(source: str, target: str, *, writable: bool) -> str:
    """The value of one `--mount` option: comma-separated, with quotes around values with a comma."""
    words = ["type=bind", f"source={source}", f"destination={target}", *([] if writable else ["readonly"])]
    return ",".join(f'"{word}"' if set(word) & {",", '"'} else word for word in words)


# ---------------------------------------------------------------------------------------------------------


def _is_there(program: str) -> bool:
    return shutil.which(program, path=_search_path()) is not None


def _search_path() -> str:
    return f"{host.search_path()}:/usr/sbin:/sbin"


def _recipe() -> Path:
    """The folder of the Containerfile: below the package in a wheel, above `src` in a checkout."""
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_project", package.parents[1]):
        recipe = folder / "deployments" / "sandbox" / "Containerfile"
        if recipe.is_file():
            return recipe
    raise BadInput(
        "this installation of nightcrew is incomplete: deployments/sandbox/Containerfile is missing"
    )


def _make_root(root: Path, files: Mapping[str, str]) -> None:
    for name in _MOUNT_POINTS:
        (root / name).mkdir(parents=True)
    for name in _MERGED:
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
        elif Path("/", name).is_dir():
            (root / name).mkdir()
    for name, text in files.items():
        (root / "etc" / name).write_text(text)
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)  # independent of our umask
