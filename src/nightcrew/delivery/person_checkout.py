"""Applies an accepted change to the files of a person's checkout: all of it, or nothing.

The index, the branches and the commits stay as they are, and git does not run there.
"""

import os
import stat
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nightcrew.delivery.commit import changes_on, is_contained
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.validation.change.change import Change, PatchRefused


def apply_to(folder: Path, patch: str) -> Sequence[str]:
    """Apply a change to the files in `folder`; returns their paths, none if they have the change already.

    Raises:
        BadInput: it does not fit, or a file cannot be written; no file was changed.
    """
    if not (folder / ".git").exists():
        raise BadInput(f"{folder} is not the root of a checkout: name one with --to")
    here = Checkout(folder, folder / ".git", "")
    try:
        changes = changes_on(here, patch)
    except PatchRefused as error:
        if _has_it(here, patch):
            return ()
        reason = str(error).replace("to base:", "to").replace("on base", "in your checkout")
        raise BadInput(
            f"the change does not fit {folder}, where nothing was changed: {reason}; commit or stash your "
            "own changes there, or make a branch with --branch"
        ) from None
    _write_all(folder, changes)
    return [change.path for change in changes]


# ---------------------------------------------------------------------------------------------------------


def _has_it(here: Checkout, patch: str) -> bool:
    try:
        return is_contained(here, patch)
    except PatchRefused:
        return False


def _write_all(folder: Path, changes: Sequence[Change]) -> None:
    done: list[Change] = []
    try:
        for change in changes:
            done.append(change)
            _write(folder / change.path, change.after, executable=change.executable)
    except OSError as error:
        for change in done:
            with suppress(OSError):
                _write(folder / change.path, change.before, executable=change.executable)
        raise BadInput(
            f"{change.path} cannot be written, and nothing was changed: {error.strerror}"
        ) from None


def _write(path: Path, text: str | None, *, executable: bool) -> None:
    """Replace a file as a whole, with the mode and the owner that it had; None: remove it."""
    if text is None:
        path.unlink(missing_ok=True)
        return
    above = path.parent
    missing = [one for one in (above, *above.parents) if not one.exists()]
    above.mkdir(parents=True, exist_ok=True)
    like = path if path.exists() else (missing[-1].parent if missing else above)
    owner = like.stat()
    mode = stat.S_IMODE(owner.st_mode) & 0o777 if like is path else 0o755 if executable else 0o644
    draft = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}")
    try:
        draft.write_bytes(text.encode("utf-8", "surrogateescape"))
        draft.chmod(mode | 0o111 if executable else mode)
        if os.geteuid() == 0:
            for made in (draft, *missing):
                os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
