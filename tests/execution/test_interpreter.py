"""What of a Python installation is shown: it starts inside, and nothing that lies beside it is there."""

import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nightcrew.errors import BadInput
from nightcrew.execution.sandbox import Sandbox, base_python, interpreter_mounts

SECRET = "id_ed25519"
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def installation(prefix: Path) -> Path:
    """A real Python of its own below `prefix`, made of ours by hard links and links; its program."""
    base = base_python().parent.parent
    for folder in ("bin", "lib", "include"):
        (prefix / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy2(base_python(), prefix / "bin" / VERSION)
    standard = Path(sysconfig.get_path("stdlib"))
    ignored = shutil.ignore_patterns("site-packages", "test", "idlelib", "__pycache__", "config-*", "*test*")
    shutil.copytree(standard, prefix / "lib" / VERSION, symlinks=True, ignore=ignored, dirs_exist_ok=True)
    for library in (base / "lib").glob("libpython3*"):
        shutil.copy2(library, prefix / "lib" / library.name)
    return prefix / "bin" / VERSION


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in a folder of its own."""
    return installation(tmp_path_factory.mktemp("own") / "python-3")


def in_its_own_folder(own: Path, home: Path) -> Path:
    return own


def link_in_the_home(own: Path, home: Path) -> Path:
    (home / "bin").mkdir()
    (home / "bin" / "python3").symlink_to(own)
    return home / "bin" / "python3"


def chain_of_links(own: Path, home: Path) -> Path:
    (home / ".local" / "bin").mkdir(parents=True)
    (home / "versions").symlink_to(own.parent.parent)
    (home / ".local" / "bin" / "python3").symlink_to(f"../../versions/bin/{VERSION}")
    (home / "python").symlink_to(".local/bin/python3")
    return link_to(home, home / "python")


def link_to(home: Path, python: Path) -> Path:
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / "python").symlink_to(python)
    return home / "bin" / "python"


def installed_into_the_home(own: Path, home: Path) -> Path:
    return installation(home)


def conda(own: Path, home: Path) -> Path:
    python = installation(home / "miniconda3")
    for name in ("conda-meta", "envs", "pkgs", "condabin"):
        (home / "miniconda3" / name).mkdir()
    return python


def beside_others_in_a_folder(own: Path, home: Path) -> Path:
    (home / "opt" / "database").mkdir(parents=True)
    (home / "opt" / "database" / SECRET).write_text("PRIVATE")
    return installation(home / "opt")


def virtual_environment_of_a_link(own: Path, home: Path) -> Path:
    python = link_in_the_home(own, home)
    venv = home / "work" / ".venv"
    subprocess.run([python, "-I", "-m", "venv", "--without-pip", venv], check=True)
    return venv / "bin" / "python"


def virtual_environment_that_is_the_home(own: Path, home: Path) -> Path:
    subprocess.run([own, "-I", "-m", "venv", "--without-pip", home], check=True)
    return home / "bin" / "python"


PLACES: list[Callable[[Path, Path], Path]] = [
    in_its_own_folder, link_in_the_home, chain_of_links, installed_into_the_home, conda,
    beside_others_in_a_folder, virtual_environment_of_a_link, virtual_environment_that_is_the_home,
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_it_starts_inside_and_shows_nothing_beside_it(
    place: Callable[[Path, Path], Path], own: Path, sandbox: Sandbox, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home = tmp_path / "somebody"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / SECRET).write_text("PRIVATE")
    (home / SECRET).write_text("PRIVATE")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(pwd, "getpwall", lambda: [SimpleNamespace(pw_dir=str(home))])
    python = place(own, home)
    mounts = interpreter_mounts(python)
    assert not any(home.is_relative_to(mount.source) for mount in mounts)
    assert not any(home.is_relative_to(mount.target) for mount in mounts)
    code = "import sys, ctypes, json, ssl, encodings; print(sys.version_info[:2])"
    # Ours may have been built to look for its library in its old place.
    libraries = [own.parent.parent, python.parent.parent, home]
    env = {"LD_LIBRARY_PATH": ":".join(f"{prefix}/lib" for prefix in libraries)}
    (tmp_path / "workspace").mkdir()
    command = [str(python), "-I", "-c", code]
    done = sandbox.run(command, workspace=tmp_path / "workspace", mounts=mounts, env=env)
    assert done.stdout.decode().strip() == str(sys.version_info[:2]), done.stderr.decode()
    found = sandbox.run(["/bin/sh", "-c", f"find {tmp_path} -name {SECRET}"],
                        workspace=tmp_path / "workspace", mounts=mounts)  # fmt: skip
    assert found.stdout == b""


def test_what_belongs_to_the_system_is_not_mounted_again() -> None:
    for name in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(name).exists() and str(Path(name).resolve()).startswith("/usr/"):
            assert interpreter_mounts(Path(name)) == ()


@pytest.mark.parametrize("name", ["nowhere/bin/python", "python", "bin/loop"])
def test_what_is_no_interpreter_of_an_installation_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "python").write_text("")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "loop").symlink_to("loop")
    with pytest.raises(BadInput):
        interpreter_mounts(tmp_path / name)
