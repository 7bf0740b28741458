"""What a supervisor does when it cannot see the command that it watches."""

import sys
import time

import pytest

from nightcrew import host
from nightcrew.execution.confinement.confinement import KilledBy, Limits
from nightcrew.execution.confinement.supervisor import Supervisor


def test_a_command_whose_use_cannot_be_measured_any_more_is_ended_at_once() -> None:
    def blind() -> KilledBy | None:
        raise FileNotFoundError("the folder is gone")

    command = [sys.executable, "-I", "-c", "import time; time.sleep(60)"]
    process = host.start(command, env={}, stdin=host.PIPE, stdout=host.PIPE, stderr=host.PIPE)
    started = time.monotonic()
    with pytest.raises(FileNotFoundError, match="the folder is gone"):
        Supervisor(process, kill=process.kill, limits=Limits(), watches=[blind]).finish(b"")
    assert process.wait() != 0
    assert time.monotonic() - started < 30
