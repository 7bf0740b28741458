"""Control groups: kernel limits on the resources of a whole process tree, if groups can be created.

A group counts what cannot be measured from outside (socket buffers, page tables, files in memory) and refuses
allocations in advance. Root can create groups on most machines; an ordinary user can if the crew was started
in its own scope (`systemd-run --user --scope`). Both versions of the kernel's interface are supported.
"""

import itertools
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from nightcrew.execution.confinement.confinement import Limits, Reading

CONTROLLERS = ("memory", "pids", "cpu")

_WITHOUT = {
    "memory": "the kernel's own memory (page tables, sockets beyond an estimate)",
    "pids": "processes beyond those of one user",
    "cpu": "the share of processor time (sandboxes only go behind, by niceness)",
}
_PREFIX = "nightcrew-"
_PERIOD_MICROSECONDS = 100_000
_OWN_PROCESSES = 8  # for the sandbox itself, in addition to the command
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The folder for new groups, by available controller (in version 2 always the same folder)."""

    version: int
    folders: Mapping[str, Path]

    @property
    def not_limited(self) -> str:
        """The resources without a limit, as text for a person; empty if there is none."""
        return ", ".join(_WITHOUT[name] for name in CONTROLLERS if name not in self.folders)


class ControlGroup:
    """A group for one command; a context manager. Limits of missing controllers are not enforced."""

    def __init__(self, limits: Limits, hierarchy: Hierarchy | None = None) -> None:
        self._limits, self._hierarchy = limits, hierarchy or current_hierarchy()
        self._folders: dict[str, Path] = {}

    def __enter__(self) -> Self:
        name = f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        try:
            for controller, above in self._hierarchy.folders.items():
                self._folders[controller] = above / name
                self._folders[controller].mkdir(exist_ok=True)
            for controller, file, value in _settings(self._hierarchy.version, self._limits):
                if controller in self._folders:
                    _write(self._folders[controller] / file, value)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for folder in set(self._folders.values()):
            _remove(folder)

    @property
    def counts_memory(self) -> bool:
        """True if the kernel enforces the memory limit."""
        return "memory" in self._folders

    def take(self, pid: int) -> None:
        """Move a process into the group; its later children will be in it too."""
        for folder in set(self._folders.values()):
            with suppress(ProcessLookupError):  # it has ended: whoever waits for it learns why
                (folder / "cgroup.procs").write_text(str(pid))

    def over(self) -> Reading:
        """Whether the kernel ended a process of the group because of its limit."""
        killed = self.counts_memory and has_killed(self._folders["memory"])
        return Reading("memory" if killed else None)


def has_killed(folder: Path) -> bool:
    """True if the kernel ended a process of this group because of its memory limit."""
    for name in ("memory.events", "memory.oom_control"):
        with suppress(OSError), open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - hot path
            return any(line.startswith(b"oom_kill ") and line[9:].strip() != b"0" for line in file)
    return False


def memory_group(pid: int) -> Path | None:
    """The folder of the group that counts a process's memory, if it is visible here."""
    with suppress(OSError):
        paths = _paths(pid)
        for mount in _mounts():
            name = "memory" if mount.version == 1 and "memory" in mount.options else ""
            if name in paths and (name or mount.version == 2):
                place = _place(mount, paths[name])
                if place is not None and (place / "cgroup.procs").exists():
                    return place
    return None


@cache
def current_hierarchy() -> Hierarchy:
    """The place where this process can create groups; found once, after removing groups of dead crews."""
    mounts = list(_mounts())
    for hierarchy in (_version_2(mounts), _version_1(mounts)):
        if hierarchy is not None:
            for folder in set(hierarchy.folders.values()):
                _remove_dead(folder)
            return hierarchy
    return Hierarchy(0, {})


# ---------------------------------------------------------------------------------------------------------


def _settings(version: int, limits: Limits) -> Iterator[tuple[str, str, str]]:
    """Controller, file and value of every limit; files that this kernel lacks are skipped."""
    memory, processes = str(limits.memory_bytes), str(limits.processes + _OWN_PROCESSES)
    quota = int(limits.cpus * _PERIOD_MICROSECONDS)
    yield "pids", "pids.max", processes
    if version == 2:
        yield "memory", "memory.max", memory
        yield "memory", "memory.swap.max", "0"
        yield "memory", "memory.oom.group", "1"
        yield "cpu", "cpu.max", f"{quota} {_PERIOD_MICROSECONDS}"
    else:
        yield "memory", "memory.limit_in_bytes", memory
        yield "memory", "memory.memsw.limit_in_bytes", memory
        yield "memory", "memory.kmem.tcp.limit_in_bytes", memory
        yield "cpu", "cpu.cfs_period_us", str(_PERIOD_MICROSECONDS)
        yield "cpu", "cpu.cfs_quota_us", str(quota)


def _write(path: Path, value: str) -> None:
    with suppress(FileNotFoundError):
        path.write_text(value)


def _remove(folder: Path) -> None:
    """Remove a group, with retries, because the kernel needs a moment after its last process has ended."""
    for _ in range(50):
        try:
            return folder.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(0.01)
    return None


def _remove_dead(above: Path) -> None:
    for folder in above.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).split("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            with suppress(OSError):
                folder.rmdir()


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mounted hierarchy: its root within the hierarchy, its mount point, and its controllers."""

    version: int
    root: str
    place: Path
    options: frozenset[str]


def _mounts() -> Iterator[_Mount]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            root, place = before.split()[3:5]
            yield _Mount(2 if kind == "cgroup2" else 1, root, Path(place), frozenset(options.split(",")))


def _paths(pid: int | str = "self") -> dict[str, str]:
    """The group of a process, by controller; the empty name stands for version 2."""
    found: dict[str, str] = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        found |= dict.fromkeys(names.split(","), path)
    return found


def _place(mount: _Mount, path: str) -> Path | None:
    """The path of a group; None if it is outside of what is mounted."""
    if not Path(path).is_relative_to(mount.root):
        return None
    return mount.place / Path(path).relative_to(mount.root)


def _is_ours(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def _version_1(mounts: list[_Mount]) -> Hierarchy | None:
    paths, folders = _paths(), {}
    for controller in CONTROLLERS:
        for mount in mounts:
            if mount.version == 1 and controller in mount.options and controller in paths:
                place = _place(mount, paths[controller])
                if place is not None and _is_ours(place):
                    folders[controller] = place
    return Hierarchy(1, folders) if folders else None


def _version_2(mounts: list[_Mount]) -> Hierarchy | None:
    """Our group, or its nearest parent, that can pass controllers to child groups.

    A group that contains processes cannot, so it is rarely our own.
    """
    mount = next((mount for mount in mounts if mount.version == 2), None)
    own = _place(mount, _paths().get("", "/")) if mount else None
    if mount is None or own is None:
        return None
    for folder in (own, *own.parents):
        if not folder.is_relative_to(mount.place) or not _is_ours(folder):
            return None
        there = set((folder / "cgroup.controllers").read_text().split()) & set(CONTROLLERS)
        given = folder / "cgroup.subtree_control"
        with suppress(OSError):
            if not there <= set(given.read_text().split()):
                given.write_text(" ".join(f"+{name}" for name in sorted(there)))
            if there:
                return Hierarchy(2, dict.fromkeys(sorted(there), folder))
    return None
