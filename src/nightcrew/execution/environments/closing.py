"""Makes a folder that untrusted code filled fit to be shown to others: ours, readable, writable for nobody.

Nothing in it runs any more, but every name in it was chosen by whoever ran there: links are not followed.
"""

import os
import stat
from pathlib import Path

from nightcrew.errors import BadInput

_MOST_ENTRIES = 1_000_000


def close(folder: Path) -> None:
    """Take away everybody's right to write, and give everybody the right to read.

    Raises:
        BadInput: it holds more than an environment does, or folders nested too deep to be named.
    """
    try:
        count = 0
        for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
            count += len(folders) + len(files)
            if count > _MOST_ENTRIES:
                raise BadInput(f"the environment holds more than {_MOST_ENTRIES} files")
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
    # Set-user-id bits go with it, and with them a way to become us.
    run = 0o111 if stat.S_ISDIR(mode) or mode & 0o100 else 0
    os.chmod(name, 0o444 | run, dir_fd=folder)
