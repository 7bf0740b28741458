"""A wall clock of the crew's own, which a fault can move by hours while everything runs.

Each process of the crew loads a small library that adds what stands in a shared file to the machine's clock,
whatever environment it is given: it is named in /etc/ld.so.preload of a mount namespace that only the crew
has. Time since the machine's start stays as it is, as when a clock is really set. Needs root and a compiler.
"""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")
_ENTER = 'mount -t overlay crews-etc -o "lowerdir=$1:/etc" /etc && shift && exec "$@"'


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of the processes that are started with `prefix`."""

    place: Path  # of the file with the seconds
    library: Path
    etc: Path  # what lies over the machine's /etc

    @property
    def prefix(self) -> Sequence[str]:
        """The words before a command that lives by this clock."""
        own = ("unshare", "--mount", "--propagation", "slave", "/bin/sh", "-c", _ENTER, "sh")
        return (*own, str(self.etc))

    def move(self, seconds: int) -> None:
        """Put the clock so many seconds before the machine's, from now on."""
        with self.place.open("r+b") as file:
            file.write(struct.pack("=q", seconds))


def make_clock(folder: Path) -> Clock | None:
    """A clock with its files in `folder`; None where the machine allows none."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    clock = Clock(folder / "clock", folder / "clock.so", folder / "etc")
    clock.place.write_bytes(bytes(8))
    options = ("-shared", "-fPIC", "-O1", f'-DCLOCK_FILE="{clock.place}"')
    made = subprocess.run(
        [compiler, *options, "-o", clock.library, _SOURCE], capture_output=True, check=False
    )
    clock.etc.mkdir()
    (clock.etc / "ld.so.preload").write_text(f"{clock.library}\n")
    return None if made.returncode or not _works(clock) else clock


# ---------------------------------------------------------------------------------------------------------


def _works(clock: Clock) -> bool:
    clock.move(7200)
    moved = _time_of(clock)
    clock.move(0)
    return abs(moved - _time_of(clock) - 7200) < 60


def _time_of(clock: Clock) -> int:
    found = subprocess.run([*clock.prefix, "date", "+%s"], capture_output=True, text=True, check=False)
    return int(found.stdout) if found.returncode == 0 else 0
