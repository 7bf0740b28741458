"""Control groups as the supervisor uses them; what the kernel then enforces is in `tests/attacks`."""

import subprocess
from pathlib import Path

from nightcrew.execution.confinement.confinement import Limits
from nightcrew.execution.confinement.control_groups import ControlGroup, current_hierarchy


def test_a_process_is_taken_in_and_one_that_has_ended_is_no_error() -> None:
    with ControlGroup(Limits()) as group, subprocess.Popen(["sleep", "60"]) as process:
        group.take(process.pid)
        joined = Path(f"/proc/{process.pid}/cgroup").read_text()
        assert ("nightcrew-" in joined) is bool(current_hierarchy().folders)
        process.kill()
        process.wait()
        group.take(process.pid)
