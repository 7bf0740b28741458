"""What the repository's own code does beyond computing values while it runs, from Python's audit events.

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

from . import protocol

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
