"""Attacks on the channels by which a trusted program in a sandbox is believed.

A program like the agent's client connects to the results socket, closes itself to others, and starts
untrusted code of the same user. That code tries to speak in its name, or to read what it was given.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from nightcrew.execution.confinement.mount import RESULTS_VARIABLE
from nightcrew.execution.sandbox import Completed, Limits, Results, Sandbox, interpreter_mounts
from tests.attacks.inside import PRELUDE, Inside, table
from tests.attacks.rows import Findings, Row

TOKEN = "token-of-the-attempt"
FORGED = "FORGED-BY-THE-ATTACK"

# What the client and the rig do: connect, close the door behind themselves, then let others run.
TRUSTED = f"""
import ctypes, json, os, socket, subprocess, sys
ctypes.CDLL(None).prctl(4, 0)
out = socket.socket(socket.AF_UNIX)
path = os.environ.pop({RESULTS_VARIABLE!r})
out.connect(path)
job = json.loads(sys.stdin.read())
token = job["token"]
reports = []
for name, code in job["attacks"]:
    argv = [sys.executable, "-I", "-S", "-c", job["prelude"] + code, path, str(out.fileno())]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    try:
        output = child.communicate(timeout=15)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        output = "no end"
    reports.append([name, output])
    child.kill()
out.sendall(json.dumps(reports).encode())
os._exit(0)
"""

START = """
path, number, parent, forged = sys.argv[1], int(sys.argv[2]), os.getppid(), b"{forged}"
def attack():
{body}
try:
    gained, how = attack() or "", "; ".join(refusals) or "nothing was gained"
except OSError as error:
    gained, how = "", str(error)
print(json.dumps([str(gained), how]))
"""

ATTACKS = [
    Inside(
        Row.CHANNEL,
        "the trusted program's descriptors are opened again",
        """
        def all_of(pid):
            for name in os.listdir(f"/proc/{pid}/fd"):
                written(f"/proc/{pid}/fd/{name}", forged)
        return tries(lambda: all_of(parent),
                     *(lambda fd=fd: written(f"/proc/{parent}/fd/{fd}", forged) for fd in range(12)))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the first process's output is opened again",
        """
        for fd in range(12):
            try:
                written(f"/proc/1/fd/{fd}", forged)
            except OSError as error:
                refusals.append(str(error))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "every descriptor of every process is written to",
        """
        for pid in processes():
            for fd in range(64):
                if pid != os.getpid():
                    try:
                        os.write(os.open(f"/proc/{pid}/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), forged)
                    except OSError as error:
                        refusals.append(str(error)[:20])
        """,
    ),
    Inside(
        Row.CHANNEL,
        "an inherited descriptor is written to",
        """
        def tell(fd):
            socket.socket(fileno=os.dup(fd)).sendall(forged)
        return tries(*(lambda fd=fd: tell(fd) for fd in range(3, 64)))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the results socket is connected to a second time",
        """
        def connect(kind):
            with socket.socket(socket.AF_UNIX, kind) as other:
                other.connect(path)
                other.sendall(forged)
        return tries(lambda: connect(socket.SOCK_STREAM), lambda: connect(socket.SOCK_SEQPACKET))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "another socket is put at the path",
        """
        def listen():
            os.unlink(path)
            socket.socket(socket.AF_UNIX).bind(path)
        return tries(listen, lambda: os.rename(path, path + ".old"), lambda: os.symlink("/tmp/x", path))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the descriptor is taken by pidfd_getfd",
        """
        pidfd = os.pidfd_open(parent)
        return tries(lambda: syscall(438, pidfd, number, 0))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the trusted program is traced",
        "return tries(lambda: syscall(101, 16, parent, 0, 0), lambda: syscall(101, 0x4206, parent, 0, 0))",
    ),
    Inside(
        Row.CHANNEL,
        "the trusted program's memory is read for its token",
        """
        return tries(lambda: content(f"/proc/{parent}/mem"), lambda: content(f"/proc/{parent}/maps"),
                     lambda: content(f"/proc/{parent}/environ"), lambda: content(f"/proc/{parent}/auxv"),
                     lambda: syscall(310, parent, 0, 0, 0, 0, 0), lambda: content(f"/proc/{parent}/stack"))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the trusted program's memory is written",
        """
        def write(pid):
            with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                return pid
        return tries(lambda: write(parent), lambda: syscall(311, parent, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "what the trusted program was given is read again",
        """
        def again(path):
            found = os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 1000)
            if b"token" not in found:
                raise OSError("nothing that was given")
            return found
        return tries(lambda: again(f"/proc/{parent}/fd/0"), lambda: again("/proc/1/fd/0"))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the trusted program's working folder and root are entered",
        "return tries(lambda: os.listdir(f'/proc/{parent}/cwd'), lambda: os.listdir(f'/proc/{parent}/root'))",
    ),
    Inside(
        Row.CHANNEL,
        "sockets are looked for through netlink",
        """
        return tries(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4),
                     lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        """,
    ),
    Inside(
        Row.CHANNEL,
        "the trusted program's limits and scheduling are changed",
        """
        return tries(lambda: resource.prlimit(parent, resource.RLIMIT_FSIZE, (0, 0)),
                     lambda: written(f"/proc/{parent}/oom_score_adj", b"1000"),
                     lambda: written(f"/proc/{parent}/timerslack_ns", b"1"),
                     lambda: written(f"/proc/{parent}/coredump_filter", b"ff"))
        """,
    ),
]


@pytest.fixture(scope="session")
def met(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All attacks, made one after the other below one trusted program."""
    workspace = tmp_path_factory.mktemp("channel")
    attacks = [[one.name, START.format(forged=FORGED, body=indented(one.code))] for one in ATTACKS]
    done, answer = run_trusted(sandbox, TRUSTED, workspace, {"attacks": attacks})
    yield SimpleNamespace(completed=done, answer=answer, reports=dict(json.loads(answer)))


def run_trusted(
    sandbox: Sandbox, code: str, workspace: Path, job: dict[str, object]
) -> tuple[Completed, bytes]:
    with Results() as results:
        done = sandbox.run(
            [sys.executable, "-I", "-S", "-c", code],
            workspace=workspace,
            mounts=interpreter_mounts(Path(sys.executable)),
            stdin=json.dumps({"token": TOKEN, "prelude": PRELUDE, **job}).encode(),
            limits=Limits(wall_seconds=120),
            results=results,
        )
    return done, results.content


def indented(code: str) -> str:
    lines = code.strip("\n").splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join("    " + line[margin:] for line in lines)


@table(ATTACKS)
def test_nobody_speaks_in_its_name(attack: Inside, met: SimpleNamespace, finding: Findings) -> None:
    assert met.completed.returncode == 0, met.completed.stderr
    assert FORGED not in met.answer.decode()
    assert TOKEN not in met.answer.decode()
    gained, how = json.loads(met.reports[attack.name].splitlines()[-1])
    assert gained == ""
    finding(how)


KILLS = """
import os, signal, time
os.kill(os.getppid(), signal.SIGKILL)
for fd in range(3):
    try:
        os.write(os.open(f"/proc/1/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK), b'[["forged", ""]]')
    except OSError:
        pass
"""


@pytest.mark.attack(Row.CHANNEL)
def test_one_who_ends_the_trusted_program_leaves_no_result(
    sandbox: Sandbox, tmp_path: Path, finding: Findings
) -> None:
    done, answer = run_trusted(sandbox, TRUSTED, tmp_path, {"attacks": [["kill", KILLS]], "prelude": ""})
    assert answer == b""
    assert done.returncode != 0
    finding(f"no result, and exit code {done.returncode}")


@pytest.mark.attack(Row.CHANNEL)
def test_a_program_that_is_not_trusted_first_takes_the_only_connection(
    sandbox: Sandbox, tmp_path: Path, finding: Findings
) -> None:
    """A second connection is never read, whatever the first one sent."""
    code = f"""
import os, socket
path = os.environ[{RESULTS_VARIABLE!r}]
first, second = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
first.connect(path)
first.sendall(b"true")
try:
    import time; time.sleep(0.2)
    second.connect(path)
    second.sendall(b"FORGED")
except OSError as error:
    print(error)
"""
    done, answer = run_trusted(sandbox, code, tmp_path, {})
    assert answer == b"true"
    finding(done.stdout.decode())
