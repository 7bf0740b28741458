"""Fetch and push of the twin of GitHub: git's own smart HTTP server, behind the check of the token."""

import base64
import binascii
import gzip
import os
import zlib
from collections.abc import Mapping

from nightcrew import host
from nightcrew.testing.github.state import Access, Hub, Permission, Repository

MOST_BYTES = 256 * 1024 * 1024
_SECONDS = 120
_ASK = {"WWW-Authenticate": 'Basic realm="GitHub"'}


def serve_git(
    hub: Hub, repository: Repository | None, service: str, rest: str, query: str, headers: Mapping[str, str],
    body: bytes,
) -> tuple[int, Mapping[str, str], bytes]:  # fmt: skip
    """Status, headers and body of the reply; `rest` is the path behind the repository.

    The token is the password of basic authentication; a public repository is read without one.
    """
    token = hub.tokens.get(_password(headers.get("authorization", "")))
    access = token.permissions.get(Permission.CONTENTS, Access.NONE) if token else Access.NONE
    pushes = service == "git-receive-pack"
    if "authorization" in headers and token is None:
        return 401, _ASK, b"remote: Invalid username or token.\n"
    if repository is None or (repository.private and access < Access.READ):
        return (404, {}, b"Repository not found.\n") if token else (401, _ASK, b"")
    if pushes and token is None:
        return 401, _ASK, b""
    if pushes and access < Access.WRITE:
        denied = f"Permission to {repository.full_name}.git denied to {token.login if token else ''}.\n"
        return 403, {}, denied.encode()
    if headers.get("content-encoding") == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            return 400, {}, b""
    return _backend(repository, rest, query, headers, body, token.login if token else "")


# ---------------------------------------------------------------------------------------------------------


def _password(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _backend(
    repository: Repository, rest: str, query: str, headers: Mapping[str, str], body: bytes, login: str
) -> tuple[int, Mapping[str, str], bytes]:
    variables = {
        "GIT_PROJECT_ROOT": os.fspath(repository.git_dir.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.git_dir.name}{rest}",
        "QUERY_STRING": query,
        "REQUEST_METHOD": "POST" if body or not rest.endswith("/refs") else "GET",
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_USER": login,  # without one, git refuses to push
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = host.run(
        ["git", "-c", "safe.directory=*", "http-backend"],
        env={"PATH": host.search_path(), **variables},
        stdin=body,
        seconds=_SECONDS,
        output_bytes=MOST_BYTES,
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    found = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    status = int(found.pop("Status", "200").split()[0]) if head else 500
    return status, found, content
