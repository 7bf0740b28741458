"""The system folders mounted in a sandbox, and the rules for other mounts."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from nightcrew.errors import BadInput
from nightcrew.execution.confinement.identity import Identity
from nightcrew.execution.confinement.mount import Mount

SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/nix/store",
)


def checked(mounts: Sequence[Mount], identity: Identity) -> Sequence[Mount]:
    """The mounts, if each can be made.

    Raises:
        BadInput: a source is missing, a symbolic link or readable by root only, or a target is not absolute.
    """
    for mount in mounts:
        _check(mount, identity)
    return mounts


def is_handed_over(mount: Mount) -> bool:
    """True for writable mounts and sockets, because connecting to a socket needs write access."""
    return mount.writable or mount.source.is_socket()


# ---------------------------------------------------------------------------------------------------------


def _check(mount: Mount, identity: Identity) -> None:
    # A source that is a symbolic link would mount whatever the link points to later.
    if mount.source.is_symlink() or not mount.source.exists():
        raise BadInput(f"cannot mount {mount.source}: it does not exist or is a symbolic link")
    target = PurePosixPath(mount.target)
    if not target.is_absolute() or ".." in target.parts:
        raise BadInput(f"cannot mount at {mount.target}: not an absolute path")
    closed = identity.host_id is not None and mount.source.stat().st_mode & 0o004 == 0
    if closed and not is_handed_over(mount):
        raise BadInput(f"cannot mount {mount.source}: only root can read it (chmod o+rX)")
