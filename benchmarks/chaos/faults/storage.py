"""The disk, the database and the ledger's files."""

import os
import random
import signal
import subprocess
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmarks.chaos.faults.strike import CannotBeDone, Kind, NotNow, Strike
from benchmarks.chaos.look import Look
from benchmarks.chaos.stage import Stage

MEGABYTE = 1024**2


def fill_disk(stage: Stage, look: Look) -> Strike:
    """The disk of home, database, ledger and temporary files is full for a while."""
    if not stage.has_small_disk:
        raise CannotBeDone("mounting a small disk requires root")
    filler = stage.folder / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(MEGABYTE))
    return Strike("the disk", stage.dice.uniform(10.0, 30.0), partial(filler.unlink, missing_ok=True))


def lock_home(stage: Stage, look: Look) -> Strike:
    """The home is read-only for a while: no file in it can be opened for writing, or made."""
    if not stage.has_small_disk:
        raise CannotBeDone("mounting requires root")
    home, locked = stage.settings.home, stage.folder / "read-only"
    locked.mkdir(exist_ok=True)
    for words in (
        ("--bind", str(home), str(locked)),
        ("-o", "remount,bind,ro", str(locked)),
        ("--bind", str(locked), str(home)),
    ):
        subprocess.run(["mount", *words], check=True)
    return Strike("the home", stage.dice.uniform(10.0, 30.0), partial(_unmount, home, locked))


def restart_postgres(stage: Stage, look: Look) -> Strike:
    """PostgreSQL is shut down by hand; the supervisor starts it again."""
    try:
        pid = int((stage.settings.home / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGINT)
    except (OSError, ValueError, IndexError):
        raise NotNow from None
    return Strike(f"process {pid}")


def spoil_journal(stage: Stage, look: Look) -> Strike:
    """A journal of nobody's with bytes that are no text: the facts of others stay as they are."""
    folders = sorted((stage.settings.ledger_dir / "journal").glob("[1-9]*"))
    if not folders:
        raise NotNow
    file = stage.dice.choice(folders) / f"chaos--1-{uuid.uuid4().hex[:8]}.jsonl"
    file.write_bytes(b'{"kind":"verdict","x":"\xff\xfe"}\n' + random.Random(str(file)).randbytes(200) + b"\n")
    return Strike(file.name)


def spoil_part(stage: Stage, look: Look) -> Strike:
    """A part of the archive that is cut off in the middle."""
    folder = stage.settings.ledger_dir / "archive" / f"part-1-{uuid.uuid4().hex[:8]}"
    if not folder.parent.is_dir():
        raise NotNow
    folder.mkdir()
    (folder / stage.dice.choice(("verdict.parquet", "model_call.parquet"))).write_bytes(b"PAR1 and no more")
    return Strike(folder.name)


KINDS = (
    Kind("disk full", fill_disk, 3, is_heavy=True),
    Kind("home read-only", lock_home, 2, is_heavy=True),
    Kind("restart PostgreSQL", restart_postgres, 3, is_heavy=True),
    Kind("spoilt journal", spoil_journal, 3),
    Kind("spoilt part", spoil_part, 3),
)


# ---------------------------------------------------------------------------------------------------------


def _unmount(*places: Path) -> None:
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
