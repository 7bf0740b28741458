"""Makes a folder written by untrusted code safe to mount: owned by us, readable, and read-only.

The code has ended, but it chose all names in the folder, so links are not followed.
"""

import os
import stat
from pathlib import Path

from nightcrew.errors import BadInput

_MOST_ENTRIES = 1_000_000


def close(folder: Path) -> None:
    """Remove all write permissions, and make everything readable.

    Raises:
        BadInput: it has too many files for an environment, or folders nested too deep.
    """
    try:
        count = 0
        for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
            count += len(folders) + len(files)
            if count > _MOST_ENTRIES:
                raise BadInput(f"the environment has more than {_MOST_ENTRIES} files")
            for name in (*folders, *files):
                _close_entry(name, descriptor)
        os.chown(folder, os.geteuid(), os.getegid())
        folder.chmod(0o555)
    except (OSError, RecursionError) as error:
        raise BadInput(f"the environment cannot be read: {error}") from None


def _close_entry(name: str, folder: int) -> None:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    os.chown(name, os.geteuid(), os.getegid(), dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(mode):
        return
    # This also clears set-user-id bits, which would allow to run code as us.
    run = 0o111 if stat.S_ISDIR(mode) or mode & 0o100 else 0
    os.chmod(name, 0o444 | run, dir_fd=folder)
