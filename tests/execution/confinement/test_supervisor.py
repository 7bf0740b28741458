"""How a supervisor watches a command, and what it does when it cannot see it any more."""

import os
import resource
import subprocess
import sys
import time
from itertools import count

import pytest

from nightcrew import host
from nightcrew.execution.confinement.command import HostCommand
from nightcrew.execution.confinement.confinement import MIB, Limits, Reading
from nightcrew.execution.confinement.supervisor import Supervisor, Watch


def supervised(seconds: float, watch: Watch, limits: Limits | None = None) -> Supervisor:
    command = [sys.executable, "-I", "-c", f"import time; time.sleep({seconds})"]
    process = host.start(command, env={}, stdin=host.PIPE, stdout=host.PIPE, stderr=host.PIPE)
    return Supervisor(HostCommand(process), kill=process.kill, limits=limits or Limits(), watches=[watch])


def test_a_command_whose_use_cannot_be_measured_any_more_is_ended_at_once() -> None:
    def blind() -> Reading:
        raise FileNotFoundError("the folder is gone")

    started = time.monotonic()
    with pytest.raises(FileNotFoundError, match="the folder is gone"):
        supervised(60, blind).finish(b"")
    assert time.monotonic() - started < 30


def test_a_calm_command_is_looked_at_seldom_and_one_that_uses_more_often() -> None:
    looks: dict[str, list[float]] = {"calm": [], "growing": []}
    used = count(0, 32 * MIB)

    def calm() -> Reading:
        looks["calm"].append(time.monotonic())
        return Reading(None, 5 * MIB)

    def growing() -> Reading:
        looks["growing"].append(time.monotonic())
        return Reading(None, next(used))

    for watch in (calm, growing):
        assert supervised(3, watch).finish(b"").killed_by is None
    assert len(looks["calm"]) <= 12
    assert len(looks["growing"]) > len(looks["calm"])


def test_a_calm_command_that_exceeds_a_limit_later_is_ended_by_it() -> None:
    started = time.monotonic()

    def late() -> Reading:
        return Reading("disk" if time.monotonic() - started > 1 else None)

    assert supervised(60, late).finish(b"").killed_by == "disk"
    assert supervised(60, lambda: Reading(None), Limits(wall_seconds=1)).finish(b"").killed_by == "wall_time"
    assert time.monotonic() - started < 30


ASKS_FOR_MORE = """
import os, resource
from nightcrew.execution.confinement.confinement import Limits
from nightcrew.execution.confinement.supervisor import set_limits

set_limits(os.getpid(), Limits(open_files=4096, file_bytes=7))
print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_FSIZE))
"""


def test_a_lower_limit_of_the_machine_or_container_stays() -> None:
    """Nobody but root may ask for more, and a command was not started where the machine allows less."""
    as_user = [] if os.geteuid() else ["setpriv", "--bounding-set=-sys_resource"]
    done = subprocess.run(
        [*as_user, sys.executable, "-c", ASKS_FOR_MORE],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "(256, 256) (7, 7)\n", done.stderr
