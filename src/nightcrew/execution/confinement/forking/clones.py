"""Copies of mounts as descriptors, which a process in another sandbox can attach and cannot widen.

Root makes them itself. For an ordinary user a small program does, in a user namespace of its own:
`python -m nightcrew.execution.confinement.forking.clones FD`, with the mounts as JSON on stdin.
"""

import json
import os
import socket
import sys
from collections.abc import Sequence

from nightcrew.execution.confinement.forking import calls

MOST = 200
type Wanted = tuple[str, bool]
"""A path, and whether it may be written through."""


def clone_all(wanted: Sequence[Wanted]) -> list[int]:
    """A descriptor for each; all or none.

    Raises:
        OSError: this process may not, or a path is not there.
    """
    made: list[int] = []
    try:
        for path, writable in wanted:
            made.append(calls.clone_mount(path, writable=writable))
    except OSError:
        for descriptor in made:
            os.close(descriptor)
        raise
    return made


def main() -> None:
    """Make copies in namespaces of our own and send their descriptors."""
    wanted: list[Wanted] = json.load(sys.stdin)
    os.unshare(calls.NEW_USERS | calls.NEW_MOUNTS)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        socket.send_fds(channel, [b"."], clone_all(wanted))


if __name__ == "__main__":
    main()
