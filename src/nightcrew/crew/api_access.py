"""Access to the crew's Prefect server, which asks for the password stored in `home`.

The server listens on loopback, where every user of the machine and every page in a browser can reach it. The
password is in a file that only the home's owner can read, and in the profile that Prefect's own programs
read: with PREFECT_HOME set to `home/prefect`, the `prefect` command works as usual.
"""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from nightcrew.secrets.files import open_home, secrets_folder, write_private
from nightcrew.secrets.redaction import known_secrets

LOOPBACK = "127.0.0.1"
_USER = "nightcrew"
_FILE = "prefect-password"
_PROFILE = """\
# Written by Nightcrew at each start: the address and password of this crew's Prefect server.
active = "nightcrew"

[profiles.nightcrew]
PREFECT_API_URL = "{url}"
PREFECT_API_AUTH_STRING = "{password}"
PREFECT_SERVER_API_AUTH_STRING = "{password}"
"""


def password_file(home: Path) -> Path:
    """The file with the password."""
    return home.expanduser().resolve() / "secrets" / _FILE


def password_of(home: Path) -> str | None:
    """The server's login, `user:password`; None if no crew was ever started in `home`."""
    try:
        return _protected(password_file(home).read_text().strip())
    except FileNotFoundError:
        return None


def make_password(home: Path) -> str:
    """The home's password, created if missing."""
    if known := password_of(home):
        return known
    secrets_folder(home)
    password = f"{_USER}:{secrets.token_urlsafe(32)}"
    write_private(password_file(home), password + "\n")
    return _protected(password)


def keep_password(home: Path, given: str) -> None:
    """Keep the password of a server on another host: `user:password`, or the password of the crew's user."""
    secrets_folder(home)
    password = given if ":" in given else f"{_USER}:{given}"
    write_private(password_file(home), password + "\n")
    _protected(password)


def profile_folder(home: Path) -> Path:
    """The value of PREFECT_HOME for programs that use the crew's server."""
    return home.expanduser().resolve() / "prefect"


def write_profile(home: Path, api_url: str) -> None:
    """Write the profile with the server's address and password, for Prefect's programs."""
    folder = profile_folder(open_home(home))
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "profiles.toml", _PROFILE.format(url=api_url, password=make_password(home)))


def own_origins(api_url: str) -> tuple[str, ...]:
    """The origins of the server's own pages, as browsers send them."""
    parts = urlsplit(api_url)
    return tuple(f"http://{host}" for host in own_hosts(parts.port or 80, parts.hostname or LOOPBACK))


def own_hosts(port: int, address: str = LOOPBACK) -> tuple[str, ...]:
    """The valid Host headers of requests to the server at this address and port."""
    names = (LOOPBACK, "localhost") if address == LOOPBACK else (address,)
    return tuple(f"{name}:{port}" for name in names)


# ---------------------------------------------------------------------------------------------------------


def _protected(password: str) -> str:
    known_secrets.add(password)
    known_secrets.add(password.partition(":")[2])
    return password
