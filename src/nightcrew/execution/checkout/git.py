"""Git on the trusted side: never with a tree's own configuration, hooks, attributes or helpers."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from nightcrew import host

log = logging.getLogger(__name__)

_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.excludesFile=/dev/null", "-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false", "-c", "submodule.recurse=false", "-c", "protocol.ext.allow=never"),
    *("-c", "core.symlinks=true", "-c", "core.fileMode=true", "-c", "core.quotePath=true"),
)
_SECONDS = 600
_OUTPUT_BYTES = 512 * 1024 * 1024


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
    done = host.run(
        command,
        env=_environment(own_configuration) | dict(env or {}),
        folder=tree or git_dir or host.NEUTRAL,
        stdin=stdin,
        seconds=seconds,
        output_bytes=_OUTPUT_BYTES,
        umask=0o022,  # the sandbox may run as another user
    )
    if done.returncode != 0:
        said = _last_line(done.stderr) or f"git {words[0]} ended with {done.returncode}"
        raise GitFailed(said, done.returncode)
    return done.stdout


# ---------------------------------------------------------------------------------------------------------

_INHERITED = (
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    *host.NETWORK,
)


def _environment(own_configuration: bool) -> dict[str, str]:
    """Nothing that points git at another repository, editor, pager or helper gets through."""
    env = host.environment(*_INHERITED)
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
