"""The original's claim: "Docker runtime for sandboxing". It mounted the host's Docker socket, and its timeout
ended the command line but not the container. Its SDK client had no tools, so it could not write a file.

That the real agent writes files is shown by `tests/openhands` and, through the whole pipeline, by
`tests/flows/test_claims.py`; here it is the sandbox by itself.
"""

import time
from pathlib import Path

import psutil
import pytest

from nightcrew.execution.confinement.confinement import WORKSPACE
from nightcrew.execution.sandbox import Limits, Sandbox, open_sandbox
from nightcrew.settings import SandboxKind
from tests.claims.conftest import Five

SOURCES = Path(__file__).resolve().parents[2] / "src"
FOREVER = "31337.125"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return open_sandbox(SandboxKind.BUBBLEWRAP)


def test_what_works_in_the_sandbox_can_write_files_in_the_workspace_and_nowhere_else(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    script = f"echo yes > {WORKSPACE}/written; for f in /usr/x /etc/x /x; do echo no > $f && echo $f; done"
    done = sandbox.run(["/bin/sh", "-c", script], workspace=tmp_path)
    assert (tmp_path / "written").read_text() == "yes\n"
    assert done.stdout == b""


def test_a_change_of_several_files_reaches_the_patch(five: Five) -> None:
    (work,) = [work for work in five.works if work.task.task_type == "bug_fix"]
    patch = Path(work.queued.change_path or "").read_text()
    assert "+++ b/stock.py" in patch and "+++ b/tests/test_left.py" in patch


def test_there_is_no_docker_socket_and_no_other_socket_of_the_host(sandbox: Sandbox, tmp_path: Path) -> None:
    done = sandbox.run(
        ["/bin/sh", "-c", "find / -xdev -type s 2>/dev/null; cut -d ' ' -f 5 /proc/self/mountinfo"],
        workspace=tmp_path,
    )
    assert done.returncode == 0
    assert WORKSPACE.encode() in done.stdout.splitlines()
    assert b"docker" not in done.stdout and b"sock" not in done.stdout
    assert not [path for path in SOURCES.rglob("*.py") if "docker.sock" in path.read_text()]


def test_a_timeout_kills_the_whole_tree(sandbox: Sandbox, tmp_path: Path) -> None:
    sleep = f"sleep {FOREVER}"
    script = f"setsid {sleep} & ({sleep} &) ; nohup {sleep} >/dev/null 2>&1 & {sleep}"
    began = time.monotonic()
    done = sandbox.run(["/bin/sh", "-c", script], workspace=tmp_path, limits=Limits(wall_seconds=1.5))
    assert done.killed_by == "wall_time"
    assert time.monotonic() - began < 20
    assert not [
        p.pid for p in psutil.process_iter(["cmdline"]) if FOREVER in " ".join(p.info["cmdline"] or ())
    ]
