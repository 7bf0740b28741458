"""Which version of the facts a ledger holds, so that no version of Nightcrew misreads those of a later one.

Older facts can always be read: a column is added and never renamed or retyped. The file `version` beside the
journals says which version has written there last; without one it is version 1.
"""

from pathlib import Path

from nightcrew.errors import BadInput
from nightcrew.ledger.events import SCHEMA_VERSION


def check_version(ledger_dir: Path) -> None:
    """Return if this version of Nightcrew understands the facts in `ledger_dir`.

    Raises:
        BadInput: a newer one has written there; nothing was changed.
    """
    if (found := _version_of(ledger_dir)) > SCHEMA_VERSION:
        raise BadInput(
            f"the ledger in {ledger_dir} holds facts of version {found}, and this version of Nightcrew knows "
            f"them up to version {SCHEMA_VERSION}: install the version that wrote it; nothing was changed"
        )


def claim_version(ledger_dir: Path) -> None:
    """Say that facts of this version are written to `ledger_dir` from now on.

    Raises:
        BadInput: as `check_version`.
        OSError: the disk refuses.
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
    except (FileNotFoundError, ValueError):  # half a number was written when the power went
        return 1
