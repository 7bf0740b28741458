"""The one door to the host: `door` starts every process that Nightcrew runs outside of a sandbox.

Only trusted programs are started, and their input cannot select another one: arguments are a list and never a
shell command, environment variables are passed by name, the working folder is empty, and Python imports
neither from that folder nor from the user's packages. Untrusted code (a repository, a patch, a dependency),
and tools that it could configure, only run in `nightcrew.execution.sandbox`.
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
