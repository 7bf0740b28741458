"""Attacks from inside the sandbox, each with real code: none gains anything, nothing of it survives."""

import json
import os
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.checkout.workspace import extract_patch, make_checkout
from nightcrew.execution.confinement.confinement import MIB
from nightcrew.execution.sandbox import Completed, Limits, Mount, Sandbox, interpreter_mounts, open_sandbox
from nightcrew.settings import SandboxKind
from tests.attacks.forks import forking_sandbox
from tests.execution.conftest import commit_all

SMALL = Limits(
    wall_seconds=20,
    cpu_seconds=10,
    memory_bytes=256 * MIB,
    processes=40,
    file_bytes=16 * MIB,
    workspace_bytes=48 * MIB,
    output_bytes=MIB,
)
PRELUDE = """
import ctypes, errno, json, mmap, os, signal, socket, struct, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def syscall(number, *words):
    ctypes.set_errno(0)
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    return libc.syscall(ctypes.c_long(number), *words), errno.errorcode.get(ctypes.get_errno(), "")
"""

type Attack = Callable[..., Completed]


@pytest.fixture(scope="module", params=["bubblewrap", "forked"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Commands that are started, and commands in processes that are forked from a loaded one."""
    if request.param == "bubblewrap":
        yield open_sandbox(SandboxKind.BUBBLEWRAP)
        return
    with forking_sandbox() as forked:
        yield forked


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def attack(sandbox: Sandbox, workspace: Path) -> Iterator[Attack]:
    """Runs Python code inside; afterwards nothing that carries the attack's mark may be alive."""
    mark = f"attack-{os.getpid()}-{time.monotonic_ns()}"

    def run(
        code: str, *outcome: object, limits: Limits = SMALL, mounts: Sequence[Mount] = (), **more: Any
    ) -> Completed:
        return sandbox.run(
            [sys.executable, "-I", "-c", PRELUDE + textwrap.dedent(code), *map(str, outcome), mark],
            workspace=workspace,
            mounts=[*interpreter_mounts(Path(sys.executable)), *mounts],
            limits=limits,
            **more,
        )

    yield run
    assert survivors(mark) == []


def survivors(mark: str) -> list[str]:
    """Processes of the host that have the mark in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def output(completed: Completed) -> str:
    return completed.stdout.decode() + completed.stderr.decode()


X86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="call numbers of x86_64")

# Reading ---------------------------------------------------------------------------------------------------


def test_home_and_keys_are_not_there(attack: Attack, tmp_path: Path) -> None:
    key = tmp_path / "id_rsa"
    key.write_text("PRIVATE")
    real_home = str(Path.home())
    done = attack(
        """
        for place in (sys.argv[1], sys.argv[2], sys.argv[2] + "/.ssh", "/etc/shadow", "/root"):
            try:
                print(place, open(place).read() if not os.path.isdir(place) else os.listdir(place))
            except OSError:
                pass
        print(os.listdir(os.environ["HOME"]))
        """,
        key,
        real_home,
    )
    assert "PRIVATE" not in output(done)
    assert ".ssh" not in output(done)
    assert "/etc/shadow" not in output(done)
    assert done.stdout.decode().splitlines()[-1] == "[]"


def test_the_parents_environment_stays_outside(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-very-secret")
    done = attack(
        """
        print(dict(os.environ))
        for name in os.listdir("/proc"):
            try:
                print(open(f"/proc/{name}/environ").read(), open(f"/proc/{name}/cmdline").read())
            except OSError:
                pass
        """
    )
    assert done.returncode == 0
    assert "very-secret" not in output(done)
    assert "OPENROUTER" not in output(done)


def test_processes_of_the_host_are_not_seen(attack: Attack) -> None:
    done = attack("print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))")
    assert len(json.loads(done.stdout)) <= 3
    assert os.getpid() not in json.loads(done.stdout)


def test_other_workspaces_are_not_seen(attack: Attack, workspace: Path) -> None:
    (workspace.parent / "other").mkdir()
    (workspace.parent / "other" / "secret").write_text("THEIRS")
    done = attack(
        """
        print(os.listdir("/workspace/.."), os.listdir("/tmp"))
        print(os.path.exists(sys.argv[1]))
        """,
        workspace.parent,
    )
    assert "other" not in output(done)
    assert done.stdout.decode().endswith("False\n")


def test_kernel_memory_and_logs_are_closed(attack: Attack) -> None:
    done = attack(
        """
        for place in ("/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg", "/dev/vda", "/sys/kernel"):
            try:
                os.listdir(place) if os.path.isdir(place) else open(place, "rb").read(16)
                print("OPENED", place)
            except OSError:
                pass
        print(libc.klogctl(3, ctypes.create_string_buffer(100), 100))
        """
    )
    assert done.stdout.decode() == "-1\n"


def test_the_environment_given_is_in_no_command_line_of_the_host(sandbox: Sandbox, workspace: Path) -> None:
    token = "token-that-nobody-may-read"
    seen: list[bytes] = []
    end = time.monotonic() + 30

    def look() -> None:
        rounds = 0
        while rounds < 10 or (time.monotonic() < end and not any(b"sleep 0.2" in line for line in seen)):
            rounds += 1
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    with suppress(OSError):
                        seen.append((entry / "cmdline").read_bytes())

    looker = threading.Thread(target=look)
    looker.start()
    while looker.is_alive():
        done = sandbox.run(
            ["/bin/sh", "-c", "echo $GIVEN; sleep 0.2"], workspace=workspace, env={"GIVEN": token}
        )
        assert done.stdout.decode().strip() == token
    assert any(b"sleep 0.2" in line for line in seen)
    assert not any(token.encode() in line for line in seen)


def test_no_useful_descriptor_is_inherited(attack: Attack) -> None:
    with Path("/etc/hostname").open("rb") as held:
        os.set_inheritable(held.fileno(), True)
        done = attack(
            """
            for name in os.listdir("/proc/self/fd"):
                try:
                    target = os.readlink(f"/proc/self/fd/{name}")
                except OSError:
                    continue
                if not target.startswith(("pipe:", "/proc/")):
                    print(name, target)
                if target.startswith("user:"):
                    print(libc.setns(int(name), 0))
            """
        )
    lines = done.stdout.decode().splitlines()
    # As root, the handle of the sandbox's own user namespace stays open; it opens nothing.
    assert lines == [] or (lines[0].split()[1].startswith("user:") and lines[1] == "-1" and len(lines) == 2)


# Writing ---------------------------------------------------------------------------------------------------


def test_only_the_workspace_and_scratch_folders_can_be_written(attack: Attack) -> None:
    done = attack(
        """
        places = ["/", "/usr", "/usr/lib", "/usr/local", "/etc", "/bin", "/dev", "/proc", "/proc/sys",
                  "/proc/1", "/home", "/var", "/run", sys.prefix, os.path.dirname(sys.executable)]
        for place in places:
            try:
                open(os.path.join(place, "planted"), "w").close()
                print(place)
            except OSError:
                pass
        for place in ("/workspace", "/tmp", "/dev/shm", os.environ["HOME"]):
            open(os.path.join(place, "allowed"), "w").close()
        print("done")
        """
    )
    assert output(done) == "done\n"


def test_a_link_out_of_the_workspace_leads_nowhere(attack: Attack, workspace: Path) -> None:
    outside = workspace.parent / "outside.txt"
    outside.write_text("before")
    outside.chmod(0o666)
    (workspace / "planted").symlink_to(outside)
    done = attack(
        """
        os.symlink(sys.argv[1], "/workspace/link")
        os.symlink("/workspace/../../../../.." + sys.argv[1], "/workspace/link2")
        for name in ("link", "link2", "planted"):
            try:
                open("/workspace/" + name, "w").write("after")
                print("WROTE", name)
            except OSError:
                pass
        """,
        outside,
    )
    assert "WROTE" not in output(done)
    assert outside.read_text() == "before"


def test_a_hard_link_takes_no_file_in(attack: Attack) -> None:
    done = attack(
        """
        for source in ("/usr/bin/env", "/etc/passwd", sys.executable):
            try:
                os.link(source, "/workspace/taken")
                print("LINKED", source)
            except OSError as error:
                print(errno.errorcode[error.errno])
        """
    )
    assert "LINKED" not in output(done)
    assert len(done.stdout.split()) == 3


def test_a_read_only_workspace_stays_as_it_is(attack: Attack, workspace: Path) -> None:
    (workspace / "file").write_text("before")
    done = attack(
        """
        for act in (lambda: open("/workspace/file", "w"), lambda: os.unlink("/workspace/file"),
                    lambda: os.mkdir("/workspace/new"), lambda: os.chmod("/workspace/file", 0o777)):
            try:
                act()
                print("CHANGED")
            except OSError:
                pass
        """,
        read_only_workspace=True,
    )
    assert output(done) == ""
    assert [path.name for path in workspace.iterdir()] == ["file"]


def test_mounts_and_remounts_are_refused(attack: Attack) -> None:
    done = attack(
        """
        MS_BIND, MS_REMOUNT = 4096, 32
        for words in ((b"/usr", b"/tmp", None, MS_BIND), (b"none", b"/", None, MS_REMOUNT | MS_BIND),
                      (b"proc", b"/tmp", b"proc", 0), (b"tmpfs", b"/workspace", b"tmpfs", 0)):
            print(libc.mount(*words, None), libc.umount2(b"/workspace", 2))
        """
    )
    assert set(done.stdout.decode().splitlines()) == {"-1 -1"}


def test_device_nodes_cannot_be_made(attack: Attack) -> None:
    done = attack(
        """
        import stat
        for kind in (stat.S_IFBLK, stat.S_IFCHR):
            try:
                os.mknod("/workspace/disk", kind | 0o666, os.makedev(8, 0))
                print("MADE")
            except OSError:
                pass
        """
    )
    assert output(done) == ""


def test_a_setuid_program_gives_nothing(attack: Attack, workspace: Path) -> None:
    done = attack(
        """
        import shutil
        shutil.copy("/usr/bin/id", "/workspace/id")
        os.chmod("/workspace/id", 0o6755)
        print(subprocess.run(["/workspace/id", "-u"], capture_output=True, text=True).stdout.strip())
        print(subprocess.run("su -c id root < /dev/null", shell=True, capture_output=True, text=True).stdout)
        wanted = ("CapEff", "CapBnd", "NoNewPrivs")
        print([line for line in open("/proc/self/status") if line.startswith(wanted)])
        """
    )
    first, *rest = done.stdout.decode().splitlines()
    assert first == "1000"
    assert "uid=0" not in output(done)
    assert "NoNewPrivs:\\t1" in rest[-1]
    assert rest[-1].count("0000000000000000") == 2
    # On the host the file is not root's either.
    assert (workspace / "id").stat().st_uid == (os.getuid() or 61_000) or (os.getuid() == 0 and False)


# Bombs -----------------------------------------------------------------------------------------------------


def test_a_fork_bomb_is_contained(attack: Attack) -> None:
    done = attack(
        """
        for _ in range(100):
            try:
                if os.fork() == 0:
                    while True:
                        try:
                            os.fork()
                        except OSError:
                            time.sleep(0.05)
            except OSError as error:
                print(errno.errorcode[error.errno], flush=True)
                break
        time.sleep(0.5)
        print(len([name for name in os.listdir("/proc") if name.isdigit()]))
        """
    )
    refused, count = done.stdout.decode().splitlines()
    assert refused == "EAGAIN"
    assert int(count) <= SMALL.processes + 3


def test_one_process_cannot_take_all_memory(attack: Attack) -> None:
    done = attack(
        """
        kept = []
        while True:
            kept.append(bytearray(b"x") * (8 * 2**20))
        """
    )
    assert done.killed_by == "memory" or "MemoryError" in output(done)
    assert done.seconds < SMALL.wall_seconds


def test_memory_spread_over_a_tree_is_counted_together(attack: Attack) -> None:
    done = attack(
        """
        for _ in range(12):
            if os.fork() == 0:
                kept = bytearray(b"x") * (60 * 2**20)
                time.sleep(60)
        time.sleep(60)
        """
    )
    assert done.killed_by == "memory"
    assert done.seconds < SMALL.wall_seconds


def test_shared_memory_is_bounded(attack: Attack) -> None:
    done = attack(
        """
        for place in ("/dev/shm", "/tmp", os.environ["HOME"]):
            try:
                for number in range(200):
                    with open(f"{place}/{number}", "wb") as file:
                        file.write(bytes(8 * 2**20))
                print("NO LIMIT", place)
            except OSError as error:
                print(errno.errorcode[error.errno])
        """,
        limits=Limits(wall_seconds=60),
    )
    assert done.stdout.decode().split() == ["ENOSPC"] * 3


def test_a_full_disk_is_prevented(attack: Attack, workspace: Path) -> None:
    done = attack(
        """
        for number in range(100_000):
            with open(f"/workspace/{number}", "wb") as file:
                file.write(bytes(2**20))
                os.fsync(file.fileno()) if number % 16 == 0 else None
        """
    )
    assert done.killed_by == "disk"
    written = sum(path.stat().st_size for path in workspace.iterdir())
    assert written < 20 * SMALL.workspace_bytes


def test_millions_of_empty_files_count_as_disk(attack: Attack) -> None:
    done = attack(
        """
        number = 0
        while True:
            number += 1
            open(f"/workspace/{number}", "w").close()
        """,
        limits=Limits(wall_seconds=30, workspace_bytes=4 * MIB),
    )
    assert done.killed_by == "disk"


def test_one_huge_file_is_refused(attack: Attack, workspace: Path) -> None:
    done = attack(
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for act in (lambda file: file.truncate(2**40), lambda file: file.write(bytes(20 * 2**20))):
            try:
                with open("/workspace/huge", "wb") as file:
                    act(file)
                print("NO LIMIT")
            except OSError as error:
                print(errno.errorcode[error.errno])
        """
    )
    assert done.stdout.decode().split() == ["EFBIG", "EFBIG"]


def test_an_endless_loop_runs_out_of_time(attack: Attack) -> None:
    by_wall = attack("while True: pass", limits=Limits(wall_seconds=0.5))
    assert by_wall.killed_by == "wall_time"
    by_cpu = attack(
        "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", limits=Limits(cpu_seconds=1)
    )
    assert by_cpu.killed_by is None
    assert by_cpu.returncode == 137
    assert by_cpu.seconds < 30


def test_too_many_open_files_are_refused(attack: Attack) -> None:
    done = attack(
        """
        kept = []
        try:
            while True:
                kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            print(errno.errorcode[error.errno])
        """,
        limits=Limits(open_files=50),
    )
    assert done.stdout.decode().strip() == "EMFILE"


def test_a_flood_of_output_is_cut(attack: Attack) -> None:
    done = attack("while True: os.write(1, b'x' * 65536); os.write(2, b'y' * 65536)")
    assert done.killed_by == "output"
    assert len(done.stdout) + len(done.stderr) <= SMALL.output_bytes


def test_limits_cannot_be_raised_again(attack: Attack) -> None:
    done = attack(
        """
        import resource
        for which in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_AS, resource.RLIMIT_CORE):
            try:
                resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                print("RAISED", which)
            except (OSError, ValueError):
                pass
        """
    )
    assert output(done) == ""


# Network ---------------------------------------------------------------------------------------------------


def test_nothing_can_be_connected_to(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = attack(
            """
            for place in (("127.0.0.1", int(sys.argv[1])), ("192.0.2.1", 80), ("10.0.0.1", 22)):
                try:
                    socket.create_connection(place, timeout=2)
                    print("CONNECTED", place)
                except OSError:
                    pass
            print(open("/proc/net/dev").read().count(":"))
            """,
            server.getsockname()[1],
        )
        with pytest.raises(TimeoutError):
            server.accept()
    assert output(done).split() == ["1"]


def test_names_are_not_resolved(attack: Attack) -> None:
    done = attack(
        """
        try:
            print("RESOLVED", socket.gethostbyname("example.org"))
        except OSError as error:
            print("refused")
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sender.sendto(b"x" * 20, ("8.8.8.8", 53))
            print("SENT")
        except OSError:
            pass
        """
    )
    assert output(done) == "refused\n"


def test_abstract_sockets_of_the_host_are_not_reached(attack: Attack) -> None:
    name = f"\0nightcrew-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        done = attack(
            """
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect("\\0" + sys.argv[1])
                print("CONNECTED")
            except OSError as error:
                print(errno.errorcode[error.errno])
            """,
            name[1:],
        )
    assert output(done) == "ECONNREFUSED\n"


def test_only_plain_socket_families_exist(attack: Attack) -> None:
    done = attack(
        """
        for family, kind in ((16, 3), (17, 3), (38, 5), (40, 1), (31, 3), (2, 3)):
            try:
                socket.socket(family, kind)
                print("OPENED", family)
            except OSError:
                pass
        """
    )
    assert output(done) == ""


def test_the_mounted_socket_is_the_one_way_out(sandbox: Sandbox, workspace: Path, attack: Attack) -> None:
    path = workspace.parent / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o600)
        server.listen()
        answerer = threading.Thread(target=_answer_once, args=(server,), daemon=True)
        answerer.start()
        done = attack(
            """
            client = socket.socket(socket.AF_UNIX)
            client.connect("/run/nightcrew/gateway.sock")
            print(client.recv(100).decode())
            """,
            mounts=[Mount(path, "/run/nightcrew/gateway.sock")],
        )
        answerer.join(5)
    assert output(done) == "hello\n"


def _answer_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"hello")


# Processes and the kernel ---------------------------------------------------------------------------------


def test_signals_reach_nobody_outside(attack: Attack) -> None:
    done = attack(
        """
        for pid in (1, os.getppid(), int(sys.argv[1])):
            try:
                os.kill(pid, signal.SIGKILL)
                print("SENT", pid)
            except OSError:
                pass
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            os.kill(-1, signal.SIGTERM)
        except OSError:
            pass
        """,
        os.getpid(),
    )
    # An ordinary user may signal the namespace's own init; the kernel does not deliver it.
    assert str(os.getpid()) not in output(done)


def test_terminal_injection_is_refused(attack: Attack) -> None:
    done = attack(
        """
        import fcntl, pty
        controller, terminal = pty.openpty()
        for request in (0x5412, 0x541C, 0x5412 | 1 << 32):
            result = libc.ioctl(terminal, ctypes.c_ulong(request), ctypes.c_char_p(b"x"))
            print(result, errno.errorcode[ctypes.get_errno()])
        print(os.path.exists("/dev/tty") and open("/dev/tty"))
        """
    )
    assert done.stdout.decode().splitlines()[:3] == ["-1 EPERM"] * 3
    assert "No such device" in output(done)


def test_other_processes_cannot_be_looked_into(attack: Attack) -> None:
    done = attack(
        """
        child = os.fork()
        if child == 0:
            time.sleep(10)
        print(libc.ptrace(16, child, 0, 0), libc.ptrace(0, 0, 0, 0))
        print(libc.process_vm_readv(child, None, 0, None, 0, 0))
        os.kill(child, 9)
        """
    )
    assert done.stdout.decode() == "-1 -1\n-1\n"


@X86
def test_new_namespaces_are_refused(attack: Attack) -> None:
    done = attack(
        """
        for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x02000000, 0x04000000, 0x08000000):
            print(libc.unshare(flag), syscall(56, flag | 17, 0, 0, 0, 0), syscall(308, 0, flag)[0])
        words = ctypes.create_string_buffer(struct.pack("=11Q", 0x10000000, *[0] * 3, 17, *[0] * 6))
        print(syscall(435, words, 88))
        """
    )
    assert set(done.stdout.decode().splitlines()) == {"-1 (-1, 'EPERM') -1", "(-1, 'ENOSYS')"}


@X86
def test_the_kernels_large_doors_are_closed(attack: Attack) -> None:
    numbers = {
        "keyctl": 250,
        "add_key": 248,
        "bpf": 321,
        "io_uring_setup": 425,
        "userfaultfd": 323,
        "perf_event_open": 298,
        "memfd_create": 319,
        "open_by_handle_at": 304,
        "chroot": 161,
        "pivot_root": 155,
        "kexec_load": 246,
        "init_module": 175,
        "shmget": 29,
        "fsopen": 430,
        "pidfd_getfd": 438,
        "reboot": 169,
        "sethostname": 170,
        "settimeofday": 164,
        "modify_ldt": 154,
    }
    done = attack(f"print({{name: syscall(number, 0, 0, 0, 0, 0) for name, number in {numbers}.items()}})")
    assert done.stdout.decode().strip() == str(dict.fromkeys(numbers, (-1, "EPERM")))


@X86
def test_the_32_bit_and_x32_ways_into_the_kernel_are_closed(attack: Attack) -> None:
    code = """
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    print("RETURNED", ctypes.CFUNCTYPE(ctypes.c_int)(at)())
    """
    for attempt in (code, 'print("RETURNED", syscall(0x40000000 + 39))'):
        done = attack(attempt)
        assert "RETURNED" not in output(done)
        assert done.returncode in {128 + 31, 128 + 11}  # SIGSYS; SIGSEGV where the kernel has no such way


def test_a_daemon_does_not_outlive_the_command(attack: Attack, workspace: Path) -> None:
    done = attack(
        """
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            if os.fork() == 0:
                for number in range(3):
                    os.close(number)
                time.sleep(0.7)
                open("/workspace/survived", "w").close()
            os._exit(0)
        time.sleep(0.1)
        """
    )
    assert done.returncode == 0
    time.sleep(1)
    assert not (workspace / "survived").exists()


def test_a_daemon_that_holds_the_output_does_not_hold_us(attack: Attack) -> None:
    done = attack("subprocess.Popen(['sleep', '30'], start_new_session=True)")
    assert done.returncode == 0
    assert done.seconds < SMALL.wall_seconds


def test_ignored_signals_do_not_help(attack: Attack) -> None:
    done = attack(
        """
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(60)
        """,
        limits=Limits(wall_seconds=0.5),
    )
    assert done.killed_by == "wall_time"
    assert done.seconds < SMALL.wall_seconds


# What is shown inside -------------------------------------------------------------------------------------


def test_a_workspace_that_is_a_link_is_not_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(BadInput, match="symbolic link"):
        sandbox.run(["ls"], workspace=tmp_path / "link")


def test_a_mount_cannot_be_put_elsewhere_by_a_link_in_the_workspace(
    sandbox: Sandbox, workspace: Path
) -> None:
    (workspace / "run").symlink_to("/usr")
    (workspace.parent / "file").write_text("x")
    (workspace.parent / "file").chmod(0o644)
    with pytest.raises(BadInput):
        sandbox.run(
            ["ls"], workspace=workspace, mounts=[Mount(workspace.parent / "file", "/workspace/run/../x")]
        )


def test_folders_too_deep_to_be_named_hide_nothing_and_are_removed(attack: Attack, workspace: Path) -> None:
    done = attack(
        """
        for _ in range(3000):
            os.mkdir("d" * 50)
            os.chdir("d" * 50)
        while True:
            with open(str(time.monotonic_ns()), "wb") as file:
                file.write(bytes(2**20))
        """
    )
    assert done.killed_by == "disk"
    remove_tree(workspace)
    assert not workspace.exists()


# What the host does with the tree afterwards ---------------------------------------------------------------


def test_nothing_planted_in_the_tree_is_run_by_the_host(
    attack: Attack, workspace: Path, repo: Path, sandbox: Sandbox
) -> None:
    proof = workspace.parent / "ran"
    (repo / ".gitattributes").write_text("*.txt filter=evil diff=evil merge=evil\n")
    (repo / "a.txt").write_text("a\n")
    checkout = make_checkout(str(repo), commit_all(repo), workspace.parent / "clone")
    script = f"""
    git init -q . && git init -q nested && cp -r .git/config config.copy
    for place in .git nested/.git; do
      git config -f $place/config core.fsmonitor "touch {proof}"
      git config -f $place/config core.hooksPath /workspace/hooks
      git config -f $place/config filter.evil.clean "touch {proof}"
      git config -f $place/config diff.evil.textconv "touch {proof}"
      git config -f $place/config diff.external "touch {proof}"
      git config -f $place/config core.sshCommand "touch {proof}"
    done
    mkdir hooks; printf '#!/bin/sh\\ntouch {proof}\\n' > hooks/pre-commit; chmod +x hooks/pre-commit
    cp hooks/pre-commit hooks/post-index-change
    git -C nested -c user.name=a -c user.email=b commit -q --allow-empty -m x
    printf '[submodule "s"]\\n path = nested\\n url = ext::sh -c touch%%20{proof}\\n' > .gitmodules
    echo changed > a.txt
    rm .gitignore; mkfifo pipe .gitignore
    """
    done = sandbox.run(["/bin/sh", "-c", script], workspace=checkout.path)
    assert done.returncode == 0, done.stderr
    started = time.monotonic()
    patch = extract_patch(checkout)
    assert time.monotonic() - started < 60
    assert not proof.exists()
    assert "+changed" in patch
    assert "new file mode 160000" in patch
