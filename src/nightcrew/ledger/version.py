"""The version of a ledger's facts, so that no version of Nightcrew misreads those of a later one.

Older facts can always be read, because columns are only added, never renamed or retyped. The file `version`
next to the journals has the last version that wrote there; without it, the version is 1.
"""

from pathlib import Path

from nightcrew.errors import BadInput
from nightcrew.ledger.events import SCHEMA_VERSION


def check_version(ledger_dir: Path) -> None:
    """Check that this version of Nightcrew can read the facts in `ledger_dir`.

    Raises:
        BadInput: a newer version has written there; nothing is changed.
    """
    if (found := _version_of(ledger_dir)) > SCHEMA_VERSION:
        raise BadInput(
            f"the ledger in {ledger_dir} has facts of version {found}, and this version of Nightcrew reads "
            f"them up to version {SCHEMA_VERSION}: install the version that wrote it; nothing was changed"
        )


def claim_version(ledger_dir: Path) -> None:
    """Record that facts of this version are written to `ledger_dir` from now on.

    Raises:
        BadInput: see `check_version`.
        OSError: the disk cannot be written.
    """
    check_version(ledger_dir)
    path = _file(ledger_dir)
    if not path.exists() or _version_of(ledger_dir) < SCHEMA_VERSION:
        ledger_dir.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{SCHEMA_VERSION}\n")


# ---------------------------------------------------------------------------------------------------------


def _file(ledger_dir: Path) -> Path:
    return ledger_dir / "version"


def _version_of(ledger_dir: Path) -> int:
    try:
        return int(_file(ledger_dir).read_text())
    except (FileNotFoundError, ValueError):  # an incomplete number after a power failure
        return 1
