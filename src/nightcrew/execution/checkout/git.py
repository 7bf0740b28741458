"""Git on the trusted side: only with our own git directories, our own configuration, and no helpers.

No setting of a foreign repository is ever used: not its configuration, hooks, attributes, filters, promisor
remotes or alternates; neither is the user's or the system's configuration.
"""

import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightcrew import host
from nightcrew.address import Protocol, origin_of

VARIABLES = ("SSH_AUTH_SOCK", "GIT_SSL_CAINFO")
"""The user's own that count where a repository on a server is read."""
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false"),
    *("-c", "core.attributesFile=/dev/null", "-c", "core.excludesFile=/dev/null", "-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false", "-c", "submodule.recurse=false", "-c", "protocol.allow=never"),
    *("-c", "core.symlinks=true", "-c", "core.fileMode=true", "-c", "core.quotePath=true"),
    *(
        "-c",
        "credential.helper=",
        "-c",
        "core.askPass=",
        "-c",
        "core.pager=cat",
        "-c",
        "core.alternateRefsCommand=",
    ),
)
_SECONDS = 600
_OUTPUT_BYTES = 512 * 1024 * 1024
_LIMITS = {resource.RLIMIT_DATA: 4 * 1024**3, resource.RLIMIT_FSIZE: 16 * 1024**3}
"""A pack of a few kilobytes can be made to unpack into all the memory there is."""
_VISIBLE = 0o022  # the sandbox may run as another user


class GitFailed(Exception):
    """A git command failed; the text is git's message."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Remote:
    """The remote that a command may access: its URL, and the file with its credential, if any.

    The file has the lines `username=` and `password=`.
    """

    address: str
    protocol: Protocol
    credential: Path | None = None

    def options(self) -> Iterator[str]:
        """A credential helper for this origin only; git asks it through a pipe, not through arguments."""
        yield from ("-c", f"protocol.{self.protocol}.allow=always")
        if self.credential is not None:
            helper = '!f() { test "$1" = get && cat -- "$NIGHTCREW_GIT_CREDENTIAL"; }; f'
            yield from ("-c", f"credential.{origin_of(self.address)}.helper={helper}")

    def environment(self) -> dict[str, str]:
        """The variables for network access; the user's ssh configuration is used, the one of git is not."""
        known = {"GIT_ALLOW_PROTOCOL": str(self.protocol)}
        if self.protocol is Protocol.FILE:
            return known
        if self.protocol is Protocol.SSH:
            known["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes -oControlMaster=no -oControlPath=none"
        if self.credential is not None:
            known["NIGHTCREW_GIT_CREDENTIAL"] = os.fspath(self.credential)
        return host.environment(*VARIABLES, *host.NETWORK) | known


def git(
    *words: str | os.PathLike[str],
    git_dir: Path | None = None,
    tree: Path | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    remote: Remote | None = None,
    seconds: float = _SECONDS,
    output_bytes: int = _OUTPUT_BYTES,
) -> bytes:
    """The output of git. `git_dir` is our own; only `remote` allows access to anything outside.

    Raises:
        GitFailed: git failed.
        BadInput: git is not installed.
        Transient: it did not end in time, or wrote more than `output_bytes`.
    """
    return _ran(words, git_dir, tree, stdin, env, remote, seconds, output_bytes).stdout


def words_of_server(*words: str, git_dir: Path, remote: Remote) -> str:
    """What a server says while git sends it something; raises like `git`."""
    done = _ran(words, git_dir, None, b"", None, remote, _SECONDS, _OUTPUT_BYTES)
    lines = done.stderr.decode(errors="replace").splitlines()
    return "\n".join(line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:"))


# ---------------------------------------------------------------------------------------------------------


def _ran(
    words: Sequence[str | os.PathLike[str]],
    git_dir: Path | None,
    tree: Path | None,
    stdin: bytes,
    env: Mapping[str, str] | None,
    remote: Remote | None,
    seconds: float,
    output_bytes: int,
) -> host.Ended:
    places: list[str] = list(remote.options()) if remote else []
    if git_dir is not None:
        places.append(f"--git-dir={git_dir}")
    if tree is not None:
        places.append(f"--work-tree={tree}")
    done = host.run(
        ["git", *_SAFE, *places, *words],
        env=_NEUTRAL | (remote.environment() if remote else _NO_REMOTE) | _CONFIGURED_BY_US | dict(env or {}),
        folder=tree or host.NEUTRAL,
        stdin=stdin,
        seconds=seconds,
        output_bytes=output_bytes,
        umask=_VISIBLE,
        limits=_LIMITS,
    )
    if done.returncode != 0:
        reason = _last_line(done.stderr) or f"git {words[0]} ended with {done.returncode}"
        raise GitFailed(reason, done.returncode)
    return done


_NO_REMOTE = {"GIT_ALLOW_PROTOCOL": "", "HOME": "/nonexistent"}
_NEUTRAL = {"PATH": host.search_path()}
_CONFIGURED_BY_US = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


def _last_line(stderr: bytes) -> str:
    lines: Sequence[str] = [
        line for line in stderr.decode(errors="replace").splitlines() if line and not line.startswith("hint:")
    ]
    wanted = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (wanted or [*lines, ""])[0].strip()
