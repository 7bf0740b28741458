"""What a program on the host finds around it: folder, variables, and where Python looks for modules."""

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

NEUTRAL = Path("/")
"""A folder that holds no file which a program would take for its configuration."""
NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy"),
    *("no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Variables that say how this machine reaches others."""

type Word = str | os.PathLike[str]

_ALWAYS = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "TMPDIR", "TZ", "USER")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def python(module: str, *arguments: Word) -> list[Word]:
    """The command that runs a module of ours, or of a package that we install, in this interpreter.

    Modules come from the interpreter and the PYTHONPATH that the environment gives, never from the folder.
    """
    return [sys.executable, "-P", "-s", "-m", module, *arguments]


def environment(*kept: str, **given: str) -> dict[str, str]:
    """The variables for a program: what every one needs, ours under the names in `kept`, and `given`.

    A name in `kept` may be a pattern (`UV_*`). Python's own variables and PATH are never passed on as they
    are: they choose code.
    """
    names = (*_ALWAYS, *kept)
    found = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and any(fnmatchcase(name, pattern) for pattern in names)
    }
    return found | {"PATH": search_path(), "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"} | given


def search_path() -> str:
    """Our PATH without its relative entries, by which the current folder would choose programs."""
    entries = os.environ.get("PATH", _SYSTEM_PATH).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute()) or _SYSTEM_PATH
