"""What a journal promises about lines on disk."""

import os
import resource
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightcrew.ledger.journal import Journal


def lines_in(folder: Path) -> list[str]:
    return sorted(line for file in folder.glob("*/*.jsonl") for line in file.read_text().splitlines())


def test_lines_are_there_as_soon_as_append_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "flow run/1")
    journal.append(b'{"a":1}\n')
    journal.append(b'{"a":2}\n')
    assert lines_in(tmp_path / "journal") == ['{"a":1}', '{"a":2}']
    (file,) = (tmp_path / "journal").glob("*/*.jsonl")
    assert file.name.startswith(f"flow-run-1--{os.getpid()}-")


def test_an_owner_that_lives_long_begins_a_new_file_with_the_hour(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
    journal = Journal(tmp_path, "worker", clock=lambda: now)
    journal.append(b"1\n")
    now = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    journal.append(b"2\n")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["20261123T23", "20261124T00"]


def test_a_forked_child_writes_to_a_file_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "worker")
    journal.append(b"parent\n")
    child = os.fork()
    if child == 0:
        journal.append(b"child\n")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    journal.append(b"parent again\n")
    assert sorted(file.read_text() for file in tmp_path.glob("*/*.jsonl")) == [
        "child\n",
        "parent\nparent again\n",
    ]


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "gateway")

    def write(word: str) -> None:
        for _ in range(20):
            journal.append(f"{word * 200}\n".encode())

    threads = [threading.Thread(target=write, args=(word,)) for word in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines_in(tmp_path) == sorted([word * 200 for word in "abcd"] * 20)


def test_after_a_torn_write_the_journal_goes_on_in_a_new_file(tmp_path: Path) -> None:
    """The disk takes 1,000 bytes and no more (a limit on file size stands in for a full disk)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(tmp_path, "full")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        journal.append(b"a" * 700 + b"\n")
        with pytest.raises(OSError, match="part of the line"):
            journal.append(b"b" * 700 + b"\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    journal.append(b"b" * 700 + b"\n")
    texts = sorted(file.read_text() for file in tmp_path.glob("*/*.jsonl"))
    assert texts == ["a" * 700 + "\n" + "b" * 299, "b" * 700 + "\n"]
