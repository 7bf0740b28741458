"""What people name a repository by: a folder, or an address that some server answers at.

Many put a token into the address. It is taken out where a task comes in and never goes any further: an
address is stored, shown, logged and passed to programs.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nightcrew.errors import BadInput

PATTERN = (
    r"^(?:file://|(?![^/@]*:/*[^/@]*:[^@/]*@)(?![^/:@]*:[^/@]+@)(?![hH][tT][tT][pP][sS]?:/*[^/]*@)"
    r"(?![hH][tT][tT][pP][sS]?:[^?#]*[?#]))"
)
"""For servers that check a value before they store it: what `holds_secret` finds does not match."""


class Protocol(StrEnum):
    """How git reaches a repository; nothing else is ever asked for."""

    FILE = "file"
    GIT = "git"
    HTTP = "http"
    HTTPS = "https"
    SSH = "ssh"


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens a repository on a server; shown nowhere."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def protocol_of(repo: str) -> Protocol:
    """How the repository that `repo` names is reached.

    Raises:
        BadInput: by a protocol that Nightcrew does not use.
    """
    scheme, separator, _ = repo.partition("://")
    if not separator or _is_here(repo):
        return Protocol.SSH if _SCP.match(repo) and not _is_here(repo) else Protocol.FILE
    try:
        return Protocol(scheme.lower())
    except ValueError:
        known = ", ".join(Protocol)
        raise BadInput(f"a repository is reached by {known}, not by {scheme}") from None


def folder_of(repo: str) -> Path:
    """The folder that a path or a `file://` address names."""
    if repo.lower().startswith("file://"):
        return Path(unquote("/" + repo[len("file://") :].partition("/")[2]))
    return Path(repo).expanduser()


def origin_of(address: str) -> str:
    """Protocol, host and port of an address: whom its credential is for."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def holds_secret(repo: str) -> bool:
    """True if a password or token stands in `repo`, in whatever place and however misspelt the address is."""
    try:
        clean, credential = without_secret(repo)
    except BadInput:
        return True
    return credential is not None or clean != repo


def without_secret(repo: str) -> tuple[str, Credential | None]:
    """The address without what must not be seen, and that.

    Raises:
        BadInput: there is something in it that cannot be used; the message does not repeat it.
    """
    if repo.startswith(("/", ".", "~")) or "://" not in repo:
        if not repo.startswith(("/", ".", "~")) and ":" in repo.partition("@")[0] and "@" in repo:
            raise BadInput("the repository's address holds a password where none can be: write it as a URL")
        return repo, None
    parts = _split(repo)
    match parts.scheme:
        case "http" | "https":
            return _from_web_address(parts)
        case "file":
            return repo, None
    if ":" in parts.netloc.rpartition("@")[0]:
        raise BadInput(
            f"the repository's address holds a password, and {parts.scheme} takes none: use a key, or https"
        )
    return repo, None


# ---------------------------------------------------------------------------------------------------------

_SCP = re.compile(r"[^/:@]+@[^/:]+:")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SECRET_NAME = re.compile(r"(?i)token|key|secret|passw|pwd|auth|credential|signature|^(pat|sig)$")
_ANYBODY = "x-access-token"  # servers that take a token as a password take any name with it


def _is_here(repo: str) -> bool:
    try:
        return Path(repo).exists()
    except (OSError, ValueError):  # no name that a file could have
        return False


def _split(repo: str) -> SplitResult:
    try:
        parts = urlsplit(repo)
        _ = parts.port  # only looked at when it is asked for
    except ValueError:
        raise BadInput("the repository's address is not a URL") from None
    odd = any(character.isspace() or not character.isprintable() for character in repo)
    if odd or not parts.scheme or not (parts.hostname or parts.scheme == "file"):
        raise BadInput("the repository's address is not a URL")
    return parts


def _from_web_address(parts: SplitResult) -> tuple[str, Credential | None]:
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = (unquote(part) for part in userinfo.partition(":"))
    found = Credential(user, password) if password else Credential(_ANYBODY, user) if user else None
    token = _token_behind(parts)
    if token:
        found = Credential(user or _ANYBODY, token)
    if found is not None:
        _check(found, parts)
    return parts._replace(netloc=host, query="", fragment="").geturl(), found


def _token_behind(parts: SplitResult) -> str:
    """A token given behind the path, as some servers' documentation has it."""
    behind = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(
        parts.fragment, keep_blank_values=True
    )
    tokens = [value for name, value in behind if _SECRET_NAME.search(name) and value]
    if len(tokens) == 1 and len(behind) == 1:
        return tokens[0]
    if parts.query or parts.fragment:
        raise BadInput(
            "a repository's address ends with its path: name a branch with --base, and write a token as "
            "https://user:token@host/path, from where it is taken out and kept"
        )
    return ""


def _check(found: Credential, parts: SplitResult) -> None:
    if any(not character.isprintable() for character in found.username + found.password):
        raise BadInput("the token in the repository's address holds characters that no token has")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise BadInput("a token must not be sent over http: use the repository's https address")
