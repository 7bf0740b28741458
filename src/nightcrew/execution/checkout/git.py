"""Git on the trusted side: never with a tree's own configuration, hooks, attributes or helpers."""

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from nightcrew.errors import BadInput, Transient

log = logging.getLogger(__name__)

_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.excludesFile=/dev/null", "-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false", "-c", "submodule.recurse=false", "-c", "protocol.ext.allow=never"),
    *("-c", "core.symlinks=true", "-c", "core.fileMode=true", "-c", "core.quotePath=true"),
)
_SECONDS = 600


class GitFailed(Exception):
    """A git command ended with an error; the text is what git said."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def git(
    *words: str | os.PathLike[str],
    git_dir: Path | None = None,
    tree: Path | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    own_configuration: bool = False,
    seconds: float = _SECONDS,
) -> bytes:
    """What git prints. `own_configuration` lets the user's own (credentials, proxies) count: for the network.

    Raises:
        GitFailed: git refused.
        BadInput: there is no git.
        Transient: it did not end in time.
    """
    places: list[str] = []
    if git_dir is not None:
        places.append(f"--git-dir={git_dir}")
    if tree is not None:
        places.append(f"--work-tree={tree}")
    command = ["git", *_SAFE, *places, *(os.fspath(word) for word in words)]
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env=_environment(own_configuration) | dict(env or {}),
            cwd=tree or git_dir or "/",
            timeout=seconds,
            umask=0o022,  # the sandbox may run as another user
            check=False,
        )
    except FileNotFoundError:
        raise BadInput("git is not installed: install it with your system's package manager") from None
    except subprocess.TimeoutExpired:
        raise Transient(f"git {words[0]} did not end in {seconds:.0f} s") from None
    if done.returncode != 0:
        said = _last_line(done.stderr) or f"git {words[0]} ended with {done.returncode}"
        raise GitFailed(said, done.returncode)
    return done.stdout


# ---------------------------------------------------------------------------------------------------------

_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
)


def _environment(own_configuration: bool) -> dict[str, str]:
    """Nothing that points git at another repository, editor, pager or helper gets through."""
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }
    env |= {"GIT_PAGER": "cat", "LC_ALL": "C.UTF-8", "GIT_ATTR_NOSYSTEM": "1"}
    if not own_configuration:
        env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    return env


def _last_line(stderr: bytes) -> str:
    lines: Sequence[str] = [
        line for line in stderr.decode(errors="replace").splitlines() if line and not line.startswith("hint:")
    ]
    wanted = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (wanted or [*lines, ""])[0].strip()
