"""Processes are found again, never confused with another of the same number, ended with all below them."""

import os
import subprocess
import sys
import time
from pathlib import Path

from nightcrew.crew.processes import ProcessId, end_tree, free_port, kill_tree, spawn

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


def lives(pid: int) -> bool:
    return ProcessId.of(pid).find() is not None


def start(tmp_path: Path, code: str) -> tuple[subprocess.Popen[bytes], str]:
    log = tmp_path / "log"
    process = spawn([sys.executable, "-u", "-c", code], env=os.environ, folder=tmp_path, log=log)
    while not log.read_text().strip():
        time.sleep(0.02)
    return process, log.read_text().strip()


def test_a_whole_family_is_killed_at_once_even_across_sessions(tmp_path: Path) -> None:
    process, child = start(tmp_path, FAMILY)
    assert kill_tree(ProcessId.of(process.pid)) == 2
    assert not lives(process.pid)
    assert not lives(int(child))


def test_a_family_is_ended_politely_and_its_children_too(tmp_path: Path) -> None:
    process, child = start(tmp_path, FAMILY)
    assert end_tree([ProcessId.of(process.pid)], grace_seconds=5) == 1
    assert not lives(process.pid)
    assert not lives(int(child))


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    process, _ = start(tmp_path, DEAF)
    end_tree([ProcessId.of(process.pid)], grace_seconds=0.2)
    assert not lives(process.pid)


def test_a_process_with_a_reused_number_is_left_alone(tmp_path: Path) -> None:
    process, _ = start(tmp_path, DEAF)
    stale = ProcessId(process.pid, ProcessId.of(process.pid).started - 100)
    assert stale.find() is None
    assert kill_tree(stale) == 0
    assert process.poll() is None
    process.kill()
    process.wait(5)


def test_a_process_that_has_ended_is_not_found(tmp_path: Path) -> None:
    process, _ = start(tmp_path, "print('gone')")
    known = ProcessId.of(process.pid)
    process.wait(5)
    assert known.find() is None
    assert kill_tree(known) == 0


def test_a_taken_port_is_not_handed_out() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
