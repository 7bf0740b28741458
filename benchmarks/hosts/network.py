"""A network of hosts on one machine: namespaces on a bridge. Made and removed as root."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

NETWORK = "10.77.0"
HERE = f"{NETWORK}.1"
"""The address of this machine, where the services are."""
_BRIDGE = "nchosts"


def obstacle() -> str:
    """Why this machine cannot play several hosts; empty if it can."""
    if os.geteuid():
        return "namespaces of the network need root"
    missing = [name for name in ("ip", "unshare") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found"
    tried = subprocess.run(["ip", "netns", "add", f"{_BRIDGE}-try"], capture_output=True, check=False)
    if tried.returncode:
        return tried.stderr.decode(errors="replace").strip()
    _ip("netns", "delete", f"{_BRIDGE}-try")
    return ""


def address_of(number: int) -> str:
    """The address of a host, the first one has number 0."""
    return f"{NETWORK}.{11 + number}"


def namespace_of(name: str) -> str:
    """The namespace of a host."""
    return f"{_BRIDGE}-{name}"


def connect(name: str, *, up: bool) -> None:
    """Plug a host's cable in, or out: what is sent is lost, and nobody is notified."""
    _ip("link", "set", _cable(name), "up" if up else "down")


def processes_in(name: str) -> Sequence[int]:
    """The processes that are left on a host."""
    found = subprocess.run(["ip", "netns", "pids", namespace_of(name)], capture_output=True, check=True)
    return [int(word) for word in found.stdout.split()]


@contextmanager
def network(names: Sequence[str]) -> Iterator[None]:
    """Hosts with these names, for the length of a block."""
    _remove(names)
    _ip("link", "add", _BRIDGE, "type", "bridge")
    try:
        _ip("address", "add", f"{HERE}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for number, name in enumerate(names):
            _add_host(name, address_of(number))
        yield
    finally:
        _remove(names)


# ---------------------------------------------------------------------------------------------------------


def _add_host(name: str, address: str) -> None:
    space, cable = namespace_of(name), _cable(name)
    _ip("netns", "add", space)
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
    _ip("link", "set", cable, "master", _BRIDGE, "up")
    _ip("-netns", space, "address", "add", f"{address}/24", "dev", "eth0")
    _ip("-netns", space, "link", "set", "eth0", "up")
    _ip("-netns", space, "link", "set", "lo", "up")


def _cable(name: str) -> str:
    return f"nch-{name}"


def _remove(names: Sequence[str]) -> None:
    commands = [
        *(("link", "delete", _cable(name)) for name in names),
        *(("netns", "delete", namespace_of(name)) for name in names),
        ("link", "delete", _BRIDGE),
    ]
    for command in commands:  # some of it may be missing
        subprocess.run(["ip", *command], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
