"""Commands in forked processes: their results, their limits, and what happens where none can be forked."""

import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from nightcrew.errors import BadInput, Transient
from nightcrew.execution.confinement.confinement import MIB
from nightcrew.execution.confinement.forking.forked import Forked, NotForked
from nightcrew.execution.confinement.forking.keeper import Keeper, Loaded
from nightcrew.execution.sandbox import Limits, Mount, Results, interpreter_mounts
from tests.attacks.forks import INSIDE, forking_sandbox

PYTHON = (sys.executable, "-I", "-S", "-c")


@pytest.fixture(scope="module")
def forked() -> Iterator[Forked]:
    with forking_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_output_input_and_exit_code_are_those_of_the_command(forked: Forked, workspace: Path) -> None:
    done = forked.run(["/bin/sh", "-c", "cat; echo to err >&2; exit 7"], workspace=workspace, stdin=b"given")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"given", b"to err\n")
    killed = forked.run(["/bin/sh", "-c", "kill -9 $$"], workspace=workspace)
    assert (killed.returncode, killed.killed_by) == (128 + 9, None)


def test_an_error_of_the_loaded_program_is_shown(forked: Forked, workspace: Path) -> None:
    done = forked.run([INSIDE, "raise ValueError('in the program')"], workspace=workspace)
    assert done.returncode == 1
    assert b"ValueError: in the program" in done.stderr


def test_only_what_is_handed_over_is_there(forked: Forked, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir(mode=0o755)
    (tmp_path / "shown" / "file").write_text("content")
    shown = Mount(tmp_path / "shown", "/run/shown/here")
    done = forked.run(
        ["/bin/sh", "-c", "cat /run/shown/here/file; touch /run/shown/here/new /workspace/new; env"],
        workspace=workspace,
        mounts=[shown],
        env={"GIVEN": "1"},
    )
    assert done.stdout.startswith(b"content")
    assert b"GIVEN=1" in done.stdout
    assert (workspace / "new").exists()
    assert not (tmp_path / "shown" / "new").exists()


@pytest.mark.parametrize(
    ("code", "limits", "killed_by"),
    [
        ("import time; time.sleep(60)", Limits(wall_seconds=1), "wall_time"),
        (
            "import time; kept = bytearray(600 * 2**20); time.sleep(60)",
            Limits(memory_bytes=256 * MIB),
            "memory",
        ),
        ("print('x' * 3_000_000)", Limits(output_bytes=MIB), "output"),
    ],
)
def test_a_limit_ends_it(forked: Forked, workspace: Path, code: str, limits: Limits, killed_by: str) -> None:
    started = time.monotonic()
    assert forked.run([*PYTHON, code], workspace=workspace, limits=limits).killed_by == killed_by
    assert time.monotonic() - started < 40


def test_results_come_by_their_own_channel(forked: Forked, workspace: Path) -> None:
    code = (
        "import os, socket; channel = socket.socket(socket.AF_UNIX)\n"
        "channel.connect(os.environ['NIGHTCREW_RESULTS']); channel.send(b'yes')"
    )
    with Results() as results:
        done = forked.run([*PYTHON, code], workspace=workspace, results=results)
    assert results.content == b"yes", done.stderr


def test_the_loaded_program_may_be_installed_below_tmp(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir(mode=0o755)
    (tmp_path / "library" / "file").write_text("content")
    with forking_sandbox(Mount(tmp_path / "library", "/tmp/installed/library")) as forked:
        done = forked.run(["/bin/cat", "/tmp/installed/library/file"], workspace=workspace)
    assert done.stdout == b"content", done.stderr


def test_a_refused_mount_is_bad_input(forked: Forked, workspace: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        forked.run(["/bin/true"], workspace=workspace / "nowhere")


def test_where_nobody_forks_nothing_has_run(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(NotForked, match="no process could be forked"):
        Forked(tmp_path / "nobody", ()).run(["/bin/true"], workspace=workspace)


def test_a_command_that_ends_with_the_process_that_forked_it_has_no_result(workspace: Path) -> None:
    """As when a worker is killed: its own exit code would count as that of tests, or against a model."""
    with ThreadPoolExecutor() as threads:
        with forking_sandbox() as forked:
            command = ["/bin/sh", "-c", "touch /workspace/started; sleep 300"]
            running = threads.submit(forked.run, command, workspace=workspace)
            deadline = time.monotonic() + 120
            while not (workspace / "started").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
        with pytest.raises(Transient, match="ended from outside") as lost:
            running.result(120)
    assert not isinstance(lost.value, NotForked), "it has begun"


def test_a_program_that_cannot_be_loaded_is_refused_for_a_while(workspace: Path) -> None:
    loaded = Loaded(Path(sys.executable), "no_such_module", interpreter_mounts(Path(sys.executable)))
    with Keeper(lambda: loaded) as keeper:
        for _ in range(2):
            with pytest.raises(NotForked):
                Forked(keeper.path, loaded.mounts).run(["/bin/true"], workspace=workspace)


def test_what_cannot_be_mounted_is_named(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with forking_sandbox() as forked, pytest.raises(NotForked, match=r"could be confined.*Read-only"):
        forked.run(["/bin/true"], workspace=workspace, mounts=[Mount(tmp_path / "folder", "/usr/new/place")])


def test_a_keeper_ends_at_any_moment_of_its_parents_start(workspace: Path) -> None:
    loaded = Loaded(Path(sys.executable), "no_such_module", interpreter_mounts(Path(sys.executable)))
    before = psutil.Process().children()
    for milliseconds in range(0, 60, 6):
        with Keeper(lambda: loaded) as keeper, socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(keeper.path))
            time.sleep(milliseconds / 1000)
    assert psutil.Process().children() == before
