"""The crew's home folder and its private files, readable by their owner only.

The folder has mode 0700, so other users can reach nothing below it, whatever its mode. Files with secrets
have mode 0600 as well.
"""

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightcrew.errors import BadInput

PRIVATE_UMASK = 0o077
SHOWN_IN_SANDBOXES = ("environments", "work")


def open_home(home: Path) -> Path:
    """`home` as an absolute path; created if missing, and closed to other users.

    Raises:
        BadInput: it belongs to another user. OSError: it cannot be created.
    """
    path = home.expanduser().resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _closed(path)


def secrets_folder(home: Path) -> Path:
    """The folder in `home` with one file for each secret; raises like `open_home`."""
    folder = open_home(home) / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    return _closed(folder)


def write_private(path: Path, text: str) -> None:
    """Write `path` atomically, as a file that only its owner can read."""
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def close_to_others(home: Path) -> int:
    """Remove all access of other users in `home`; returns the number of changed modes.

    What is mounted in sandboxes stays readable: they may run as another user, and see nothing else of it.
    """
    changed = 0
    shown = {home / name for name in SHOWN_IN_SANDBOXES}
    for folder, folders, files in os.walk(home):
        folders[:] = [name for name in folders if Path(folder, name) not in shown]
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            with contextlib.suppress(OSError):
                mode = path.lstat().st_mode
                if not stat.S_ISLNK(mode) and mode & 0o077:
                    path.chmod(stat.S_IMODE(mode) & 0o700)
                    changed += 1
    return changed


def let_sandboxes_read(*paths: Path) -> None:
    """Make readable what commands may need as another user; it is in a folder that only we can enter."""
    for path in paths:
        mode = path.stat().st_mode
        path.chmod(stat.S_IMODE(mode) | (0o055 if stat.S_ISDIR(mode) or mode & 0o100 else 0o044))


def write_shown(path: Path, content: bytes) -> None:
    """Write `path`, with the folders above it, so that commands in sandboxes can read it."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    let_sandboxes_read(path, *missing)


def _closed(folder: Path) -> Path:
    status = folder.stat()
    if status.st_uid != os.geteuid():  # root could use it all the same, and its owner could exchange files
        raise BadInput(
            f"{folder} belongs to another user, who could exchange what the crew keeps there: run Nightcrew "
            "as that user, or choose another folder with NIGHTCREW_HOME"
        )
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


@contextmanager
def usual_modes() -> Iterator[None]:
    """Give files that a person asked for, outside of the home, the usual modes."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)
