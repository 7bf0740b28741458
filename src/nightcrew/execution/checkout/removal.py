"""Removes folders whose content is untrusted."""

import logging
from contextlib import suppress
from pathlib import Path

from nightcrew import host

log = logging.getLogger(__name__)

_REMOVE_SECONDS = 300


def remove_tree(path: Path) -> None:
    """Remove a folder of any depth, even with missing permissions inside; links are not followed."""
    # Only folders: a file can be shared with other environments, which then could write to it.
    permissions = ("find", path, "-type", "d", "-exec", "chmod", "u+rwx", "{}", ";")
    for command in (("rm", "-rf", "--", path), permissions, ("rm", "-rf", "--", path)):
        if path.exists():
            with suppress(host.Overtime):
                host.run(command, env=host.environment(), seconds=_REMOVE_SECONDS)
    if path.exists():
        log.error("%s could not be removed completely", path)
