"""The one door to the host: every process that Nightcrew starts outside of a sandbox is started in `door`.

Only programs that we trust come through it, and nothing that they read can choose another one: arguments are
a list and never a shell's text, the environment is named variable by variable, the folder is one in which
nobody leaves files, and Python looks neither into that folder nor into the user's own packages. What somebody
else wrote (a repository, a patch, a dependency) is only run, or read by a tool that it could configure,
behind `nightcrew.execution.sandbox`.
"""

from nightcrew.host.door import (
    NOWHERE,
    PIPE,
    WITH_STDOUT,
    AsyncProcess,
    Ended,
    Overflow,
    Overtime,
    Process,
    TimeoutExpired,
    become,
    run,
    start,
    start_async,
)
from nightcrew.host.surroundings import NETWORK, NEUTRAL, environment, python, search_path

__all__ = [
    "NETWORK",
    "NEUTRAL",
    "NOWHERE",
    "PIPE",
    "WITH_STDOUT",
    "AsyncProcess",
    "Ended",
    "Overflow",
    "Overtime",
    "Process",
    "TimeoutExpired",
    "become",
    "environment",
    "python",
    "run",
    "search_path",
    "start",
    "start_async",
]
