"""What of the host a sandbox sees."""

from dataclasses import dataclass
from pathlib import Path

RESULTS_VARIABLE = "NIGHTCREW_RESULTS"
"""The environment variable with the path of the socket for results."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A file, folder or unix socket of the host, mounted in the sandbox at `target`."""

    source: Path
    target: str
    writable: bool = False
