"""The crew as a service of systemd: started with the machine or a session, and again after a failure."""

import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from nightcrew import host
from nightcrew.crew.api_access import keep_password, password_of
from nightcrew.crew.environment import service_environment
from nightcrew.errors import BadInput
from nightcrew.secrets.account import kept_account
from nightcrew.secrets.files import secrets_folder, write_private
from nightcrew.settings import Settings

NAME = "nightcrew.service"
SECONDS = 60
UNIT = """\
[Unit]
Description=Nightcrew: development work through the night
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command}
Environment={home}
EnvironmentFile={variables}
KillMode=mixed
TimeoutStartSec=infinity
TimeoutStopSec=120
Restart=on-failure
RestartSec=30
RestartPreventExitStatus=2
Delegate=yes

[Install]
WantedBy={target}
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit file, and how to see what its service prints."""

    file: Path
    logs: str


def unit_text(settings: Settings, *, workers: int | None, of_system: bool, join: str | None = None) -> str:
    """The unit file: of the crew, or of a host that only joins the one whose Prefect API is at `join`.

    It holds no secret, because every user can read it: key and variables lie in the home.
    """
    words = [sys.executable, "-m", "nightcrew.cli"]
    words += ["worker", "--join", join] if join else ["run-engine"]
    words += ["--workers", str(workers)] if workers else []
    return UNIT.format(
        command=_line(words),
        home=_line([f"NIGHTCREW_HOME={settings.home.expanduser().resolve()}"]),
        variables=str(_variables_file(settings)).replace("%", "%%"),
        target="multi-user.target" if of_system else "default.target",
    )


def variables_text(settings: Settings) -> str:
    """The variables of this environment that the service needs, as systemd reads them from a file."""
    return "".join(
        f'{name}="{re.sub(_SPECIAL, r"\\\g<0>", value)}"\n'
        for name, value in service_environment(settings).items()
    )


def install(
    settings: Settings, *, workers: int | None = None, join: str | None = None, password: str | None = None
) -> Unit:
    """Write and enable the unit, of the system for root, else of the user; the service starts at once.

    With `join`, it works for the crew whose Prefect API is there; `password` is that server's.

    Raises:
        BadInput: systemd does not run here, refuses the unit, or no account or password is stored.
    """
    if kept_account(settings.home) is None:
        raise BadInput(
            "a service has no key in its environment: store one with 'nightcrew set-account' first"
        )
    if not _BOOTED.is_dir():
        start = "worker --join" if join else "run-engine"
        raise BadInput(f"systemd does not run on this machine: start the crew with 'nightcrew {start}'")
    if password:
        keep_password(settings.home, password)
    if join and password_of(settings.home) is None:
        raise BadInput(
            "set PREFECT_API_AUTH_STRING to what 'nightcrew ui --password' prints where the server is"
        )
    of_system = os.geteuid() == 0
    file = _file(of_system)
    file.parent.mkdir(parents=True, exist_ok=True)
    secrets_folder(settings.home)
    write_private(_variables_file(settings), variables_text(settings))
    file.write_text(unit_text(settings, workers=workers, of_system=of_system, join=join))
    _systemctl(of_system, "daemon-reload")
    _systemctl(of_system, "enable", "--now", NAME)
    scope = "" if of_system else "--user "
    return Unit(file, f"journalctl {scope}--unit {NAME} --follow")


def remove(settings: Settings) -> Path:
    """Stop and disable the service, and delete its unit file and variables.

    Raises:
        BadInput: there is none, or systemd refuses.
    """
    of_system = os.geteuid() == 0
    if not (file := _file(of_system)).exists():
        raise BadInput(f"there is no {file}")
    _systemctl(of_system, "disable", "--now", NAME)
    file.unlink()
    _variables_file(settings).unlink(missing_ok=True)
    _systemctl(of_system, "daemon-reload")
    return file


# ---------------------------------------------------------------------------------------------------------


_BOOTED = Path("/run/systemd/system")  # there exactly while systemd is the machine's init, see sd_booted(3)


_SPECIAL = re.compile(r'["\\`$]')  # of systemd in a quoted value of a file of variables


def _variables_file(settings: Settings) -> Path:
    return settings.home.expanduser().resolve() / "secrets" / "service.env"


def _file(of_system: bool) -> Path:
    return (
        (Path("/etc") if of_system else Path.home() / ".config")
        / "systemd"
        / ("system" if of_system else "user")
        / NAME
    )


def _systemctl(of_system: bool, *words: str) -> None:
    command = ["systemctl", *([] if of_system else ["--user"]), *words]
    ended = host.run(command, env=host.environment("XDG_*", "DBUS_*"), seconds=SECONDS)
    if ended.returncode:
        raise BadInput(
            f"{shlex.join(command)} failed: {ended.stderr.decode(errors='replace').strip()[-300:]}"
        )


def _line(words: list[str]) -> str:
    """Words as systemd reads them: quoted, and with its own signs doubled."""
    quoted = (
        word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") for word in words
    )
    return " ".join(f'"{word}"' for word in quoted)
