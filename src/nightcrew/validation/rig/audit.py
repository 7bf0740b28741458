"""What the repository's own code and its tests do beyond computing values, from Python's audit events.

Reading shows the text of code; this shows what it does, through any name, library or indirection. It leaves
out what tests do themselves: an event counts where a frame of the product is on its call stack.
"""

import os
import re
import sys
import types
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from . import protocol
from .lines import Monitored
from .protocol import PROGRAM, Measures, spans

MOST_OF_A_POWER, MOST_OF_A_LINE, MOST_FRAMES, MOST_DEPTH = 60, 8, 6, 150
_EVENTS_OF = {
    "network": """socket.connect socket.bind socket.sendto socket.getaddrinfo socket.gethostbyname
        urllib.Request http.client.connect smtplib.connect ftplib.connect""",
    "process": """subprocess.Popen os.system os.exec os.posix_spawn os.spawn os.fork os.forkpty os.kill
        pty.spawn webbrowser.open""",
    "native": "ctypes.dlopen ctypes.dlsym ctypes.string_at",
    "delete": "os.remove os.rename os.rmdir os.truncate shutil.rmtree shutil.move",
    "write": """os.mkdir os.link os.symlink os.chmod os.chown shutil.copyfile shutil.unpack_archive
        sqlite3.connect""",
    "dynamic": "exec compile code.__new__ function.__new__ sys.settrace sys.setprofile sys.addaudithook",
    "environment": "os.putenv os.unsetenv os.environ",
    "unsafe_data": "pickle.find_class marshal.loads",
}
EVENTS = {event: power for power, events in _EVENTS_OF.items() for event in events.split()}
"""The power behind each event; the mode and path decide for `open`; the rig itself raises `os.environ`."""
_ITSELF = {"exec", "compile", "code.__new__", "function.__new__", "os.environ"}
"""Python's library raises these events too, so they count only where the product itself raises them."""
_OWN_WAYS = {"os", "_collections_abc", "typing"}  # modules through which code reads a variable
_FOR_OTHERS = ("<frozen importlib", f"{os.sep}tempfile.py")
"""What an import runs belongs to the imported module; temporary files that Python removes do no harm."""
_CREDENTIALS = re.compile(
    r"/\.(?:ssh|aws|netrc|gnupg|docker|kube|pypirc|npmrc|git-credentials)\b|^/etc/(?:shadow|passwd|sudoers)|^/proc/\w+/environ"
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_HARMLESS = ("/dev/null", "/dev/tty", "/dev/urandom", "/dev/random")
_LISTING = {"os.listdir", "os.scandir"}
_STARTING = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
    "pty.spawn",
}  # fmt: skip
_APART = {"git", "hg", "uname", "ldconfig", "gcc", "cc", "ld", "which", "locale"}
"""Programs that run no code of the repository; Python's library starts some of them on import."""


class Audit:
    """Notes powers that product code uses from now on, in this process and its forks."""

    def __init__(self, job: protocol.Job) -> None:
        self.root, self.tests = job.workspace + "/", set(job.test_files)
        self.seen: dict[str, list[Any]] = {}
        self.counts: Counter[Any] = Counter()
        sys.addaudithook(self._heard)
        _watch_environment()

    def found(self) -> "list[list[Any]]":
        """`[power, what, [[path, line]...]]`, innermost frame first."""
        return list(self.seen.values())

    def _heard(self, event: str, arguments: "tuple[Any, ...]") -> None:
        power = EVENTS.get(event)
        if power is None and event == "open":
            power = _opened(arguments)
        if power is None or self.counts[power] >= MOST_OF_A_POWER:
            return
        frame = _first(sys._getframe(1), event)
        if frame is None or (event in _ITSELF and not self._is_product(frame.f_code.co_filename)):
            return
        place = frame.f_code, frame.f_lineno, event
        self.counts[place] += 1
        frames = [*self._frames(frame)][:MOST_FRAMES] if self.counts[place] <= MOST_OF_A_LINE else []
        key = repr([power, frames])
        if frames and key not in self.seen:
            self.counts[power] += 1
            self.seen[key] = [power, f"{event} {_named(arguments)}".strip(), frames]

    def _frames(self, frame: "types.FrameType | None") -> "Iterator[list[Any]]":
        """The product's frames, up to the test that called it; none where another import is on the stack."""
        found = False
        for _ in range(MOST_DEPTH):
            path = frame.f_code.co_filename if frame is not None else ""
            if frame is None or path in self.tests or (not found and path.endswith(_FOR_OTHERS[1])):
                return
            if not found and path.startswith(_FOR_OTHERS[0]):
                return
            if self._is_product(path):
                found = True
                yield [path[len(self.root) :], frame.f_lineno]
            frame = frame.f_back

    def _is_product(self, path: str) -> bool:
        return path.startswith(self.root) and path not in self.tests


class Contacts:
    """What tests depend on beyond the lines that they run, as a pytest plugin: paths in the repository that
    they read (with a slash at the end where they read a folder's list), and `PROGRAM`.

    Tests have their number in the order in which they ran, from 1. What is used before them, or by a fixture
    that several of them share, counts for number 0: for all.
    """

    def __init__(self, root: str) -> None:
        self.root = root + os.sep
        self.test = self.count = 0
        self.tests: dict[str, set[int]] = {}
        self.early: dict[str, set[int]] = {}
        self.lines: object = None  # what watches the lines of the running experiment
        self.shared: dict[str, set[int]] = {}  # lines that ran in fixtures for several tests
        sys.addaudithook(self._heard)

    def settle(self) -> None:
        """What was used until now was used by the collection; what follows in this process is the rig's.
        Folders that it lists do not count: pytest lists all, and what it finds there now runs in any case."""
        self.early = {what: {*tests} for what, tests in self.tests.items() if not what.endswith("/")}

    def start(self, lines: object) -> None:
        """An experiment begins in this process."""
        self.tests = {what: {*tests} for what, tests in self.early.items()}
        self.lines, self.shared, self.count = lines, {}, 0

    def start_test(self) -> None:
        """What is used from now on counts for the next test."""
        self.count += 1
        self.test = self.count

    def stop_test(self) -> None:
        """What is used between tests counts for all."""
        self.test = 0

    def end(self) -> Measures:
        """The tests by what they used, and the lines of each file that ran for several of them; empty where
        an older Python does not show which lines ran."""
        if not isinstance(self.lines, Monitored):
            return {}
        return {
            "contacts": {what: spans(tests) for what, tests in self.tests.items()},
            "shared": {path: sorted(lines) for path, lines in self.shared.items()},
        }

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Notes what a fixture does that more than one test gets."""
        if fixturedef.scope == "function" or not isinstance(self.lines, Monitored):
            yield
            return
        test, self.test = self.test, 0
        name = self.lines.test
        before = {path: len(by_test.get(name, ())) for path, by_test in self.lines.ran.items()}
        yield
        self.test = test
        for path, by_test in self.lines.ran.items():
            lines = by_test.get(name, set())
            if len(lines) > before[path]:
                self.shared.setdefault(path, set()).update(lines)

    def _heard(self, event: str, arguments: "tuple[Any, ...]") -> None:
        if event == "open" or event in _LISTING:
            place = _place(arguments[0] if arguments else None)
            if (place + os.sep).startswith(self.root):
                what = place[len(self.root) :] + ("/" if event in _LISTING else "")
                self.tests.setdefault(what, set()).add(self.test)
        elif event in _STARTING and not _is_apart(arguments):
            self.tests.setdefault(PROGRAM, set()).add(self.test)


# ---------------------------------------------------------------------------------------------------------


def _first(frame: "types.FrameType | None", event: str) -> "types.FrameType | None":
    """The calling frame; for a variable the frame that called Python's own functions for it."""
    if event != "os.environ":
        return frame
    while frame is not None and (frame.f_code is _reading or frame.f_globals.get("__name__") in _OWN_WAYS):
        frame = frame.f_back
    return frame


def _opened(arguments: "tuple[Any, ...]") -> "str | None":
    path, mode, flags = (*arguments, None, None, None)[:3]
    text = os.fsdecode(path) if isinstance(path, (str, bytes)) else ""
    if text in _HARMLESS:
        return None
    if _CREDENTIALS.search(text):
        return "credentials"
    writes = set(mode) & set("wax+") if isinstance(mode, str) else isinstance(flags, int) and flags & _WRITING
    return "write" if writes and not isinstance(path, int) else None


def _named(arguments: "tuple[Any, ...]") -> str:
    """The first argument with a useful text, shortened."""
    for one in arguments:
        if isinstance(one, (str, bytes, tuple, list)) and one:
            return repr(one)[:80]
    return ""


def _watch_environment() -> None:
    """Makes reading a variable raise an event, because Python itself raises none."""
    kind: Any = type(os.environ)
    kind.__getitem__ = _read


def _read(self: Any, name: Any) -> Any:
    sys.audit("os.environ", name)
    return _original(self, name)


_original: Any = type(os.environ).__getitem__
_reading = _read.__code__


def _place(path: object) -> str:
    """The absolute path; empty for a descriptor. Nothing may be raised into the code under test."""
    try:
        if isinstance(path, (str, bytes, os.PathLike)) or path is None:
            return os.path.abspath(os.fsdecode(path) if path is not None else ".")  # noqa: PTH100
    except Exception:  # the present folder is gone, or the path is an object of its own kind
        return ""
    return ""


def _is_apart(arguments: "tuple[Any, ...]") -> bool:
    """True where the started program is one of those."""
    first = arguments[0] if arguments else ""
    return isinstance(first, (str, bytes)) and os.path.basename(os.fsdecode(first)) in _APART  # noqa: PTH119
