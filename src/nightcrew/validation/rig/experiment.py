"""One experiment: some collected tests, in some order, in some world, in a child that is thrown away."""

import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from . import swap, traces
from .supervise import Reporter

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")  # noqa: S104
NETWORK_PROGRAMS = {
    "curl",
    "wget",
    "ping",
    "nc",
    "ncat",
    "ssh",
    "scp",
    "telnet",
    "dig",
    "nslookup",
    "host",
    "ftp",
}
# Seeds whose first draws spread evenly over 0 to 1, ends included: a test that draws once meets every case.
STRATA = 16


def run(
    job: "dict[str, Any]",
    one: "dict[str, Any]",
    items: "list[pytest.Item]",
    network: "list[str]",
    report: Reporter,
) -> None:
    """Prepare the world, run the items, report each test and a last line with `done`."""
    del network[:]
    seed_everything(one.get("seed") or 0)
    if one.get("cpu_seconds"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, one["cpu_seconds"])
    end: dict[str, Any] = {}
    if one.get("zone"):
        os.environ["TZ"] = one["zone"]
        time.tzset()
    if one.get("variant"):
        end["applied"] = swap.apply(job["target"], one["variant"])
        if not end["applied"]:
            report({**end, "done": True})
            return
    watch = Watch(job, one, report)
    before = drawn() if one.get("watch_chance") else None
    own = (job["workspace"], set(job["test_files"]))
    code = traces.code_of(*own) if one.get("watch_code") else None
    if items:
        items[0].config.pluginmanager.register(watch)
    with _date(one.get("days"), job):
        started = time.process_time()
        ran = _loop(items, one, watch)
        end["cpu"] = time.process_time() - started
    end.update(watch.end())
    if code is not None:
        end["replaced"] = traces.replaced(code, traces.code_of(*own))
    if before is not None:
        end["chance"] = drawn() != before
    report({**end, "network": list(network), "ran": ran, "done": True})


def _loop(items: "list[pytest.Item]", one: "dict[str, Any]", watch: "Watch") -> int:
    """Run the items one after the other; how many were run."""
    seeds = strata() if one.get("strata") is not None else None
    ran = 0
    for index, item in enumerate(items):
        following = items[index + 1] if index + 1 < len(items) else None
        if watch.enough():
            break
        if seeds is not None:
            seed_everything(seeds[(one["strata"] + index) % len(seeds)])
        watch.start(item)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        watch.stop(item)
        ran += 1
    return ran


class Watch:
    """A pytest plugin that reports outcomes, and measures what was asked for."""

    def __init__(self, job: "dict[str, Any]", one: "dict[str, Any]", report: Reporter) -> None:
        self.job, self.one, self.report = job, one, report
        self.worst: dict[str, str] = {}
        self.detail: dict[str, tuple[str, str]] = {}
        self.assertions = self.crashes = 0
        self.coverage = start_coverage(job) if one.get("cover") else None
        self.aim = Aim(job) if one.get("aim") else None
        self.started = 0.0

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: "pytest.CallInfo[Any]") -> Any:
        """Note how a test failed."""
        outcome = yield
        if call.excinfo is None:
            return
        report = outcome.get_result()
        if report.outcome == "failed" and not hasattr(report, "wasxfail"):
            kind = _kind(call.excinfo, self.job)
            if self.detail.get(item.nodeid, ("", ""))[0] != "assertion":
                self.detail[item.nodeid] = (kind, f"{call.excinfo.typename}: {call.excinfo.value}"[:400])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the worst outcome of each test."""
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xpassed" if outcome == "passed" else "xfailed"
        elif outcome == "failed" and report.when != "call":
            outcome = "error"
        elif outcome == "failed" and report.nodeid not in self.detail:
            self.detail[report.nodeid] = ("assertion", str(report.longrepr)[-400:])
        if report.when == "call" or outcome != "passed":
            rank = ("passed", "xpassed", "xfailed", "skipped", "failed", "error")
            old = self.worst.get(report.nodeid, "passed")
            self.worst[report.nodeid] = max(old, outcome, key=rank.index)

    def start(self, item: pytest.Item) -> None:
        """A test begins."""
        if self.coverage is not None:
            self.coverage.switch_context(item.nodeid)
        if self.aim is not None:
            self.aim.start()
        swap.injected.get("_touched", []).clear()
        self.started = time.process_time()

    def stop(self, item: pytest.Item) -> None:
        """A test has ended: report it."""
        aimed = self.aim.stop() if self.aim is not None else None
        if self.coverage is not None:
            self.coverage.switch_context("")
        outcome = self.worst.get(item.nodeid, "lost")
        kind, message = self.detail.get(item.nodeid, ("", ""))
        if outcome in ("failed", "error"):
            self.assertions += kind == "assertion"
            self.crashes += kind != "assertion"
        seconds = round(time.process_time() - self.started, 4)
        touched = bool(swap.injected.get("_touched"))
        self.report({"test": [item.nodeid, outcome, kind, message, seconds, aimed, touched]})

    def enough(self) -> bool:
        """True once nothing more would be learned."""
        stop = int(self.one.get("stop") or 0)
        return stop > 0 and (self.assertions >= 1 or self.crashes >= stop)

    def end(self) -> "dict[str, Any]":
        """What was measured over all."""
        if self.coverage is None:
            return {}
        self.coverage.stop()
        data = self.coverage.get_data()
        measured = {}
        for target in self.job["measured"]:
            by_test: dict[str, list[int]] = {}
            for line, contexts in data.contexts_by_lineno(target).items():
                for context in contexts:
                    if context:
                        by_test.setdefault(context, []).append(line)
            measured[target] = {
                "lines": sorted({line for lines in by_test.values() for line in lines}),
                "arcs": sorted(data.arcs(target) or []),
                "tests": {name: sorted(lines) for name, lines in by_test.items()},
            }
        return {"coverage": measured}


class Aim:
    """Counts calls of the target: straight from test code, and all."""

    def __init__(self, job: "dict[str, Any]") -> None:
        self.target, self.tests = job["target"], set(job["test_files"])
        self.counts = [0, 0]

    def start(self) -> None:
        """Count from nothing."""
        self.counts = [0, 0]
        sys.setprofile(self._called)

    def stop(self) -> "list[int]":
        """The counts."""
        sys.setprofile(None)
        return self.counts

    def _called(self, frame: Any, event: str, _argument: object) -> None:
        if event != "call":
            return
        if frame.f_code.co_filename != self.target:
            return
        self.counts[1] += 1
        caller = frame.f_back
        if caller is not None and caller.f_code.co_filename in self.tests:
            self.counts[0] += 1


def start_coverage(job: "dict[str, Any]") -> Any:
    """Line and branch coverage of the measured files, running."""
    import coverage

    measured = coverage.Coverage(
        data_file=None, branch=True, include=job["measured"], config_file=False, messages=False
    )
    measured.set_option("report:exclude_lines", [])
    measured.set_option("run:disable_warnings", ["no-data-collected", "module-not-imported", "no-sysmon"])
    measured.start()
    return measured


def _kind(excinfo: "pytest.ExceptionInfo[BaseException]", job: "dict[str, Any]") -> str:
    """`assertion`: a check of a test failed; `crash`: the product broke; `test_crash`: the test itself
    did."""
    paths = [str(entry.path) for entry in excinfo.traceback]
    checks = issubclass(excinfo.type, (AssertionError, pytest.fail.Exception)) or excinfo.typename in (
        "DocTestFailure",
        "MultipleFailures",
    )
    if checks and not (paths and paths[-1] in job["measured"]):
        return "assertion"
    root, tests = job["workspace"] + "/", set(job["test_files"])
    product = any(path.startswith(root) and path not in tests for path in paths)
    return "crash" if product else "test_crash"


_draws = [0]
_seed = random.Random.seed


def seed_everything(seed: int) -> None:
    """Every source of chance that can be seeded, the same each time."""
    chance = random.Random()  # noqa: S311
    _seed(chance, seed)

    def urandom(size: int) -> bytes:
        _draws[0] += 1
        return chance.getrandbits(8 * size).to_bytes(size, "big") if size else b""

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            _draws[0] += 1
            a = chance.getrandbits(64)
        _seed(self, a, version)

    os.urandom = urandom
    random._urandom = urandom  # type: ignore[attr-defined]
    random.Random.seed = seeded  # type: ignore[method-assign]
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        with contextlib.suppress(Exception):
            numpy.random.seed(seed % (1 << 32))


def drawn() -> "tuple[Any, ...]":
    """Something that changes whenever chance was asked for anything."""
    numpy = sys.modules.get("numpy")
    state = None
    if numpy is not None:
        with contextlib.suppress(Exception):
            state = str(numpy.random.get_state()[1][:5]) + str(numpy.random.get_state()[2])
    return _draws[0], hash(random.getstate()), state


def strata() -> "list[int]":
    """Seeds, one for each sixteenth of 0 to 1, by where their first draw falls; a closer look at the ends."""
    wanted = {0: 0.004, STRATA - 1: 0.996}
    found: dict[int, int] = {}
    draw = random.Random(0)  # noqa: S311
    seed = 1
    while len(found) < STRATA:
        _seed(draw, seed)
        first = draw.random()
        place = int(first * STRATA)
        fits = place not in wanted or (first < wanted[place] if place == 0 else first > wanted[place])
        if place not in found and fits:
            found[place] = seed
        seed += 1
    return [found[place] for place in sorted(found)]


def watch_network() -> "list[str]":
    """A list that fills with what the process tried to reach beyond this machine."""
    seen: list[str] = []

    def hook(event: str, arguments: "Sequence[Any]") -> None:
        if event == "subprocess.Popen":
            words = arguments[1] if isinstance(arguments[1], (list, tuple)) else str(arguments[1]).split()
            name = os.path.basename(str(words[0])) if words else ""  # noqa: PTH119
            if name in NETWORK_PROGRAMS and len(seen) < 5:
                seen.append(f"{event} {name}")
            return
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            address = (arguments[0],)
        else:
            return
        if isinstance(address, tuple) and address:
            host = address[0].decode() if isinstance(address[0], bytes) else str(address[0] or "localhost")
            if not host.startswith(LOOPBACK) and host != os.uname().nodename and len(seen) < 5:
                seen.append(f"{event} {host[:100]}")

    sys.addaudithook(hook)
    return seen


@contextlib.contextmanager
def _date(days: "float | None", job: "dict[str, Any]") -> "Iterator[None]":
    """Another date, where the library that shifts clocks can be loaded here."""
    if not days:
        yield
        return
    sys.path.append(job["clock"])
    try:
        import time_machine
    except ImportError:
        yield
        return
    finally:
        sys.path.remove(job["clock"])
    with time_machine.travel(time.time() + days * 86_400, tick=True):
        yield
