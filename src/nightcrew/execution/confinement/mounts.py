"""What is shown inside of a sandbox: the system's own folders, and the rules for what else may be mounted."""

from pathlib import PurePosixPath

from nightcrew.errors import BadInput
from nightcrew.execution.confinement.confinement import Mount
from nightcrew.execution.confinement.identity import Identity

SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/nix/store",
)


def check_mount(mount: Mount, identity: Identity) -> None:
    """A mount whose last step is a symlink would show whatever the link was turned to."""
    if mount.source.is_symlink() or not mount.source.exists():
        raise BadInput(f"cannot mount {mount.source}: it does not exist or is a symbolic link")
    target = PurePosixPath(mount.target)
    if not target.is_absolute() or ".." in target.parts:
        raise BadInput(f"cannot mount at {mount.target}: not an absolute path")
    closed = identity.host_id is not None and mount.source.stat().st_mode & 0o004 == 0
    if closed and not is_handed_over(mount):
        raise BadInput(f"cannot mount {mount.source}: others than root may not read it (chmod o+rX)")


def is_handed_over(mount: Mount) -> bool:
    """Connecting to a socket is writing to it."""
    return mount.writable or mount.source.is_socket()
