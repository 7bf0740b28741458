"""Addresses of repositories: a local folder, or a URL of a server.

Users often put a token into the address. It is removed when a task is submitted, because addresses are
stored, shown, logged and passed to programs.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nightcrew.errors import BadInput

PATTERN = (
    r"^(?:file://(?![^/]*@)|(?!//[^@]*@)(?![^/@]*:/*[^/@]*:[^@/]*@)(?![^/:@]*:[^/@]+@)(?![hH][tT][tT][pP][sS]?:/*[^/]*@)"
    r"(?![hH][tT][tT][pP][sS]?:[^?#;]*[?#;])(?![sS][sS][hH]:[^?#;]*[?#;])(?![gG][iI][tT]:[^?#;@]*[?#;@]))"
)
"""A pattern for servers that validate a value; addresses with a secret do not match."""


_OWN_NAMES = (  # reserved for private networks, or never given to anybody
    *("localhost", "localdomain", "local", "internal", "lan", "home.arpa"),
    *("home", "corp", "intranet", "private"),
)


class Protocol(StrEnum):
    """The allowed protocols of repositories."""

    FILE = "file"
    GIT = "git"
    HTTP = "http"
    HTTPS = "https"
    SSH = "ssh"


@dataclass(frozen=True, slots=True)
class Credential:
    """The login for a repository on a server; never shown."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def protocol_of(repo: str) -> Protocol:
    """The protocol of the repository `repo`.

    Raises:
        BadInput: the protocol is not supported.
    """
    scheme, separator, _ = repo.partition("://")
    if not separator or _is_here(repo):
        return Protocol.SSH if _SCP.match(repo) and not _is_here(repo) else Protocol.FILE
    try:
        return Protocol(scheme.lower())
    except ValueError:
        known = ", ".join(Protocol)
        raise BadInput(f"the protocol {scheme} is not supported for a repository: use {known}") from None


def folder_of(repo: str) -> Path:
    """The folder of a path or `file://` address."""
    if repo.lower().startswith("file://"):
        return Path(unquote("/" + repo[len("file://") :].partition("/")[2]))
    return Path(repo).expanduser()


def origin_of(address: str) -> str:
    """Protocol, host and port of an address, for which its credential is valid."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_own_machine(url: str) -> bool:
    """True if the host of `url` is this machine or in a private network, by its name or number alone."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        number = ip_address(host)
    except ValueError:
        # A name without a dot is one of the local network, or of a container beside this one.
        return bool(host) and ("." not in host or host.endswith(tuple(f".{name}" for name in _OWN_NAMES)))
    return not number.is_global


def holds_secret(repo: str) -> bool:
    """True if `repo` contains a password or token anywhere, even if the address is malformed."""
    try:
        clean, credential = without_secret(repo)
    except BadInput:
        return True
    return credential is not None or clean != repo


def without_secret(repo: str) -> tuple[str, Credential | None]:
    """The address without its credential, and the credential.

    Raises:
        BadInput: the address is invalid; the message does not repeat it.
    """
    if _HOST_WITH_USER.search(repo) and not repo.lower().startswith(_SERVERS) and not _is_here(repo):
        raise BadInput(_INVALID_PLACE)
    if repo.startswith(("/", ".", "~")) or "://" not in repo:
        if not repo.startswith(("/", ".", "~")) and ":" in repo.partition("@")[0] and "@" in repo:
            raise BadInput(_INVALID_PLACE)
        return repo, None
    parts = _split(repo)
    match parts.scheme:
        case "http" | "https":
            return _from_web_address(parts)
        case "file":
            return repo, None
    user = parts.netloc.rpartition("@")[0]
    if parts.query or parts.fragment or ";" in parts.path or (user and parts.scheme == Protocol.GIT):
        raise BadInput(_INVALID_PLACE)
    if ":" in user:
        raise BadInput(
            f"the repository's address has a password, which {parts.scheme} cannot use: use a key, or https"
        )
    return repo, None


# ---------------------------------------------------------------------------------------------------------

_SCP = re.compile(r"[^/:@]+@[^/:]+:")
_HOST_WITH_USER = re.compile(r"[/\\]{2}[^/\\]*@|^[/\\]{2}.*@")
_SERVERS = tuple(f"{protocol}://" for protocol in Protocol if protocol is not Protocol.FILE)
_INVALID_PLACE = "the repository's address has a password in an invalid place: write it as a URL"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SECRET_NAME = re.compile(r"(?i)token|key|secret|passw|pwd|auth|credential|signature|^(pat|sig)$")
_ANY_USER = "x-access-token"  # servers that accept a token as the password accept any user name


def _is_here(repo: str) -> bool:
    try:
        return Path(repo).exists()
    except (OSError, ValueError):  # not a valid file name
        return False


def _split(repo: str) -> SplitResult:
    try:
        parts = urlsplit(repo)
        _ = parts.port  # validated only when it is read
    except ValueError:
        raise BadInput("the repository's address is not a URL") from None
    odd = any(character.isspace() or not character.isprintable() for character in repo)
    if odd or not parts.scheme or not (parts.hostname or parts.scheme == "file"):
        raise BadInput("the repository's address is not a URL")
    return parts


def _from_web_address(parts: SplitResult) -> tuple[str, Credential | None]:
    if ";" in parts.path:
        raise BadInput(_INVALID_PLACE)
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = (unquote(part) for part in userinfo.partition(":"))
    found = Credential(user, password) if password else Credential(_ANY_USER, user) if user else None
    token = _token_behind(parts)
    if token:
        found = Credential(user or _ANY_USER, token)
    if found is not None:
        _check(found, parts)
    return parts._replace(netloc=host, query="", fragment="").geturl(), found


def _token_behind(parts: SplitResult) -> str:
    """A token behind the path, a form that some servers document."""
    behind = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(
        parts.fragment, keep_blank_values=True
    )
    tokens = [value for name, value in behind if _SECRET_NAME.search(name) and value]
    if len(tokens) == 1 and len(behind) == 1:
        return tokens[0]
    if parts.query or parts.fragment:
        raise BadInput(
            "a repository's address ends with its path: name a branch with --base, and write a token as "
            "https://user:token@host/path; it is removed from there and stored"
        )
    return ""


def _check(found: Credential, parts: SplitResult) -> None:
    if any(not character.isprintable() for character in found.username + found.password):
        raise BadInput("the token in the repository's address has invalid characters")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise BadInput("a token must not be sent over http: use the repository's https address")
