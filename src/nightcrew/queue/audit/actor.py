"""Who acts in this process, and from where. All of it is what the operating system says of the process.

`SUDO_USER` and `SSH_CONNECTION` are variables, so whoever controls the process can set them; `login` is kept
by the kernel from the login on, whatever user the process became since.
"""

import os
import pwd
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nightcrew.logs.context import log_context

_NOBODY = 2**32 - 1  # the kernel's login user of a process that no login began
_through: tuple[str, str | None] = ("a program", None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and how."""

    by: str  # the user of the process, and who called sudo
    login: str | None  # the user who logged in, as the kernel knows it
    host: str
    where: str  # ssh and its address, a terminal, or neither
    via: str  # the command, the flow run, or the program
    token: str | None = None  # the name of the secret that was shown, never the secret


def act_through(via: str, *, token: str | None = None) -> None:
    """From now on, this process acts through `via`, a command such as `nightcrew submit-task`.

    `token` is the name of the secret that was shown for it, such as the crew's password.
    """
    global _through
    _through = (via, token)


def actor() -> Actor:
    """Who acts in this process now."""
    run = log_context().run
    via, token = _through
    user, sudo = _user(os.geteuid()), os.environ.get("SUDO_USER")
    return Actor(
        by=f"{user}, by sudo of {sudo}" if sudo else user,
        login=_login(),
        host=socket.gethostname(),
        where=_where(),
        via=f"{via}, flow run {run}" if run else via,
        token=token,
    )


# ---------------------------------------------------------------------------------------------------------


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _login() -> str | None:
    with suppress(OSError, ValueError):
        number = int(Path("/proc/self/loginuid").read_text())
        return None if number == _NOBODY else _user(number)
    return None


def _where() -> str:
    if address := os.environ.get("SSH_CONNECTION", "").split(" ")[0]:
        return f"ssh from {address}"
    with suppress(OSError):
        return os.ttyname(0)
    return "no terminal"
