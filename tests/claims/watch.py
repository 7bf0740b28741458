"""Watches all processes for a text in their arguments, and the sandboxed ones for it in their environment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

SECONDS = 0.1


@dataclass
class Seen:
    """How much was looked at, and where the text was found."""

    looks: int = 0
    sandboxed: int = 0
    found: set[str] = field(default_factory=set)


@contextmanager
def watching_for(text: str) -> Iterator[Seen]:
    """Look ten times a second while the block runs."""
    seen, over = Seen(), threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS):
            _look(text, seen)

    thread = threading.Thread(target=watch, name="watch-for-key")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _look(text: str, seen: Seen) -> None:
    seen.looks += 1
    inside: set[int] = set()
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if any(text in word for word in words):
                seen.found.add(f"argv of {process.pid}: {words}")
            confined = process.name() == "bwrap" or process.ppid() in inside
            if confined:
                inside.add(process.pid)
                seen.sandboxed += 1
                if text in str(process.environ()):
                    seen.found.add(f"environment of {process.pid}: {words}")
        except psutil.Error:
            continue
