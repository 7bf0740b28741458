"""The classic ways out of a sandbox, by call numbers of x86_64: files, processes, network, kernel."""

import os

import pytest

from tests.attacks.inside import Batches, Inside, Scene, table
from tests.attacks.rows import Findings, Row

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="call numbers of x86_64")


def connected(scene: Scene) -> str:
    return f"{len(scene.connections)} connections" if scene.connections else ""


ATTACKS = [
    Inside(
        Row.ESCAPE,
        "read a file of the host",
        """
        return tries(*(lambda path=path: content(path) for path in (
            facts["secret"], "/proc/1/root" + facts["secret"],
            "/proc/self/cwd/../../../.." + facts["secret"])))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "read keys and accounts of the host",
        """
        places = ("/etc/shadow", "/root/.ssh/id_rsa", "/root/.bashrc", "/etc/sudoers", "/var/log/syslog",
                  "/var/lib/dpkg/status", "/run/docker.sock", "/var/run/docker.sock", "/etc/machine-id")
        return tries(*(lambda place=place: content(place) for place in places))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "see processes of the host",
        """
        seen = processes()
        return str(seen) if facts["pid"] in seen and facts["pid"] > 1000 or len(seen) > 6 else ""
        """,
    ),
    Inside(
        Row.ESCAPE,
        "read environments and command lines of all processes",
        """
        for pid in processes():
            for name in ("environ", "cmdline"):
                try:
                    if facts["content"].encode() in content(f"/proc/{pid}/{name}", 100_000):
                        return f"{name} of {pid}"
                except OSError as error:
                    refusals.append(str(error))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "read the kernel's memory, log and devices",
        """
        places = ("/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/vda", "/dev/sda",
                  "/dev/port", "/proc/vmcore", "/sys/kernel/debug", "/proc/kallsyms-secret")
        return tries(*(lambda place=place: content(place, 16) or os.stat("/nowhere") for place in places))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "write to the system",
        """
        places = ["/", "/usr", "/usr/lib", "/usr/local/bin", "/etc", "/bin", "/dev", "/proc", "/home", "/var",
                  "/run", os.path.dirname(facts["python"]), sys.prefix]
        return tries(*(lambda place=place: written(os.path.join(place, "planted")) for place in places))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "change the kernel's settings",
        """
        names = ("kernel/core_pattern", "kernel/modprobe", "kernel/sysrq", "vm/drop_caches",
                 "kernel/hostname", "user/max_user_namespaces", "fs/suid_dumpable",
                 "kernel/randomize_va_space", "vm/overcommit_memory")
        return tries(*(lambda name=name: written("/proc/sys/" + name, b"1") for name in names),
                     lambda: written("/proc/sysrq-trigger", b"h"),
                     lambda: written("/proc/self/uid_map", b"0 0 1"))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "connect to the host's loopback",
        """
        return tries(lambda: socket.create_connection(("127.0.0.1", facts["port"]), timeout=2))
        """,
        outside=connected,
    ),
    Inside(
        Row.ESCAPE,
        "connect to other machines and resolve names",
        """
        def send(family, address):
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                return sender.sendto(b"x" * 20, address)
        return tries(lambda: socket.create_connection(("192.0.2.1", 80), timeout=2),
                     lambda: socket.create_connection(("10.0.0.1", 22), timeout=2),
                     lambda: socket.gethostbyname("example.org"),
                     lambda: send(socket.AF_INET, ("8.8.8.8", 53)),
                     lambda: send(socket.AF_INET, ("255.255.255.255", 9)),
                     lambda: send(socket.AF_INET6, ("2001:db8::1", 53)))
        """,
        outside=connected,
    ),
    Inside(
        Row.ESCAPE,
        "connect to abstract sockets of the host",
        """
        def connect(kind):
            with socket.socket(socket.AF_UNIX, kind) as client:
                client.connect(chr(0) + facts["abstract"])
        return tries(lambda: connect(socket.SOCK_STREAM), lambda: connect(socket.SOCK_DGRAM))
        """,
        outside=connected,
    ),
    Inside(
        Row.DOORS,
        "sockets of families that are doors into the kernel",
        """
        families = (16, 17, 38, 40, 30, 31, 29, 21, 9, 3, 4, 5, 15, 44)
        made = [lambda f=f: socket.socket(f, socket.SOCK_RAW).close() for f in families]
        return tries(*made, *(lambda f=f: socket.socket(f, socket.SOCK_DGRAM).close() for f in families))
        """,
    ),
    Inside(
        Row.DOORS,
        "pairs of sockets of other families",
        """
        def pair(family, kind):
            ends = (ctypes.c_int * 2)()
            return call("socketpair", family, kind, 0, ends)
        return tries(*(lambda f=f, k=k: pair(f, k) for f in (16, 17, 30, 38, 40, 44) for k in (1, 2, 3, 5)))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "raw packets and network settings",
        """
        def configure(request):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                fcntl.ioctl(control, request, struct.pack("16sh", b"lo", 0).ljust(40, bytes(1)))
        return tries(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
                     lambda: configure(0x8914), lambda: configure(0x8916), lambda: configure(0x8924))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "new namespaces by every call",
        """
        flags = (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x02000000, 0x04000000, 0x08000000)
        words = ctypes.create_string_buffer(struct.pack("=11Q", 0x10000000, *[0] * 3, 17, *[0] * 6))
        return tries(*(lambda f=f: call("unshare", f) for f in flags), lambda: syscall(435, words, 88),
                     *(lambda f=f: syscall(56, f | 17, 0, 0, 0, 0) for f in flags))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "namespaces of others are entered",
        """
        def enter(path):
            return call("setns", os.open(path, os.O_RDONLY), 0)
        kinds = ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup")
        return tries(*(lambda k=k: enter(f"/proc/1/ns/{k}") for k in kinds),
                     *(lambda k=k: enter(f"/proc/self/ns/{k}") for k in kinds))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "mounts, old and new",
        """
        return tries(lambda: call("mount", b"/usr", b"/tmp", None, 4096, None),
                     lambda: call("mount", b"none", b"/", None, 32 | 4096, None),
                     lambda: call("mount", b"proc", b"/tmp", b"proc", 0, None),
                     lambda: call("mount", None, b"/", None, 1 << 20, None),
                     lambda: call("umount2", b"/workspace", 2), lambda: syscall(428, -100, b"/", 1),
                     lambda: syscall(430, b"tmpfs", 0), lambda: syscall(433, -100, b"/tmp", 0),
                     lambda: syscall(442, -100, b"/", 0x8000, None, 0),
                     lambda: syscall(155, b"/tmp", b"/tmp"))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the root is changed",
        """
        return tries(lambda: os.chroot("/tmp"), lambda: syscall(161, b"/workspace"))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "device nodes are made",
        """
        kinds = ((stat.S_IFBLK, 254, 0), (stat.S_IFBLK, 8, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 10, 200))
        return tries(*(lambda k=k, a=a, b=b: os.mknod("/workspace/device", k | 0o666, os.makedev(a, b))
                       for k, a, b in kinds))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "a program with the setuid bit",
        """
        shutil.copy("/usr/bin/id", "/workspace/id")
        os.chmod("/workspace/id", 0o6755)
        for words in (["/workspace/id", "-u"], ["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["mount"]):
            try:
                seen = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
            except OSError as error:
                refusals.append(str(error))
            else:
                refusals.append(seen.strip()[:40] or "nothing")
                if seen.strip() == "0":
                    return words
        """,
    ),
    Inside(
        Row.ESCAPE,
        "capabilities and identity",
        """
        return tries(lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0),
                     lambda: os.setgroups([0]), lambda: call("prctl", 47, 2, 21, 0, 0),
                     lambda: call("prctl", 38, 0, 0, 0, 0), lambda: os.chown("/workspace", 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "capabilities are held",
        """
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        held = {name: status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")}
        weak = {name: value for name, value in held.items() if int(value, 16)}
        if status["NoNewPrivs"].strip() != "1" or status["Seccomp"].strip() != "2":
            return status
        return weak
        """,
    ),
    Inside(
        Row.ESCAPE,
        "another process is traced",
        """
        child = os.fork()
        if child == 0:
            time.sleep(5)
            os._exit(0)
        found = tries(lambda: syscall(101, 16, child, 0, 0), lambda: syscall(101, 0, 0, 0, 0),
                      lambda: syscall(310, child, 0, 0, 0, 0, 0), lambda: syscall(311, child, 0, 0, 0, 0, 0),
                      lambda: syscall(312, os.getpid(), child, 0, 0, 0))
        os.kill(child, 9)
        return found
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door keyctl",
        """
        return tries(lambda: syscall(250, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door add_key",
        """
        return tries(lambda: syscall(248, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door request_key",
        """
        return tries(lambda: syscall(249, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door bpf",
        """
        return tries(lambda: syscall(321, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door userfaultfd",
        """
        return tries(lambda: syscall(323, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door perf_event_open",
        """
        return tries(lambda: syscall(298, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door io_uring_setup",
        """
        return tries(lambda: syscall(425, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door open_by_handle_at",
        """
        return tries(lambda: syscall(304, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door name_to_handle_at",
        """
        return tries(lambda: syscall(303, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door kexec_load",
        """
        return tries(lambda: syscall(246, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door init_module",
        """
        return tries(lambda: syscall(175, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door finit_module",
        """
        return tries(lambda: syscall(313, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door memfd_create",
        """
        return tries(lambda: syscall(319, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door reboot",
        """
        return tries(lambda: syscall(169, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door swapon",
        """
        return tries(lambda: syscall(167, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door quotactl",
        """
        return tries(lambda: syscall(179, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door syslog",
        """
        return tries(lambda: syscall(103, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door acct",
        """
        return tries(lambda: syscall(163, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door settimeofday",
        """
        return tries(lambda: syscall(164, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door clock_settime",
        """
        return tries(lambda: syscall(227, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door sethostname",
        """
        return tries(lambda: syscall(170, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door modify_ldt",
        """
        return tries(lambda: syscall(154, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door fanotify_init",
        """
        return tries(lambda: syscall(300, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door vmsplice",
        """
        return tries(lambda: syscall(278, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door process_madvise",
        """
        return tries(lambda: syscall(440, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the kernel's door iopl",
        """
        return tries(lambda: syscall(172, 0, 0, 0, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "calls of another ABI",
        """
        return tries(lambda: syscall(0x40000000 + 39))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "32-bit calls",
        """
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
        at = ctypes.addressof(ctypes.c_char.from_buffer(page))
        return ctypes.CFUNCTYPE(ctypes.c_int)(at)()
        """,
    ),
    Inside(
        Row.ESCAPE,
        "words are typed into a terminal",
        """
        import pty
        controller, terminal = pty.openpty()
        def push(request):
            return check(libc.ioctl(terminal, ctypes.c_ulong(request), ctypes.c_char_p(b"x")))
        return tries(lambda: push(0x5412), lambda: push(0x541C), lambda: push(0x5412 | 1 << 32),
                     lambda: push(0x541C | 1 << 32))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the operator's terminal is opened",
        """
        return tries(lambda: open("/dev/tty"), lambda: open("/dev/console"), lambda: open("/dev/tty1"),
                     lambda: open("/dev/vcs"), lambda: os.tcsetpgrp(0, os.getpid()))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "processes outside are signalled",
        """
        if facts["pid"] in processes():
            return refusals.append("that number is one of our own")
        return tries(*(lambda n=n: os.kill(facts["pid"], n) for n in (0, signal.SIGSTOP, signal.SIGKILL)))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "a useful descriptor is inherited",
        """
        found = []
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue
            refusals.append(target)
            if not target.startswith(("pipe:", "/proc/", "/dev/null", "user:")):
                found.append(target)
        return found
        """,
    ),
    Inside(
        Row.ESCAPE,
        "a hard link to a file of the system",
        """
        return tries(*(lambda source=source: os.link(source, "/workspace/taken")
                       for source in ("/usr/bin/env", "/etc/passwd", facts["python"])))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "a link out of the workspace",
        """
        os.symlink(facts["secret"], "/workspace/link")
        os.symlink("/workspace/../../../../.." + facts["secret"], "/workspace/link2")
        return tries(*(lambda name=name: content("/workspace/" + name) for name in ("link", "link2")))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the supervisor's first process is stopped",
        """
        for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):
            try:
                os.kill(1, number)
                refusals.append("sent, and not delivered")
            except OSError as error:
                refusals.append(str(error))
        time.sleep(0.1)
        if content("/proc/1/stat").rpartition(b")")[2].split()[0] in b"TZ":
            return "the first process does not run any more"
        """,
    ),
    Inside(
        Row.ESCAPE,
        "the clock is set",
        """
        return tries(lambda: time.clock_settime(time.CLOCK_REALTIME, 0), lambda: syscall(305, 0, 0))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "block devices and file systems are looked at through /sys",
        """
        places = ("/sys/block", "/sys/class/net", "/sys/kernel", "/sys/devices", "/sys/firmware",
                  "/sys/fs/bpf")
        return tries(*(lambda place=place: os.listdir(place) or os.stat("/nowhere") for place in places))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "an orphan lives on",
        """
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            if os.fork() == 0:
                os.closerange(0, 100)
                os.execv(sys.executable, [sys.executable, "-I", "-S", "-c",
                         "import time; time.sleep(60)", facts["mark"]])
            os._exit(0)
        """,
    ),
    Inside(
        Row.LIMITS,
        "a zombie storm",
        """
        for _ in range(200):
            try:
                if os.fork() == 0:
                    os._exit(0)
            except OSError as error:
                return refusals.append(str(error))
        return "no limit"
        """,
    ),
]


@table(ATTACKS)
def test_no_way_out(attack: Inside, batches: Batches, finding: Findings) -> None:
    met = batches.meet(attack, ATTACKS)
    assert met.gained == ""
    assert "CRASH" not in met.how
    finding(met.how)
