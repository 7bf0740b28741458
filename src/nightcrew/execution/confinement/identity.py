"""The user of a confined command on the host: never root.

An ordinary user's commands run as that user, in their own user namespace. Root's commands run as an otherwise
unused uid, because root is exempt from the limit on processes and owns too much. For that, a user namespace
with root and that uid is created first. In it, bubblewrap sets up the mounts as root (so that folders of root
can be mounted); then the command switches to the other uid, without capabilities and irreversibly.
"""

import os
import shutil
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from nightcrew import host
from nightcrew.errors import SandboxUnavailable
from nightcrew.execution.confinement.usage import entry_bytes, folder_bytes

INSIDE_ID = 1000
"""The uid and gid of a confined command inside the sandbox."""
HOST_ID = 61_000
"""Its uid and gid on the host if Nightcrew runs as root; systemd leaves 60706 to 61183 unused."""

_CHOICES = (
    "Enable unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 and "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container, allow unshare and mount), run Nightcrew "
    "on Linux, or set NIGHTCREW_SANDBOX=none to run without confinement, which every verdict then says"
)


def unavailable(why: str) -> SandboxUnavailable:
    """The error with the cause and the options."""
    return SandboxUnavailable(f"the sandbox cannot work here: {why}. {_CHOICES}.")


@dataclass(frozen=True, slots=True)
class Identity:
    """How bubblewrap gets its user: options, a prefix of the command, and descriptors to pass on."""

    options: tuple[str, ...]
    prefix: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    host_id: int | None = None  # None: our own uid

    def adopt(self, path: Path) -> int:
        """Make the confined command the owner of `path` and its contents; returns their size in bytes."""
        if self.host_id is None:
            return folder_bytes(path) if path.is_dir() else 0
        os.chown(path, self.host_id, self.host_id, follow_symlinks=False)
        return _adopt_folder(os.open(path, _FOLDER), self.host_id) if path.is_dir() else 0


class Identities:
    """Creates the identity once per process, because a forked worker's children inherit no namespaces."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: tuple[int, Identity] | None = None

    def current(self) -> Identity:
        """The identity for commands of this process.

        Raises:
            SandboxUnavailable: user namespaces cannot be created.
        """
        with self._lock:
            if self._found is None or self._found[0] != os.getpid():
                self._found = os.getpid(), _root() if is_real_root() else _ORDINARY
            return self._found[1]


def parent_identity() -> Identity:
    """The same user for a process that forks confined commands: each gets a user namespace of its own there.

    Raises:
        SandboxUnavailable: user namespaces cannot be created.
    """
    if is_real_root():
        root = _root(nested="4096")
        options = (*root.options, "--cap-add", "CAP_SYS_ADMIN")
        return replace(root, options=options, prefix=(*_UNCOVERED_PROC, *root.prefix))
    return replace(_ORDINARY, options=tuple(word for word in _ORDINARY.options if word != "--disable-userns"))


# ---------------------------------------------------------------------------------------------------------

_ORDINARY = Identity(
    options=("--unshare-user", "--disable-userns", "--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID)),
    prefix=(),
)

# Runs in its own process, because only a single-threaded process may enter a new user namespace.
_HOLDER = """
import os, sys
os.unshare(os.CLONE_NEWUSER)
os.write(1, b"u")
os.read(0, 1)
with open("/proc/sys/user/max_user_namespaces", "w") as limit:
    limit.write(sys.argv[1])
os.write(1, b"d")
os.read(0, 1)
"""


# bubblewrap covers parts of root's /proc; the kernel then refuses another one in a child's user namespace.
# (The filter of such a process forbids the newer calls that mount(8) would use.)
_UNCOVERED_PROC = (
    "/bin/sh",
    "-c",
    'LIBMOUNT_FORCE_MOUNT2=always mount -t proc -o nosuid,nodev,noexec proc /proc && exec "$@"',
    "sh",
)


def is_real_root() -> bool:
    """True for root, but not for uid 0 in the user namespace of a rootless container."""
    if os.geteuid() != 0:
        return False
    return any(
        int(line.split()[0]) == 0 and int(line.split()[1]) == 0 and int(line.split()[2]) > HOST_ID
        for line in Path("/proc/self/uid_map").read_text().splitlines()
    )


def _root(nested: str = "0") -> Identity:
    namespace = _user_namespace(nested)
    return Identity(
        options=(
            *("--userns", str(namespace), "--uid", "0", "--gid", "0"),
            # Enough to enter the workspace and to switch the user; dropped by that switch.
            *("--cap-add", "CAP_DAC_READ_SEARCH", "--cap-add", "CAP_SETPCAP"),
            *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
        ),
        prefix=_become(),
        descriptors=(namespace,),
        host_id=HOST_ID,
    )


def _become() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if setpriv is None:
        raise unavailable(
            "for root it needs the command setpriv (package util-linux); or run it as an ordinary user"
        )
    ids = ("--reuid", str(INSIDE_ID), "--regid", str(INSIDE_ID), "--clear-groups")
    return (setpriv, *ids, "--inh-caps=-all", "--bounding-set=-all", "--")


def _user_namespace(nested: str) -> int:
    """A descriptor of a user namespace with root and the unused uid, and at most so many `nested` ones."""
    command = [sys.executable, "-I", "-S", "-c", _HOLDER, nested]
    with host.start(command, env={}, stdin=host.PIPE, stdout=host.PIPE, stderr=host.PIPE) as holder:
        assert holder.stdin and holder.stdout and holder.stderr
        try:
            _expect(holder, b"u")
            for kind in ("uid_map", "gid_map"):
                Path(f"/proc/{holder.pid}/{kind}").write_text(f"0 0 1\n{INSIDE_ID} {HOST_ID} 1\n")
            holder.stdin.write(b".")
            holder.stdin.flush()
            _expect(holder, b"d")
            return os.open(f"/proc/{holder.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise unavailable(f"no user namespace could be created ({error})") from None
        finally:
            holder.kill()


def _expect(holder: host.Process, sign: bytes) -> None:
    assert holder.stdout and holder.stderr
    if holder.stdout.read(1) != sign:
        lines = holder.stderr.read().decode(errors="replace").strip().splitlines()
        raise OSError(lines[-1] if lines else "no answer")


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEPTH = 200  # each level needs a descriptor; no repository is that deep


def _adopt_folder(folder: int, owner: int, depth: int = 0) -> int:
    """Make `owner` the owner of a folder's contents and close it; returns their size in bytes.

    It uses descriptors instead of paths, so that replacing a folder by a link has no effect.
    """
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                total += entry_bytes(entry)
                status = entry.stat(follow_symlinks=False)
                if status.st_uid != owner or status.st_gid != owner:
                    os.chown(entry.name, owner, owner, dir_fd=folder, follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False) and depth < _DEPTH:
                    total += _adopt_folder(os.open(entry.name, _FOLDER, dir_fd=folder), owner, depth + 1)
    finally:
        os.close(folder)
    return total
