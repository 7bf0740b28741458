"""The world of an experiment: its random numbers, date and files, and its attempts to use the network."""

import contextlib
import importlib
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")  # noqa: S104
NETWORK_PROGRAMS = {
    "curl", "wget", "ping", "nc", "ncat", "ssh", "scp", "telnet", "dig", "nslookup", "host", "ftp",
}  # fmt: skip
_ASKED = {
    "subprocess.Popen", "socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname",
}  # fmt: skip
DAY = 86_400  # seconds
MOST_KEPT = 1_000_000  # size limit in bytes for a file that can be restored
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_AT_FIRST = {"os.mkdir", "os.remove", "os.rmdir", "os.truncate", "sqlite3.connect"}
_AT_BOTH = {"os.rename", "os.link", "os.symlink"}
# Seeds whose first draws spread evenly over 0 to 1, ends included: a test that draws once meets every case.
STRATA = 16

_draws = [0]
_seed = random.Random.seed


def seed_everything(seed: int) -> None:
    """Seeds every source of random numbers that can be seeded."""
    chance = random.Random()  # noqa: S311
    _seed(chance, seed)

    def urandom(size: int) -> bytes:
        _draws[0] += 1
        # The first bits are those of a first `random()`, so that the strata below spread them too.
        return b"".join(chance.getrandbits(32).to_bytes(4, "big") for _ in range(-(-size // 4)))[:size]

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            _draws[0] += 1
            a = chance.getrandbits(64)
        _seed(self, a, version)

    os.urandom = urandom
    random._urandom = urandom  # type: ignore[attr-defined]
    random.Random.seed = seeded  # type: ignore[method-assign]
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        with contextlib.suppress(Exception):
            numpy.random.seed(seed % (1 << 32))


def drawn() -> "tuple[Any, ...]":
    """A value that changes whenever code draws a random number."""
    numpy = sys.modules.get("numpy")
    state = None
    if numpy is not None:
        with contextlib.suppress(Exception):
            state = str(numpy.random.get_state()[1][:5]) + str(numpy.random.get_state()[2])
    return _draws[0], hash(random.getstate()), state


def strata() -> "list[int]":
    """Seeds whose first draws fall into each sixteenth of 0 to 1, with more of them at the ends."""
    wanted = {0: 0.004, STRATA - 1: 0.996}
    found: dict[int, int] = {}
    draw = random.Random(0)  # noqa: S311
    seed = 1
    while len(found) < STRATA:
        _seed(draw, seed)
        first = draw.random()
        place = int(first * STRATA)
        fits = place not in wanted or (first < wanted[place] if place == 0 else first > wanted[place])
        if place not in found and fits:
            found[place] = seed
        seed += 1
    return [found[place] for place in sorted(found)]


def watch_network() -> "list[str]":
    """A list that collects what the process tries to reach beyond this machine."""
    seen: list[str] = []

    def hook(event: str, arguments: "Sequence[Any]") -> None:
        if event not in _ASKED:
            return  # nearly every event: this has to be fast
        if event == "subprocess.Popen":
            words = arguments[1] if isinstance(arguments[1], (list, tuple)) else str(arguments[1]).split()
            name = os.path.basename(str(words[0])) if words else ""  # noqa: PTH119
            if name in NETWORK_PROGRAMS and len(seen) < 5:
                seen.append(f"{event} {name}")
            return
        address = arguments[1] if event in ("socket.connect", "socket.sendto") else (arguments[0],)
        if isinstance(address, tuple) and address:
            host = address[0].decode() if isinstance(address[0], bytes) else str(address[0] or "localhost")
            if not host.startswith(LOOPBACK) and host != os.uname().nodename and len(seen) < 5:
                seen.append(f"{event} {host[:100]}")

    sys.addaudithook(hook)
    return seen


class Left:
    """Takes away again what is written inside of `with`, as far as Python's audit events tell: a file that a
    call leaves would decide what the next one gives, and base and the change do not make the same calls."""

    def __init__(self) -> None:
        self.before: dict[str, bytes | None] | None = None  # by path; None: nothing was there
        sys.addaudithook(self._heard)

    def __enter__(self) -> None:
        self.before = {}

    def __exit__(self, *_: object) -> None:
        before, self.before = self.before or {}, None
        for path, content in reversed(before.items()):  # a folder was made before what lies in it
            with contextlib.suppress(OSError):
                _restore(path, content)

    def _heard(self, event: str, arguments: "Sequence[Any]") -> None:
        before = self.before
        if before is None or not (event == "open" or event in _AT_FIRST or event in _AT_BOTH):
            return  # nearly every event: this has to be fast
        self.before = None  # what is read here is no event of the call
        # Nothing may be raised into the code under test.
        with contextlib.suppress(Exception):
            for path in _written(event, arguments):
                if path not in before:
                    with contextlib.suppress(OSError):
                        before[path] = _content(path)
        self.before = before


@contextlib.contextmanager
def other_date(days: "float | None", clock: str) -> "Iterator[bool]":
    """Sets the clock to so many days after today's midnight (UTC), so the fraction alone decides the hour.
    Returns False where the library that shifts clocks cannot be loaded under this Python.
    """
    if not days:
        yield True
        return
    time_machine = _clock_shifter(clock)
    if time_machine is None:
        yield False
        return
    midnight = time.time() // DAY * DAY
    with time_machine.travel(midnight + days * DAY, tick=True):
        yield True


@contextlib.contextmanager
def still_clock(days: float, clock: str) -> "Iterator[None]":
    """Stops the clock so many days after 1970 (UTC), where the library that shifts clocks can be loaded."""
    time_machine = _clock_shifter(clock)
    with time_machine.travel(days * DAY, tick=False) if time_machine else contextlib.nullcontext():
        yield


def _clock_shifter(place: str) -> Any:
    time_machine: Any = None
    sys.path.append(place)
    with contextlib.suppress(ImportError):
        time_machine = importlib.import_module("time_machine")
    sys.path.remove(place)
    return time_machine


def _written(event: str, arguments: "Sequence[Any]") -> "Iterator[str]":
    """The paths that an event may change."""
    if event == "open":
        _, mode, flags = (*arguments, None, None, None)[:3]
        writes = not set("wax+").isdisjoint(mode) if isinstance(mode, str) else int(flags or 0) & _WRITING
        places = arguments[:1] if writes else ()
    else:
        places = arguments[:2] if event in _AT_BOTH else arguments[:1]
    for place in places:
        if isinstance(place, (str, bytes, os.PathLike)):
            yield os.path.abspath(os.fsdecode(place))  # noqa: PTH100


def _content(path: str) -> "bytes | None":
    """What a file holds; None where nothing is there. Raises OSError for what cannot be restored."""
    if not os.path.lexists(path):
        return None
    if not os.path.isfile(path) or os.path.getsize(path) > MOST_KEPT:  # noqa: PTH113, PTH202
        raise OSError(path)
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def _restore(path: str, content: "bytes | None") -> None:
    if content is not None:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(content)
    elif os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.remove(path)  # noqa: PTH107
