"""What the sandbox costs: a command, the checks that a verdict runs on code, and building environments.

    python -m benchmarks.sandbox_cost [--rounds N]

The baseline of each is the same program on the host, in turns with it and in one run. CPU seconds are those
of everything on either side: of the process that asks, of the mirror of the package index in it and of all
that runs in the sandbox; processes that end leave theirs to whoever waits for them.

Environments are built `first` with nothing kept and `again` with what the first build fetched: uv's cache on
the host, our store of packages here.
"""

import argparse
import ctypes
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruff import find_ruff_bin

from benchmarks.support import table, verdict
from nightcrew import host
from nightcrew.errors import Transient
from nightcrew.execution.environments.build import Builder
from nightcrew.execution.environments.closing import close
from nightcrew.execution.environments.kept import Filled, keep
from nightcrew.execution.environments.pythons import find_python
from nightcrew.execution.environments.requirements import checked
from nightcrew.execution.packages.sources import read_sources
from nightcrew.execution.packages.upstream import Upstream
from nightcrew.execution.packages.uv_tool import uv_program
from nightcrew.execution.sandbox import Mount, Sandbox, interpreter_mounts, open_sandbox
from nightcrew.settings import SandboxKind

BUILDS = {"small": ("pytest", "coverage"), "larger": ("pytest", "coverage", "flask", "sqlalchemy", "numpy")}
MOST_CPU, COMMAND_MS, MOST_WATCHING = 1.10, 50.0, 0.002
_CALM_SECONDS = 20.0
_COMMANDS = 60
_SUBREAPER = 36
_SECONDS = 900.0
_CODE = "def number(text: str) -> int:\n    return int(text)\n\n\nTOTAL: int = number('1')\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """One thing done on the host and in the sandbox, one after the other: CPU seconds, or milliseconds."""

    host: float
    sandbox: float


def main(rounds: int) -> None:
    """Print the tables and end with 1 where a floor is missed."""
    sandbox = open_sandbox(SandboxKind.BUBBLEWRAP)
    command = [_command(sandbox) for _ in range(_COMMANDS)]
    ms = statistics.median(one.sandbox for one in command)
    checks = {f"a sandboxed command takes at most {COMMAND_MS:.0f} ms ({ms:.0f})": ms <= COMMAND_MS}
    watching = _watching(sandbox)
    checks[f"watching a calm command takes at most {MOST_WATCHING:.1%} of a core ({watching:.2%})"] = (
        watching <= MOST_WATCHING
    )
    table([_row("a command, ms", command), *_tools(sandbox, rounds)])
    if why := _no_index():
        print(f"\nenvironments: not measurable: {why}")
    else:
        built = _environments(sandbox, rounds)
        print()
        table([_row(name, costs) for name, costs in built.items()])
        for name, costs in built.items():
            ratio = _ratio(costs)
            checks[f"{name}: at most {MOST_CPU:.2f} times the host's CPU ({ratio:.3f})"] = ratio <= MOST_CPU
    verdict(checks)


# ----------------------------------------------------------------------------------------------------


def _row(what: str, costs: Sequence[Cost]) -> dict[str, object]:
    return {
        "what": what,
        "pairs": len(costs),
        "host": f"{statistics.median(one.host for one in costs):.3g}",
        "sandbox": f"{statistics.median(one.sandbox for one in costs):.3g}",
        "ratio": f"{_ratio(costs):.3f}",
    }


def _ratio(costs: Sequence[Cost]) -> float:
    """Of all that was done together: a moment in which others used the machine weighs on both."""
    return sum(one.sandbox for one in costs) / sum(one.host for one in costs)


def _command(sandbox: Sandbox) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        return Cost(
            _milliseconds(lambda: host.run(["/bin/true"], env={}, seconds=60)),
            _milliseconds(lambda: sandbox.run(["/bin/true"], workspace=Path(folder))),
        )


def _watching(sandbox: Sandbox) -> float:
    """The share of a core that this process takes while a command waits, without its start and end."""
    with tempfile.TemporaryDirectory() as folder:
        spent = []
        for seconds in (0.2, _CALM_SECONDS):
            before = time.process_time()
            sandbox.run(["/bin/sleep", str(seconds)], workspace=Path(folder))
            spent.append(time.process_time() - before)
    return max(0.0, spent[1] - spent[0]) / _CALM_SECONDS


def _milliseconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _tools(sandbox: Sandbox, rounds: int) -> list[dict[str, object]]:
    """mypy and ruff on one small file, as a verdict asks them; each is asked for base and for the change."""
    mypy = [sys.executable, "-I", "-m", "mypy", "--config-file=", "--no-site-packages", "--cache-dir=cache"]
    ruff = [str(Path(find_ruff_bin()).resolve()), "check", "--isolated", "--no-cache"]
    rows = []
    for name, words in {"mypy": mypy, "ruff": ruff}.items():
        costs = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                costs.append(_tool(sandbox, Path(folder), [*words, "code.py"]))
        rows.append(_row(f"{name}, CPU s", costs))
    return rows


def _tool(sandbox: Sandbox, folder: Path, command: Sequence[str]) -> Cost:
    for name in ("host", "sandbox"):
        (folder / name).mkdir()
        (folder / name / "code.py").write_text(_CODE)
    ruff = Path(find_ruff_bin()).resolve()
    mounts = (*interpreter_mounts(Path(sys.executable)), Mount(ruff, str(ruff)))

    def here() -> None:
        done = host.run(command, env=host.environment(), seconds=_SECONDS, folder=folder / "host")
        assert done.returncode == 0, done.stdout

    def inside() -> None:
        done = sandbox.run(command, workspace=folder / "sandbox", mounts=mounts)
        assert done.returncode == 0, done.stdout

    return Cost(_cpu_seconds(here), _cpu_seconds(inside))


# Environments ---------------------------------------------------------------------------------------


def _no_index() -> str:
    """Why no package index answers; empty where one does."""
    sources = read_sources()
    try:
        for index in sources.indexes:
            with Upstream().get(index, f"{index.url}/pytest/") as reply:
                if reply.status == 200:
                    return ""
    except Transient as fault:
        return str(fault)
    return "no index has what is to be installed"


def _environments(sandbox: Sandbox, rounds: int) -> dict[str, list[Cost]]:
    found: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        for name, packages in BUILDS.items():
            with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as folder:
                for moment in ("first", "again"):
                    cost = _build(sandbox, packages, Path(folder), moment)
                    found.setdefault(f"{name} environment, {moment}, CPU s", []).append(cost)
    return found


def _build(sandbox: Sandbox, packages: Sequence[str], kept: Path, moment: str) -> Cost:
    """Both sides in one folder, so that they write to one file system."""
    place = kept / moment
    place.mkdir()
    return Cost(
        _cpu_seconds(lambda: _on_host(packages, kept, place)),
        _cpu_seconds(lambda: _in_sandbox(sandbox, packages, kept, place)),
    )


def _on_host(packages: Sequence[str], kept: Path, place: Path) -> None:
    """As before there was a sandbox for it: uv makes the environment and fills it with copies."""
    sources, target = read_sources(), place / "host"
    env = host.environment(
        *("XDG_*", *host.NETWORK),
        UV_CACHE_DIR=str(kept / "cache"),
        UV_LINK_MODE="copy",
        UV_INDEX=" ".join(one.url for one in sources.indexes[:-1]),
        UV_DEFAULT_INDEX=sources.indexes[-1].url,
        UV_FIND_LINKS=",".join(map(str, sources.find_links)),
    )
    lines = place / "requirements.txt"
    lines.write_text("\n".join(packages) + "\n")
    venv = ("venv", "--quiet", "--no-project", "--python", str(find_python("")), str(target))
    install = ("pip", "install", "--quiet", "--compile-bytecode", "--python", str(target / "bin" / "python"))
    for words in (venv, (*install, "-r", str(lines))):
        done = host.run([uv_program(), *words], env=env, seconds=_SECONDS)
        assert done.returncode == 0, done.stderr.decode()
    close(target)


def _in_sandbox(sandbox: Sandbox, packages: Sequence[str], kept: Path, place: Path) -> None:
    """As the product does it."""

    def fill(builder: Builder) -> Filled:
        builder.install(checked(packages), from_source=False)
        return Filled()

    keep(
        place / "environments",
        "key",
        sandbox=sandbox,
        packages=kept / "packages",
        python=lambda: find_python(""),
        fill=fill,
    )


def _cpu_seconds(act: Callable[[], None]) -> float:
    """CPU of `act` and of all it starts: it is done by a process that adopts the orphans among them."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _do_and_exit(act)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise RuntimeError("what was to be measured failed: see above")
    return usage.ru_utime + usage.ru_stime


def _do_and_exit(act: Callable[[], None]) -> None:
    code = 1
    try:
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        act()
        code = 0
        while True:
            os.wait()
    except ChildProcessError:
        pass
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
