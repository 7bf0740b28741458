"""An ordinary user for the suite: a number without a name, a home of its own, nothing else.

What that user has to read (the interpreter, the project) may lie in a folder of root's that is closed to
others. In a mount namespace of its own, such a folder is replaced by one that holds just these.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

USER_ID = 62_000
OTHER_USER = 61_408
PROJECT = Path(__file__).resolve().parents[2]
_TOOLS = "/usr/sbin:/usr/bin:/sbin:/bin"


def why_not() -> str:
    """Why no ordinary user can be made here; empty where one can."""
    if os.geteuid() != 0:
        return "it takes root to become another user"
    missing = [name for name in ("setpriv", "unshare", "mount") if shutil.which(name, path=_TOOLS) is None]
    if missing:
        return f"{', '.join(missing)} (package util-linux) is not installed"
    return _probe()


def run_as_ordinary_user(
    argv: Sequence[str], home: Path, *, env: Mapping[str, str] | None = None, seconds: float = 600.0
) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder as the ordinary user, whose home is made at `home`."""
    home.mkdir(mode=0o700, exist_ok=True)
    os.chown(home, USER_ID, USER_ID)
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", _script(home), "sh", *argv],
        env={**_environment(home), **(env or {})},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def run_as_another_user(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code that needs only the standard library as a user who owns nothing.

    The interpreter of the tests may lie in a folder that only root may enter.
    """
    become = ["setpriv", "--reuid", str(OTHER_USER), "--regid", str(OTHER_USER), "--clear-groups"]
    for python in (sys.executable, "/usr/bin/python3"):
        command = [*become, python, "-I", "-S"]
        if not subprocess.run([*command, "-c", ""], cwd="/", capture_output=True, check=False).returncode:
            words = [*command, "-", *arguments]
            return subprocess.run(words, input=code, cwd="/", capture_output=True, text=True, timeout=120)
    pytest.skip("no Python here can be run by another user")


# ---------------------------------------------------------------------------------------------------------


@cache
def _probe() -> str:
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", _script(Path("/tmp")), "sh",
         sys.executable, "-c", "import pytest"],
        env=_environment(Path("/")), cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else f"no ordinary user could be made ({done.stderr.strip()[-200:]})"


def _environment(home: Path) -> dict[str, str]:
    found = {"PATH": os.environ.get("PATH", _TOOLS), "HOME": str(home), "LANG": "C.UTF-8"}
    return found | {"TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


def _script(place_to_mount: Path) -> str:
    """Shell lines that open the way to what the user has to read, then become that user."""
    lines = []
    for closed, needed in _closed_folders().items():
        # The folder itself is left as it is: what is mounted here is seen by this command alone.
        hold = shlex.quote(os.fspath(place_to_mount))
        lines += [f"mount -t tmpfs -o mode=0755,size=1m none {hold}"]
        for place in needed:
            inside = f"{hold}/{shlex.quote(os.fspath(place.relative_to(closed)))}"
            lines += [f"mkdir -p {inside}", f"mount --rbind {shlex.quote(os.fspath(place))} {inside}"]
        lines += [f"mount --move {hold} {shlex.quote(os.fspath(closed))}"]
    become = f"setpriv --reuid {USER_ID} --regid {USER_ID} --clear-groups --inh-caps=-all"
    return "\n".join([*lines, f"cd {shlex.quote(os.fspath(PROJECT))}", f'exec {become} "$@"'])


def _closed_folders() -> dict[Path, list[Path]]:
    """Folders that others may not enter, with what the user needs of each."""
    found: dict[Path, list[Path]] = {}
    for place in {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), PROJECT}:
        closed = [folder for folder in place.parents if not folder.stat().st_mode & 0o001]
        if closed:
            found.setdefault(closed[-1], []).append(place)
    # What lies in another one comes with it.
    return {
        closed: [one for one in places if not any(other in one.parents for other in places)]
        for closed, places in found.items()
    }
