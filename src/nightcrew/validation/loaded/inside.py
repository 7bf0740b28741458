"""The loaded program, which runs in the repository's environment.

`load` is called once, in a process that reads nothing of a repository; `main` in each process forked from it,
as soon as that is confined. A plain run is what `python -m pytest` does, a rigged one a program of the rig.
"""

import atexit
import importlib
import os
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

PLACE = "/opt/nightcrew/loaded"
RIG_PLACE = "/opt/nightcrew"
_RIG = "nightcrew_rig"
_STARTED_WITH = ("sitecustomize", "usercustomize")  # what Python itself imports when it starts


def load() -> None:
    """Import pytest with its own plugins, and the rig where it is there."""
    sys.path.remove(PLACE)
    config = importlib.import_module("_pytest.config")
    for name in config.default_plugins:
        importlib.import_module(f"_pytest.{name}")
    if Path(RIG_PLACE, _RIG).is_dir():
        sys.path.insert(0, RIG_PLACE)
        for name in ("coverage", f"{_RIG}.session"):
            importlib.import_module(name)
        sys.path.remove(RIG_PLACE)
    for name in [name for name in sys.modules if name.split(".")[0] == "nightcrew"]:
        del sys.modules[name]  # the repository may be Nightcrew's own


def main(words: list[str]) -> NoReturn:
    """Runs plain pytest in `folder` with a `home` of its own, or a program of the rig.

    `words`: "plain", home, folder and pytest's words; or "rigged" and the program's name.
    """
    time.tzset()
    sys.modules.pop(__name__, None)
    importlib.invalidate_caches()
    kind, *rest = words
    if kind == "rigged":
        sys.path.insert(0, RIG_PLACE)
        sys.argv = ["-c"]
        _end(_code(lambda: importlib.import_module(f"{_RIG}.{rest[0]}").main()))
    _run_plain(*rest)


# ---------------------------------------------------------------------------------------------------------


def _run_plain(home: str, folder: str, *words: str) -> NoReturn:
    for name in (".config", ".cache"):
        Path(home, name).mkdir(parents=True, exist_ok=True)
    os.environ["HOME"] = home
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    own = [folder, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if any(map(_hides_what_is_loaded, own)):
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *words])  # noqa: S606 - in the sandbox
    sys.path[:] = [*own, *filter(None, sys.path)]
    sys.argv = ["pytest", *words]
    _end(_code(lambda: runpy.run_module("pytest", run_name="__main__", alter_sys=True)))


def _hides_what_is_loaded(folder: str) -> bool:
    """True if the folder has a module that Python would have imported instead of one that is loaded."""
    loaded = {name for name in sys.modules if "." not in name}.union(_STARTED_WITH)
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names only
    except OSError:
        return False
    return any(name.split(".")[0] in loaded for name in names)


def _code(act: Callable[[], object]) -> int:
    try:
        act()
    except SystemExit as end:
        if end.code is None:
            return 0
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """Ends the process as the interpreter does at its end."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    os._exit(code & 0xFF)
