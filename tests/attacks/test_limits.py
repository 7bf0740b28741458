"""Attacks on the machine itself: memory of every kind, processes, processor time, files, output, time."""

from dataclasses import replace

from nightcrew.execution.confinement.confinement import MIB
from tests.attacks.inside import SMALL, Batches, Inside, Scene, table
from tests.attacks.rows import Findings, Row

HARD = replace(SMALL, wall_seconds=12, cpu_seconds=10)
MEMORY = replace(HARD, memory_bytes=192 * MIB)


def not_ended(scene: Scene) -> str:
    """Something that only ends when a limit ends it."""
    return "" if scene.completed.killed_by else f"it ended by itself with {scene.completed.returncode}"


def more_output_than_allowed(scene: Scene) -> str:
    size = len(scene.completed.stdout) + len(scene.completed.stderr)
    return f"{size} bytes" if size > SMALL.output_bytes else not_ended(scene)


def workspace_too_large(scene: Scene) -> str:
    used = sum(path.lstat().st_blocks * 512 for path in scene.workspace.rglob("*"))
    return f"{used} bytes" if used > 20 * SMALL.workspace_bytes else not_ended(scene)


# Each in a sandbox of its own, which it may take down.
BOMBS = [
    Inside(
        Row.LIMITS,
        "memory of one process",
        """
        kept = []
        while True:
            kept.append(bytearray(b"x") * (8 * 2**20))
        """,
        limits=MEMORY,
    ),
    Inside(
        Row.LIMITS,
        "memory spread over a tree",
        """
        for _ in range(12):
            if os.fork() == 0:
                kept = bytearray(b"x") * (40 * 2**20)
                time.sleep(60)
        time.sleep(60)
        """,
        outside=not_ended,
        limits=MEMORY,
    ),
    Inside(
        Row.LIMITS,
        "memory in the buffers of sockets",
        """
        kept = []
        for _ in range(40):
            if os.fork() == 0:
                while True:
                    ends = socket.socketpair()
                    kept.append(ends)
                    for end in ends:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
                        end.setblocking(False)
                        try:
                            while True:
                                end.send(bytes(65536))
                        except BlockingIOError:
                            pass
        time.sleep(60)
        """,
        outside=not_ended,
        limits=MEMORY,
    ),
    Inside(
        Row.LIMITS,
        "memory in sockets that are on their way in other sockets",
        """
        kept = []
        for _ in range(40):
            if os.fork() == 0:
                carrier = socket.socketpair()
                while True:
                    ends = socket.socketpair()
                    try:
                        for _ in range(20):
                            ends[0].send(bytes(8192), socket.MSG_DONTWAIT)
                    except BlockingIOError:
                        pass
                    try:
                        socket.send_fds(carrier[0], [b"x"], [ends[0].fileno(), ends[1].fileno()])
                    except OSError:
                        carrier = socket.socketpair()
                        kept.append(carrier)
                    ends[0].close(), ends[1].close()
        time.sleep(60)
        """,
        outside=not_ended,
        limits=replace(MEMORY, memory_bytes=80 * MIB),
    ),
    Inside(
        Row.LIMITS,
        "memory in the inodes of empty files",
        """
        made = 0
        for place in ("/tmp", "/dev/shm", os.environ["HOME"]):
            try:
                for number in range(200_000):
                    os.mknod(f"{place}/{number}")
                    made += 1
            except OSError as error:
                refusals.append(f"{place}: {error}"[:80])
        return f"{made} files" if made > 100_000 else ""
        """,
        limits=replace(HARD, wall_seconds=25, memory_bytes=1024 * MIB),
    ),
    Inside(
        Row.LIMITS,
        "memory in files",
        """
        written_bytes = 0
        for place in ("/tmp", "/dev/shm", os.environ["HOME"]):
            try:
                for number in range(100):
                    written_bytes += written(f"{place}/{number}", bytes(8 * 2**20))
            except OSError as error:
                refusals.append(f"{place}: {error}"[:80])
        return f"{written_bytes} bytes" if written_bytes > 192 * 2**20 else ""
        """,
        limits=MEMORY,
    ),
    Inside(
        Row.LIMITS,
        "memory that is shared and mapped by nobody at the moment",
        """
        kept = []
        for number in range(60):
            with open(f"/tmp/{number}", "w+b") as file:
                os.unlink(file.name)
                file.truncate(8 * 2**20)
                with mmap.mmap(file.fileno(), 8 * 2**20) as shared:
                    shared.write(bytes(b"x") * (8 * 2**20))
                kept.append(os.dup(file.fileno()))
                if number == 59:
                    time.sleep(1)
        held = sum(os.fstat(one).st_blocks * 512 for one in kept)
        return f"{held} bytes" if held > 192 * 2**20 else ""
        """,
        limits=MEMORY,
    ),
    Inside(
        Row.LIMITS,
        "a fork bomb",
        """
        while True:
            try:
                if os.fork():
                    continue
            except OSError as error:
                time.sleep(0.01)
        """,
        outside=not_ended,
        limits=replace(HARD, wall_seconds=4),
    ),
    Inside(
        Row.LIMITS,
        "a disk that is filled",
        """
        for number in range(100_000):
            written(f"/workspace/{number}", bytes(2**20))
        """,
        outside=workspace_too_large,
        limits=HARD,
    ),
    Inside(
        Row.LIMITS,
        "a disk that is filled by files that have no name",
        """
        kept = []
        for number in range(400):
            file = open(f"/workspace/unnamed", "w+b", buffering=0)
            os.unlink(file.name)
            file.write(bytes(8 * 2**20))
            os.fsync(file.fileno())
            kept.append(file)
        time.sleep(10)
        """,
        outside=not_ended,
        limits=HARD,
    ),
    Inside(
        Row.LIMITS,
        "millions of empty files",
        """
        number = 0
        while True:
            number += 1
            os.mknod(f"/workspace/{number}")
        """,
        outside=not_ended,
        limits=replace(HARD, wall_seconds=30, workspace_bytes=4 * MIB),
    ),
    Inside(
        Row.LIMITS,
        "folders too deep to be named hide a full disk",
        """
        for _ in range(3000):
            os.mkdir("d" * 50)
            os.chdir("d" * 50)
        while True:
            written(str(time.monotonic_ns()), bytes(2**20))
        """,
        outside=not_ended,
        limits=HARD,
    ),
    Inside(
        Row.LIMITS,
        "a flood of output",
        "while True: os.write(1, b'x' * 65536); os.write(2, b'y' * 65536)",
        outside=more_output_than_allowed,
        limits=HARD,
    ),
    Inside(
        Row.LIMITS,
        "a flood of errors alone",
        "while True: os.write(2, b'y' * 65536)",
        outside=more_output_than_allowed,
        limits=HARD,
    ),
    Inside(
        Row.LIMITS,
        "an end that no signal brings about",
        """
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(60)
        """,
        outside=not_ended,
        limits=replace(HARD, wall_seconds=1),
    ),
    Inside(
        Row.LIMITS,
        "processes that stop themselves and each other",
        """
        for _ in range(10):
            if os.fork() == 0:
                os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(60)
        """,
        outside=not_ended,
        limits=replace(HARD, wall_seconds=1),
    ),
    Inside(
        Row.LIMITS,
        "output that is held open by what is left behind",
        """
        if os.fork() == 0:
            os.setsid()
            os.closerange(3, 1000)
            time.sleep(120)
        """,
        outside=lambda scene: "" if scene.completed.killed_by is None else "it held us up",
        limits=HARD,
    ),
]

# Made together: each only tries to get more than it may have.
TRIES = [
    Inside(
        Row.LIMITS,
        "limits are raised again",
        """
        names = ("NPROC", "FSIZE", "AS", "CORE", "NOFILE", "CPU", "MEMLOCK", "RTPRIO", "SIGPENDING")
        kinds = [getattr(resource, "RLIMIT_" + name, 11) for name in names]  # 11: pending signals
        there = [(kind, resource.getrlimit(kind)) for kind in kinds]
        return tries(*(lambda kind=kind, hard=hard: resource.setrlimit(kind, (hard + 1, hard + 1))
                       for kind, (_, hard) in there if hard != resource.RLIM_INFINITY))
        """,
    ),
    Inside(
        Row.LIMITS,
        "one huge file",
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def grow(path):
            with open(path, "wb", buffering=0) as file:
                file.truncate(2**40)
        return tries(lambda: grow("/workspace/huge"), lambda: grow("/tmp/huge"),
                     lambda: os.posix_fallocate(os.open("/workspace/huge", os.O_RDWR), 0, 2**36))
        """,
    ),
    Inside(
        Row.LIMITS,
        "more open files than allowed",
        """
        kept = []
        def more():
            while True:
                kept.append(os.open("/dev/null", os.O_RDONLY))
        return tries(more)
        """,
    ),
    Inside(
        Row.LIMITS,
        "more watches of files than a user may have",
        """
        def more():
            for _ in range(5000):
                call("inotify_init1", 0)
        return tries(more)
        """,
    ),
    Inside(
        Row.LIMITS,
        "a higher priority than given",
        """
        return tries(lambda: os.nice(-10), lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
                     lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)),
                     lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)))
        """,
    ),
    Inside(
        Row.LIMITS,
        "a real-time class for its disk access",
        "return tries(lambda: syscall(251, 1, 0, (1 << 13) | 4))",
    ),
    Inside(
        Row.LIMITS,
        "memory that is locked",
        """
        block = mmap.mmap(-1, 64 * 2**20)
        at = ctypes.addressof(ctypes.c_char.from_buffer(block))
        return tries(lambda: call("mlock", ctypes.c_void_p(at), ctypes.c_size_t(64 * 2**20)),
                     lambda: call("mlockall", 7))
        """,
    ),
    Inside(
        Row.LIMITS,
        "pages in pipes without end",
        """
        kept, size = [], 0
        for _ in range(200):
            reader, writer = os.pipe()
            kept += [reader, writer]
            try:
                size += fcntl.fcntl(writer, 1031, 2**20)
            except OSError as error:
                refusals.append(str(error))
        return f"{size} bytes" if size > 100 * 2**20 else ""
        """,
    ),
    Inside(
        Row.LIMITS,
        "timers of the kernel without end",
        """
        def more():
            event = ctypes.create_string_buffer(64)
            struct.pack_into("ii", event, 8, signal.SIGUSR1, 0)
            timer = ctypes.c_int()
            for _ in range(20_000):
                syscall(222, 1, event, ctypes.byref(timer))
        return tries(more)
        """,
    ),
    Inside(
        Row.LIMITS,
        "System V memory, queues and semaphores that nobody counts",
        """
        return tries(lambda: syscall(29, 0, 2**20, 0o1600), lambda: syscall(68, 0, 0o1600),
                     lambda: syscall(64, 0, 32000, 0o1600))
        """,
    ),
    Inside(
        Row.LIMITS,
        "files in memory that have no place",
        "return tries(lambda: os.memfd_create('x'), lambda: syscall(447, 0))",
    ),
    Inside(
        Row.LIMITS,
        "control groups are changed from inside",
        """
        places = ["/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids/pids.max"]
        return tries(*(lambda path=path: written(path, b"max") for path in places),
                     lambda: os.mkdir("/sys/fs/cgroup/mine"), lambda: os.mkdir("/sys/fs/cgroup/memory/mine"))
        """,
    ),
    Inside(
        Row.LIMITS,
        "the killer of processes is asked to spare us",
        "return tries(lambda: written('/proc/self/oom_score_adj', b'-1000'))",
    ),
]


def check(attack: Inside, attacks: list[Inside], batches: Batches, finding: Findings) -> None:
    met = batches.meet(attack, attacks)
    assert met.gained == ""
    assert "CRASH" not in met.how
    finding(met.how)


@table(BOMBS)
def test_no_bomb_takes_more_than_its_share(attack: Inside, batches: Batches, finding: Findings) -> None:
    check(attack, BOMBS, batches, finding)


@table(TRIES)
def test_no_limit_can_be_passed(attack: Inside, batches: Batches, finding: Findings) -> None:
    check(attack, TRIES, batches, finding)
