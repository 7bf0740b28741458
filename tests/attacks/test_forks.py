"""Attacks on what forked commands have in common: the process that they are forked from, and one another."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.execution.confinement.forking.forked import Forked
from nightcrew.execution.confinement.usage import tree_pids
from nightcrew.execution.sandbox import Completed, Limits
from tests.attacks.forks import INSIDE, forking_sandbox
from tests.attacks.rows import Findings, Row

SECRET = "SECRET-OF-ANOTHER-TASK"
BOMB = """
import os, time
open('/workspace/begun', 'w')
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""
PYTHON = (sys.executable, "-I", "-S", "-c")


@pytest.fixture(scope="module")
def forked() -> Iterator[Forked]:
    with forking_sandbox() as sandbox:
        yield sandbox


class Neighbour:
    """A command that runs beside the attack, with a secret in all that it was given."""

    def __init__(self, forked: Forked, folder: Path, argv: tuple[str, ...], limits: Limits) -> None:
        self.workspace = folder / "next-door"
        self.workspace.mkdir()
        (self.workspace / SECRET).write_text(SECRET)
        self._thread = threading.Thread(
            target=forked.run,
            args=([*argv, SECRET],),
            kwargs={
                "workspace": self.workspace,
                "env": {"GIVEN": SECRET},
                "stdin": SECRET.encode(),
                "limits": limits,
            },
        )

    def __enter__(self) -> "Neighbour":
        self._thread.start()
        deadline = time.monotonic() + 30
        while not (self.workspace / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def ran(forked: Forked, folder: Path, code: str) -> Completed:
    workspace = folder / "attack"
    workspace.mkdir(exist_ok=True)
    return forked.run([INSIDE, code], workspace=workspace, limits=Limits(wall_seconds=60))


@pytest.mark.attack(Row.ESCAPE)
def test_a_neighbour_is_not_seen(forked: Forked, tmp_path: Path, finding: Findings) -> None:
    code = (
        "import os, time; open('/workspace/begun', 'w'); os.openpty(); open('/tmp/mine', 'w'); time.sleep(4)"
    )
    with Neighbour(forked, tmp_path, (*PYTHON, code), Limits(wall_seconds=60)):
        done = ran(
            forked,
            tmp_path,
            """
            print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))
            print(os.listdir("/workspace"), "mine" in os.listdir("/tmp"), os.listdir("/dev/pts"))
            print([line for line in open("/proc/self/mountinfo") if "next-door" in line])
            for pid in range(2, 5000):
                try:
                    if pid != os.getpid():
                        os.kill(pid, 9)
                        print("KILLED", pid)
                except OSError:
                    pass
            """,
        )
    assert done.stdout.decode().splitlines() == ["[1, 2]", "[] False ['ptmx']", "[]"], done.stderr
    finding("only its own first process, workspace, scratch and terminals are there")


@pytest.mark.attack(Row.SECRETS)
def test_a_fork_holds_nothing_of_an_earlier_one(forked: Forked, tmp_path: Path, finding: Findings) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for _ in range(3):
        forked.run(
            [INSIDE, "kept = sys.stdin.read()"],
            workspace=earlier,
            stdin=SECRET.encode() * 1000,
            env={"A": SECRET},
        )
    done = ran(
        forked,
        tmp_path,
        """
        import ctypes, re
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # or nobody could open the memory
        found = 0
        wanted = re.compile(b"SECRET[-]OF[-]ANOTHER[-]TASK")  # which is not itself what it finds
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            for line in list(open("/proc/self/maps")):
                start, end = (int(number, 16) for number in line.split()[0].split("-"))
                if line.split()[1].startswith("r") and "[v" not in line:
                    memory.seek(start)
                    found += len(wanted.findall(memory.read(end - start)))
        shared = ("rw-s", "-w-s", "rwxs")
        print(found, [line for line in open("/proc/self/maps") if line.split()[1] in shared])
        """,
    )
    assert done.stdout.decode() == "0 []\n", done.stderr
    finding("its memory has neither the other's text nor anything shared")


@pytest.mark.attack(Row.ESCAPE)
def test_the_parent_has_no_workspace_and_no_socket_but_its_own(
    forked: Forked, tmp_path: Path, finding: Findings
) -> None:
    code = "import time; open('/workspace/begun', 'w'); time.sleep(4)"
    with Neighbour(forked, tmp_path, (*PYTHON, code), Limits(wall_seconds=60)) as neighbour:
        parents = [pid for pid in tree_pids(os.getpid()) if _is_parent(pid)]
        assert parents
        for pid in parents:
            assert str(neighbour.workspace) not in Path(f"/proc/{pid}/mountinfo").read_text()
            assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
            assert "CapEff:\t0000000000000000" in Path(f"/proc/{pid}/status").read_text()
            assert not Path(f"/proc/{pid}/root/workspace").exists()
    finding("no workspace, no capability, nothing of a task's environment")


@pytest.mark.attack(Row.LIMITS)
def test_a_neighbours_fork_bomb_stops_nobody(forked: Forked, tmp_path: Path, finding: Findings) -> None:
    limits = Limits(wall_seconds=6, processes=60)
    with Neighbour(forked, tmp_path, (*PYTHON, BOMB), limits):
        time.sleep(1)
        done = ran(
            forked,
            tmp_path,
            """
            import subprocess
            print(sum(subprocess.run(["/bin/true"]).returncode for _ in range(20)))
            """,
        )
    assert done.stdout == b"0\n", done.stderr
    finding("processes are counted for each command")


@pytest.mark.attack(Row.LIMITS)
def test_a_command_ends_with_whoever_asked_for_it(forked: Forked, tmp_path: Path, finding: Findings) -> None:
    mark = f"attack-{os.getpid()}-{time.monotonic_ns()}"
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    words = [*PYTHON, "import time; open('/workspace/begun', 'w'); time.sleep(120)", mark]
    asker = os.fork()
    if asker == 0:
        forked.run(words, workspace=workspace)
        os._exit(0)
    deadline = time.monotonic() + 30
    while not (workspace / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _marked(mark)
    os.kill(asker, signal.SIGKILL)
    os.waitpid(asker, 0)
    while _marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _marked(mark)
    finding("the first process of its namespaces ended, and all others with it")


@pytest.mark.attack(Row.ESCAPE)
def test_all_end_with_the_keeper(tmp_path: Path, finding: Findings) -> None:
    mark = f"attack-{os.getpid()}-{time.monotonic_ns()}"
    code = (
        "import sys, time; from pathlib import Path; from tests.attacks.forks import forking_sandbox\n"
        "with forking_sandbox() as forked:\n"
        "    forked.run([*sys.argv[3:], sys.argv[1]], workspace=Path(sys.argv[2]))\n"
    )
    command = (*PYTHON, "import time; open('/workspace/begun', 'w'); time.sleep(120)")
    keeper = subprocess.Popen(
        [sys.executable, "-c", code, mark, str(tmp_path), *command], cwd=Path(__file__).parents[2]
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(_marked(mark)) == 2  # the keeper itself, and the command
    keeper.kill()
    keeper.wait()
    while _marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _marked(mark)
    finding("the parent's sandbox ended with its starter")


def _is_parent(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"forking.parent" in words and b"bwrap" not in words and _depth(pid) == 2


def _depth(pid: int) -> int:
    """In how many pid namespaces a process is: the parent is in one more than we are, a command in two."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return len(status["NSpid"].split()) - _OUR_DEPTH + 1


_OUR_DEPTH = len(
    next(line for line in Path("/proc/self/status").read_text().splitlines() if "NSpid" in line).split()[1:]
)


def _marked(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
