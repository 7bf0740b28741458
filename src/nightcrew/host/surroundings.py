"""The surroundings of a program on the host: folder, variables, and Python's module path."""

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

NEUTRAL = Path("/")
"""A folder without any file that a program could take for its configuration."""
NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Variables that configure this machine's network access."""

type Word = str | os.PathLike[str]

_ALWAYS = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "TMPDIR", "TZ", "USER")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def python(module: str, *arguments: Word) -> list[Word]:
    """The command that runs a module, ours or of an installed package, in this interpreter.

    Modules come from the interpreter and from the environment's PYTHONPATH, never from the folder.
    """
    return [sys.executable, "-P", "-s", "-m", module, *arguments]


def environment(*kept: str, **given: str) -> dict[str, str]:
    """The variables for a program: the basic ones, our own whose names are in `kept`, and `given`.

    A name in `kept` may be a pattern (`UV_*`). Python's own variables and PATH are never passed on unchanged,
    because they select the code that runs.
    """
    names = (*_ALWAYS, *kept)
    found = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and any(fnmatchcase(name, pattern) for pattern in names)
    }
    return found | {"PATH": search_path(), "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"} | given


def search_path() -> str:
    """Our PATH without relative entries, through which the current folder could provide programs."""
    entries = os.environ.get("PATH", _SYSTEM_PATH).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute()) or _SYSTEM_PATH
