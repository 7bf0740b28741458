"""What of the host a sandbox sees."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mount:
    """A file, folder or unix socket of the host, mounted in the sandbox at `target`."""

    source: Path
    target: str
    writable: bool = False
