"""Who may speak with the crew's Prefect server: whoever knows the password in `home`.

The server listens on loopback, where every user of the machine and every page in a browser reaches it. The
password lies in a file that only the home's owner can read, and in the profile that Prefect's own programs
read: with PREFECT_HOME set to `home/prefect`, `prefect` works as it always does.
"""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from nightcrew.secrets.files import open_home, secrets_folder, write_private
from nightcrew.secrets.redaction import known_secrets

_USER = "nightcrew"
_FILE = "prefect-password"
_PROFILE = """\
# Written by Nightcrew with each start: how this crew's Prefect server is reached.
active = "nightcrew"

[profiles.nightcrew]
PREFECT_API_URL = "{url}"
PREFECT_API_AUTH_STRING = "{password}"
PREFECT_SERVER_API_AUTH_STRING = "{password}"
"""


def password_file(home: Path) -> Path:
    """Where the password is kept."""
    return home.expanduser().resolve() / "secrets" / _FILE


def password_of(home: Path) -> str | None:
    """What the server wants to be told, `user:password`; None where no crew was ever started in `home`."""
    try:
        return _protected(password_file(home).read_text().strip())
    except FileNotFoundError:
        return None


def make_password(home: Path) -> str:
    """The home's password, made now if there was none."""
    if known := password_of(home):
        return known
    secrets_folder(home)
    password = f"{_USER}:{secrets.token_urlsafe(32)}"
    write_private(password_file(home), password + "\n")
    return _protected(password)


def profile_folder(home: Path) -> Path:
    """What PREFECT_HOME has to be for programs that speak with the crew's server."""
    return home.expanduser().resolve() / "prefect"


def write_profile(home: Path, api_url: str) -> None:
    """Tell Prefect's programs where the server is, and its password."""
    folder = profile_folder(open_home(home))
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "profiles.toml", _PROFILE.format(url=api_url, password=make_password(home)))


def own_origins(api_url: str) -> tuple[str, ...]:
    """The origins of the server's own pages, as browsers write them."""
    return tuple(f"http://{host}" for host in own_hosts(urlsplit(api_url).port or 80))


def own_hosts(port: int) -> tuple[str, ...]:
    """What a request that is meant for the server on this port says in its Host header."""
    return f"127.0.0.1:{port}", f"localhost:{port}"


# ---------------------------------------------------------------------------------------------------------


def _protected(password: str) -> str:
    known_secrets.add(password)
    known_secrets.add(password.partition(":")[2])
    return password
