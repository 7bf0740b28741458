"""Where the API for a repository's address is: github.com, GitHub Enterprise, or the twin."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from nightcrew.errors import BadInput

_SCP = re.compile(r"(?P<user>[^/:@]+)@(?P<host>[^/:]+):(?P<path>.+)")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class Place:
    """A repository on a GitHub server: the base URL of its API, its owner and its name."""

    api: str
    owner: str
    name: str

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


def place_of(address: str) -> Place:
    """The place of the repository at `address`, which has no secret in it.

    Raises:
        BadInput: it is not on a server, or has no owner and name.
    """
    if (found := _SCP.fullmatch(address)) is not None and "://" not in address:
        return _place(address, "https", found["host"], found["path"])
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https", "ssh"} or not parts.hostname:
        raise BadInput(
            f"{address} is not on GitHub: a pull request needs the repository's address there, such as "
            "https://github.com/OWNER/NAME"
        )
    if parts.scheme == "ssh":
        return _place(address, "https", parts.hostname, parts.path)
    return _place(address, parts.scheme, parts.netloc, parts.path)


# ---------------------------------------------------------------------------------------------------------


def _place(address: str, scheme: str, host: str, path: str) -> Place:
    words = path.strip("/").removesuffix(".git").split("/")
    if len(words) != 2 or not all(_NAME.fullmatch(word) and word.strip(".") for word in words):
        raise BadInput(f"{address} names no repository on GitHub: it ends with /OWNER/NAME")
    return Place(_api(scheme, host.lower()), *words)


def _api(scheme: str, host: str) -> str:
    if host in {"github.com", "www.github.com"}:
        return "https://api.github.com"
    if host.endswith(".ghe.com"):  # GitHub Enterprise Cloud with a place for its data
        return f"https://api.{host}"
    return f"{scheme}://{host}/api/v3"
