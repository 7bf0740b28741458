"""Keeps a parent for forked commands: started in its sandbox by the first connection, again by the next one
after it has ended for lack of work."""

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from nightcrew.errors import NightcrewError
from nightcrew.execution.checkout.work_folder import temporary_folder
from nightcrew.execution.confinement.bubblewrap import ETC, find_bwrap, options_for_parent
from nightcrew.execution.confinement.identity import parent_identity
from nightcrew.execution.confinement.launch import Launch
from nightcrew.execution.confinement.mount import Mount
from nightcrew.execution.confinement.mounts import checked
from nightcrew.execution.confinement.seccomp import seccomp_program

log = logging.getLogger(__name__)

_PARENT = "nightcrew.execution.confinement.forking.parent"
_AGAIN_SECONDS = 60.0
_STDERR_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program to be loaded: the interpreter, the module, and the mounts that both need.

    `start` are the interpreter's options and the parent's module, `env` more variables for it.
    """

    python: Path
    module: str
    mounts: Sequence[Mount]
    start: tuple[str, ...] = ("-I", "-m", _PARENT)
    env: Mapping[str, str] = field(default_factory=dict)


class Keeper:
    """A context manager. `what` is asked when the first connection comes; it may raise Nightcrew's errors."""

    def __init__(self, what: Callable[[], Loaded]) -> None:
        self._what = what
        self._resources = ExitStack()
        self._launch: Launch | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        folder = self._resources.enter_context(temporary_folder("forks"))
        self.path = folder / "socket"
        self._listener = self._resources.enter_context(socket.socket(socket.AF_UNIX))
        self._listener.bind(os.fspath(self.path))
        self._listener.listen(64)
        self._stop, stop = os.pipe()
        self._resources.callback(os.close, self._stop)
        # The thread that starts bubblewrap has to live as long as it: its end ends the sandbox.
        thread = threading.Thread(target=self._keep, name="forks", daemon=True)
        thread.start()
        self._resources.callback(thread.join)
        self._resources.callback(self._end)
        self._resources.callback(os.close, stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._resources.close()

    # -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        with self._lock:  # it is not closed meanwhile
            if self._launch is not None:
                self._launch.kill()

    def _keep(self) -> None:
        while not self._over.is_set():
            ready, _, _ = select.select([self._listener.fileno(), self._stop], [], [])
            if self._stop in ready:
                return
            try:
                self._run(self._what())
            except (NightcrewError, OSError) as error:
                if self._over.is_set():
                    return
                log.warning("commands start without forking, for a minute: %s", error)
                self._refuse_until(time.monotonic() + _AGAIN_SECONDS)

    def _run(self, loaded: Loaded) -> None:
        """Start a parent and wait for its end."""
        identity = parent_identity()
        handed = replace(identity, descriptors=(*identity.descriptors, self._listener.fileno()))
        with Launch(find_bwrap(), handed, seccomp_program(confines=True), ETC) as launch:
            words = [str(loaded.python), *loaded.start, str(self._listener.fileno()), loaded.module]
            launch.start(options_for_parent(handed, checked(loaded.mounts, identity), loaded.env), words)
            launch.wait()  # its processes end together only from now on
            with self._lock:
                if self._over.is_set():
                    return
                self._launch = launch
            try:
                launch.release(None)
                log.info("process %d keeps %s loaded", launch.process.pid, loaded.module)
                written = self._last_words(launch)
            finally:
                with self._lock:
                    self._launch = None
            if launch.process.wait() and not self._over.is_set():
                why = written.decode(errors="replace").strip().splitlines()[-1:]
                raise OSError(f"the process that keeps it loaded ended: {''.join(why)}")

    def _last_words(self, launch: Launch) -> bytes:
        """The end of what it writes, when it has ended."""
        assert launch.process.stderr
        written = b""
        while not self._over.is_set() and (piece := os.read(launch.process.stderr.fileno(), 4096)):
            written = (written + piece)[-_STDERR_BYTES:]
        return written

    def _refuse_until(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0 and not self._over.is_set():
            ready, _, _ = select.select([self._listener.fileno(), self._stop], [], [], left)
            if self._stop in ready:
                return
            if self._listener.fileno() in ready:
                self._listener.accept()[0].close()
