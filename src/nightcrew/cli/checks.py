"""The checks of `nightcrew doctor`: each says what it found and, where that is not enough, what to do."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from nightcrew import host
from nightcrew.cli.output import age, counted
from nightcrew.errors import NightcrewError
from nightcrew.secrets.files import close_to_others
from nightcrew.settings import OPENROUTER_URL, SandboxKind, Settings

LEAST_FREE_BYTES = 2 * 1024**3
OLDEST_GIT = (2, 30)


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `advice` is what to do about it."""

    name: str
    level: Level
    finding: str
    advice: str = ""


def all_checks(settings: Settings) -> Iterator[Check]:
    """Every check, quick ones first."""
    yield _python()
    yield _git()
    yield _disk(settings)
    yield _home(settings)
    yield from _sandbox(settings)
    yield _runtime(settings)
    yield from _ledger(settings)
    yield from _services(settings)
    yield from _paused(settings)
    yield from _stop(settings)
    yield _key(settings)
    yield _catalogue(settings)


# ---------------------------------------------------------------------------------------------------------


def _python() -> Check:
    version = platform.python_version()
    if (3, 12) <= sys.version_info[:2] <= (3, 13):
        return Check("Python", Level.OK, version)
    return Check("Python", Level.PROBLEM, version, "Nightcrew runs on Python 3.12 and 3.13: run 'make setup'")


def _git() -> Check:
    advice = "install git 2.30 or newer with your system's package manager"
    try:
        output = host.run(["git", "--version"], env=host.environment(), seconds=10).stdout.decode()
        version = output.split()[2]
        enough = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_GIT
    except (OSError, NightcrewError, ValueError, IndexError):
        return Check("git", Level.PROBLEM, "not found", advice)
    return Check("git", Level.OK if enough else Level.PROBLEM, version, "" if enough else advice)


def _disk(settings: Settings) -> Check:
    folder = settings.home.expanduser()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    finding = f"{free / 1024**3:.1f} GiB free for {settings.home}"
    if free >= LEAST_FREE_BYTES:
        return Check("disk", Level.OK, finding)
    return Check(
        "disk", Level.PROBLEM, finding, "free 2 GiB there, or name another folder with NIGHTCREW_HOME"
    )


def _home(settings: Settings) -> Check:
    """Files that other users can read are closed at once: no user wants them open."""
    home = settings.home.expanduser().resolve()
    if not home.is_dir():
        return Check("home", Level.OK, f"{home} will be created when needed, readable by you only")
    owner = home.stat().st_uid
    if owner != os.geteuid():
        advice = "run as that user, or name another folder with NIGHTCREW_HOME"
        return Check("home", Level.PROBLEM, f"{home} belongs to the user with id {owner}", advice)
    if changed := close_to_others(home):
        finding = f"other users could read {changed} files and folders in {home}: now they cannot"
        return Check("home", Level.NOTE, finding)
    return Check("home", Level.OK, f"{home} is readable by you only")


def _sandbox(settings: Settings) -> Iterator[Check]:
    if settings.sandbox is SandboxKind.NONE:
        advice = "unset NIGHTCREW_SANDBOX to confine agents; every verdict says that they were not confined"
        yield Check("sandbox", Level.NOTE, "switched off by NIGHTCREW_SANDBOX=none", advice)
        return
    from nightcrew.execution.sandbox import not_limited, settled_sandbox
    from nightcrew.execution.sandbox_proof import attack_report

    try:
        sandbox = settled_sandbox(settings)
        attacks = list(attack_report(sandbox))
    except NightcrewError as error:
        yield Check("sandbox", Level.PROBLEM, "does not work here", str(error))
        return
    broken = [f"{name}: {detail}" for name, held, detail in attacks if not held]
    if broken:
        advice = "report this, and run no agents here"
        yield Check("sandbox", Level.PROBLEM, f"{len(broken)} of {len(attacks)} attacks succeeded", advice)
        yield from (Check("sandbox", Level.PROBLEM, text) for text in broken)
    else:
        yield Check("sandbox", Level.OK, f"{settings.sandbox}: withstood {len(attacks)} test attacks")
    unlimited = not_limited(sandbox)
    if unlimited:
        advice = "start the crew with 'systemd-run --user --scope nightcrew run-engine', or use podman"
        yield Check("limits", Level.NOTE, f"no control group here limits {unlimited}", advice)


def _runtime(settings: Settings) -> Check:
    """Whether the agent's packages are there in the locked versions, and can be imported in the sandbox."""
    from nightcrew.execution.sandbox import settled_sandbox
    from nightcrew.openhands.runtime import kept_runtime, problem_of

    try:
        runtime = kept_runtime(settings)
        if runtime is None:
            advice = "run 'python -m nightcrew.openhands.runtime', or let the first agent wait for it"
            return Check("agent's runtime", Level.NOTE, "is not built yet", advice)
        problem = problem_of(runtime, settled_sandbox(settings))
    except NightcrewError as error:
        return Check("agent's runtime", Level.PROBLEM, "cannot be looked at", str(error))
    if problem:
        return Check("agent's runtime", Level.PROBLEM, problem, f"remove {runtime.path}: it is built anew")
    return Check("agent's runtime", Level.OK, "is as its lock says, and can be imported in the sandbox")


def _ledger(settings: Settings) -> Iterator[Check]:
    """Yields a note for each file with facts that cannot be read."""
    from nightcrew.ledger.ledger import open_ledger

    if not settings.ledger_dir.is_dir():
        return
    try:
        with open_ledger(settings) as ledger:
            damaged = ledger.damaged()
    except NightcrewError as error:
        yield Check("ledger", Level.PROBLEM, "cannot be read", str(error))
        return
    for path in damaged:
        advice = f"its facts are in no figure: replace {path.name} by a copy from a backup, or delete it"
        yield Check("ledger", Level.NOTE, f"{path} cannot be read; all other files are", advice)


def _services(settings: Settings) -> Iterator[Check]:
    from nightcrew.crew.status import status

    current = status(settings)
    start = "start the crew with 'nightcrew run-engine'"
    for name in ("server", "worker"):
        if name in current.alive:
            where = f"{current.ui_url}" if name == "server" else f"{current.workers} tasks at once"
            yield Check(name, Level.OK, f"running as process {current.alive[name]}, {where}")
        elif name == "server" and current.is_joined and current.running:
            yield Check(name, Level.OK, f"on another host, {current.ui_url}")
        else:
            yield Check(name, Level.NOTE, "not running", start)


def _paused(settings: Settings) -> Iterator[Check]:
    """Yields a note for everything that was paused in Prefect, because tasks wait there without a reason."""
    from nightcrew.crew.bootstrap import paused
    from nightcrew.crew.status import status

    current = status(settings)
    if not current.running:
        return
    try:
        found = paused(current.api())
    except NightcrewError as error:
        yield Check("Prefect", Level.PROBLEM, "does not answer", str(error))
        return
    for name in found:
        yield Check(
            "Prefect", Level.NOTE, f"{name} is paused; what belongs to it waits", "resume it in the UI"
        )


def _stop(settings: Settings) -> Iterator[Check]:
    """Yields nothing unless the crew is stopped."""
    from nightcrew.crew.stop import HOW_TO_RESUME, current_stop

    try:
        stop = current_stop(settings)
    except NightcrewError as error:
        yield Check("database", Level.PROBLEM, "cannot be used", str(error))
        return
    if stop is not None:
        finding = f"stopped since {stop.at:%Y-%m-%d %H:%M} UTC: {stop.message}"
        yield Check("crew", Level.PROBLEM, finding, HOW_TO_RESUME)


def _key(settings: Settings) -> Check:
    from nightcrew.openrouter.api import OpenRouterApi

    address = settings.base_url
    try:
        address, key = settings.account
        if key is None:
            return _no_key(address)
        with OpenRouterApi(address, key) as api:
            info = api.key()
    except NightcrewError as error:
        advice = f"check the key, and that {address} can be reached from here"
        return Check("key", Level.PROBLEM, str(error), advice)
    return Check("key", Level.OK, "accepted" if info else f"set; {address} has no way to check it")


def _no_key(address: str) -> Check:
    if address == OPENROUTER_URL:
        advice = "set OPENROUTER_API_KEY, or try 'nightcrew demo', which needs none"
        return Check("key", Level.PROBLEM, "no API key is set", advice)
    return Check("key", Level.NOTE, f"none set for {address}")


def _catalogue(settings: Settings) -> Check:
    from nightcrew.cli.model_choice import open_catalogue

    try:
        with open_catalogue(settings) as (_, catalogue):
            count, listed_for = len(catalogue.candidates()), catalogue.age
            catalogue.check_usable()
    except NightcrewError as error:
        return Check("catalogue", Level.PROBLEM, "cannot be used", str(error))
    if not count:
        advice = (
            "fetch it with 'nightcrew refresh-models', or name what the endpoint serves in NIGHTCREW_MODELS"
        )
        return Check("catalogue", Level.NOTE, "empty", advice)
    return Check("catalogue", Level.OK, f"{counted(count, 'model')}, {age(listed_for or timedelta())} old")
