"""Keeps log files small while processes write to them.

A service inherits its log as an open file and cannot be asked to open another one. The content is therefore
copied, and the file is emptied: writers append, so that they go on at its new end.
"""

import os
from pathlib import Path

MOST_BYTES = 20 * 2**20
KEPT = 4
"""Number of older files, `NAME.1` being the latest."""
_PIECE = 2**20


def rotate_logs(folder: Path, most_bytes: int = MOST_BYTES) -> list[Path]:
    """Rotate the logs in `folder` that are larger than `most_bytes`; returns them."""
    large = [log for log in sorted(folder.glob("*.log")) if log.stat().st_size > most_bytes]
    for log in large:
        _rotate(log)
    return large


# ---------------------------------------------------------------------------------------------------------


def _rotate(log: Path) -> None:
    older = [log.with_name(f"{log.name}.{number}") for number in range(1, KEPT + 1)]
    for target, source in zip(reversed(older[1:]), reversed(older[:-1]), strict=True):
        if source.exists():
            source.replace(target)
    with log.open("r+b") as full, older[0].open("wb") as copy:
        os.fchmod(copy.fileno(), 0o600)
        while piece := full.read(_PIECE):  # to the end, so that little can be written before it is emptied
            copy.write(piece)
        full.truncate(0)
