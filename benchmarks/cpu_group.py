"""CPU seconds of process trees by the kernel's own count, whatever ends or is orphaned: a control group.

Where no group can be made (an ordinary user without a scope of their own), `CpuGroup.available` says so.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

_PLACES = (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat"))


def _place() -> tuple[Path, str] | None:
    for folder, file in _PLACES:
        if (Path(folder) / file).is_file() and os.access(folder, os.W_OK):
            return Path(folder), file
    return None


class CpuGroup:
    """A group for processes that are put into it, and for all that they start later. A context manager."""

    def __init__(self, name: str) -> None:
        place = _place()
        if place is None:
            raise SystemExit("this needs a control group that counts CPU: run it as root")
        self._above, self._file = place
        self._folder = self._above / f"nightcrew-benchmark-{name}-{os.getpid()}"

    @staticmethod
    def available() -> bool:
        """Whether a group can be made here."""
        return _place() is not None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            for pid in self.pids():
                with suppress(ProcessLookupError):
                    (self._above / "cgroup.procs").write_text(str(pid))
            self._folder.rmdir()

    def take(self, *pids: int) -> None:
        """Put processes into it."""
        for pid in pids:
            with suppress(ProcessLookupError):
                (self._folder / "cgroup.procs").write_text(str(pid))

    def pids(self) -> list[int]:
        """Its running processes."""
        return [int(pid) for pid in (self._folder / "cgroup.procs").read_text().split()]

    def seconds(self) -> float:
        """What its processes have taken so far, user and system."""
        text = (self._folder / self._file).read_text()
        if self._file == "cpuacct.usage":
            return int(text) / 1e9
        return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6
