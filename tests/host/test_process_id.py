"""A process knows which one it is, also one that was forked after its parent had asked."""

import os

from nightcrew.host.process_id import ProcessId, this_process


def test_a_forked_process_is_not_its_parent() -> None:
    parent = this_process()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, f"{this_process().pid} {this_process().started}".encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        pid, started = answer.read().split()
    assert (int(pid), parent.pid) == (child, os.getpid())
    assert float(started) >= parent.started > 0
    assert parent == ProcessId.of(os.getpid())
