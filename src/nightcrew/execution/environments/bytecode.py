"""Compiles the modules of an environment, so that the runs in it, which cannot write there, need not do it.

Runs inside of the sandbox with nothing of ours around it, in whatever Python the environment has:

    python -I -S bytecode.py ENVIRONMENT

Packages' own `tests` are left out: they are not imported, and are a quarter of large packages.
"""

import gc
import glob
import importlib.util
import os
import py_compile
import sys
from contextlib import suppress

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs every build 10 ms
if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSED_OVER = ("__pycache__", "tests")


def main() -> None:
    """Compile what is not compiled yet, on every processor; what cannot be compiled stays as it is."""
    gc.disable()  # one short life, in which nothing is thrown away
    files = sorted(_uncompiled(sys.argv[1]), key=os.path.getsize, reverse=True)
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    children = []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            _compile(files[number::workers])
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


# ---------------------------------------------------------------------------------------------------------


def _uncompiled(environment: str) -> "Iterator[str]":
    for place in glob.glob(os.path.join(environment, "lib", "python3*", "site-packages")):  # noqa: PTH118, PTH207
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if name not in _PASSED_OVER]
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118
                if name.endswith(".py") and os.path.isfile(path) and not _is_compiled(path):  # noqa: PTH113
                    yield path


def _is_compiled(path: str) -> bool:
    return os.path.exists(importlib.util.cache_from_source(path))  # noqa: PTH110


def _compile(files: "list[str]") -> None:
    for path in files:
        with suppress(Exception):
            py_compile.compile(path, doraise=True)


if __name__ == "__main__":
    main()
