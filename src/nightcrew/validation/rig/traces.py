"""What tests leave behind: files of the repository that they changed, and code that they replaced."""

import decimal
import dis
import gc
import locale
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import types
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MOST_KEPT = 2_000_000  # size limit in bytes for a file that can be restored


class Files:
    """The files of the workspace as they are now; later changes are reported and undone."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.settle()

    def settle(self) -> "list[str]":
        """Accepts the present files; returns the paths that changed since the last time (none at first)."""
        before = getattr(self, "known", {})
        self.known = {path: _look(path) for path in _files(self.root)}
        self.texts = {path: _read(path) for path in self.known if path.endswith(".py")}
        self.temporary = {place: set(_names(place)) for place in (tempfile.gettempdir(), str(Path.home()))}
        return self._relative(path for path, look in before.items() if self.known.get(path) != look)

    def undo(self) -> "list[str]":
        """Removes new files and restores changed Python files; returns the paths of changed files."""
        now = {path: _look(path) for path in _files(self.root)}
        changed = [path for path, look in self.known.items() if now.get(path) != look]
        for path in now.keys() - self.known.keys():
            _remove(path)
        for path in changed:
            if self.texts.get(path) is not None:
                _write(path, self.texts[path])
            self.known[path] = _look(path)
        for place, known in self.temporary.items():
            for name in set(_names(place)) - known:
                _remove(os.path.join(place, name))  # noqa: PTH118
        return self._relative(changed)

    def _relative(self, paths: "Iterable[str]") -> "list[str]":
        return sorted(os.path.relpath(path, self.root) for path in paths)


def code_of(root: str, tests: "set[str]") -> "dict[str, Any]":
    """The code behind every function of the repository's own modules, by name."""
    found: dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(root) and path not in tests and isinstance(module, types.ModuleType):
            for key, value in list(vars(module).items()):
                if issubclass(type(value), type) and value.__module__ == name:
                    for inner, held in list(vars(value).items()):
                        found[f"{name}.{key}.{inner}"] = _code(held)
                else:
                    found[f"{name}.{key}"] = _code(value)
    return {name: code for name, code in found.items() if code is not None}


def replaced(before: "dict[str, Any]", after: "dict[str, Any]") -> "list[str]":
    """Names whose code was replaced or is gone, without those that the repository's own code assigns anew.

    A setting that is a function, as a chosen style, is such a name: it is a state and no code.
    """
    changed = sorted(name for name, code in before.items() if after.get(name) != code)
    return [name for name in changed if name not in _assigned(name.rpartition(".")[0], before)]


def switches() -> "dict[str, str]":
    """Settings of this process that affect every test: warnings, logging, collection, recursion, locale."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    return {
        "the warnings that are shown": repr(
            [one for one in map(repr, warnings.filters) if "'error'" not in one]
        ),
        "the log messages that are shown": repr((logging.root.manager.disable, logging.root.level)),
        "the collector of garbage": repr((gc.isenabled(), gc.get_threshold())),
        "how deep code may recurse": repr(sys.getrecursionlimit()),
        "how threads take turns": repr(sys.getswitchinterval()),
        "the locale": repr(locale.setlocale(locale.LC_ALL)),
        "how decimals are computed": repr(_decimals()),
        "how long sockets wait": repr(socket.getdefaulttimeout()),
        "signals": repr(handlers),
    }


def _decimals() -> "tuple[Any, ...]":
    context = decimal.getcontext()
    traps = sorted(str(trap) for trap, is_on in context.traps.items() if is_on)
    return context.prec, context.rounding, context.Emin, context.Emax, traps


def _assigned(module: str, codes: "dict[str, Any]") -> "set[str]":
    """The globals that functions of a module assign, with the module's name before them."""
    own = [code for name, code in codes.items() if name.startswith(f"{module}.")]
    steps = (step for code in own for step in dis.get_instructions(code))
    return {f"{module}.{step.argval}" for step in steps if step.opname == "STORE_GLOBAL"}


def _code(value: object) -> object:
    try:
        inner = getattr(value, "__func__", value)
        code = getattr(inner, "__code__", None)
    except Exception:  # a proxy for what is there during a request only
        return None
    return code if isinstance(code, types.CodeType) else None  # some objects have every attribute


def _files(root: str) -> "Any":
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("__pycache__", ".git", ".hypothesis")]
        for name in names:
            yield os.path.join(folder, name)  # noqa: PTH118


def _look(path: str) -> "tuple[int, int]":
    try:
        status = os.lstat(path)
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _read(path: str) -> "bytes | None":
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    return content if len(content) <= MOST_KEPT else None


def _write(path: str, content: "bytes | None") -> None:
    try:
        Path(path).write_bytes(content or b"")
    except OSError:
        return


def _names(place: str) -> "list[str]":
    try:
        return os.listdir(place)  # noqa: PTH208
    except OSError:
        return []


def _remove(path: str) -> None:
    try:
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)  # noqa: PTH108
    except OSError:
        return
