"""The folder of all that a crew keeps: for its owner's eyes only.

The folder is 0700, so nothing below it can be reached by others whatever its own mode says; files that hold
secrets are 0600 besides.
"""

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_UMASK = 0o077
SHOWN_IN_SANDBOXES = ("environments", "work")


def open_home(home: Path) -> Path:
    """`home` as an absolute path; it is there now, and closed to others.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    path = home.expanduser().resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def secrets_folder(home: Path) -> Path:
    """The folder in `home` where secrets lie, a file each."""
    folder = open_home(home) / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write `path` in one step as a file that only its owner can read."""
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
    """Take from everybody but its owner what they could read or change in `home`; how many modes changed.

    What sandboxes are shown stays readable: they may run as another user, and reach nothing else of it.
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
    """For what is shown to commands that may run as another user, and lies in a folder only we can enter."""
    for path in paths:
        mode = path.stat().st_mode
        path.chmod(stat.S_IMODE(mode) | (0o055 if stat.S_ISDIR(mode) or mode & 0o100 else 0o044))


@contextmanager
def usual_modes() -> Iterator[None]:
    """Files that a person asked for, at a place of theirs, get the modes that files usually have."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)
