"""The zygote and its children, without a Prefect server: a run without an id ends at once with code 1."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from nightcrew.crew.processes import ProcessId
from nightcrew.errors import Transient
from nightcrew.worker.nursery import ENGINE, Child, Nursery
from nightcrew.worker.refusal import PRELOAD

PROJECT = Path(__file__).parents[2]

type Scenario = Callable[[Nursery], Awaitable[None]]


@asynccontextmanager
async def nursery(*modules: str, sources: Path | None = None) -> AsyncIterator[Nursery]:
    made = Nursery(modules, [sources] if sources else [])
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0.1)


async def fork(made: Nursery, cwd: Path = PROJECT, **env: str) -> Child:
    return await made.fork(env={"PATH": os.environ["PATH"], "HOME": str(cwd), **env}, cwd=cwd)


async def ended(child: Child) -> Child:
    async with asyncio.timeout(60):
        await child.ended.wait()
    return child


def zygote_of(child: Child) -> psutil.Process:
    parent = psutil.Process(child.pid).parent()
    assert parent is not None
    return parent


def test_the_zygote_logs_as_its_children_do_so_that_they_set_up_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nursery() as made:
            child = await fork(made, tmp_path, PREFECT_LOGGING_LEVEL="ERROR")
            assert zygote_of(child).environ()["PREFECT_LOGGING_LEVEL"] == "ERROR"
            await ended(child)

    asyncio.run(scenario())


def test_a_child_is_prefects_engine_and_tells_how_it_ended_and_what_it_took(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nursery() as made:
            child = await ended(await fork(made, tmp_path))
            assert child.returncode == 1  # no flow run id
            assert child.cpu_seconds is not None and 0 < child.cpu_seconds < 5

    asyncio.run(scenario())


def test_children_come_from_one_zygote(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nursery() as made:
            children = await asyncio.gather(*(_stopped(made, tmp_path) for _ in range(3)))
            assert len({zygote_of(child).pid for child in children}) == 1
            for child in children:
                os.kill(child.pid, signal.SIGKILL)
                assert (await ended(child)).returncode == -signal.SIGKILL

    asyncio.run(scenario())


def test_when_the_zygote_dies_its_child_goes_on_and_the_next_one_has_a_new_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nursery() as made:
            child = await _stopped(made, tmp_path)
            first = zygote_of(child)
            first.kill()
            await asyncio.sleep(0.3)
            assert ProcessId.of(child.pid).find() is not None
            second = await _stopped(made, tmp_path)
            assert zygote_of(second).pid != first.pid
            for one in (child, second):
                os.kill(one.pid, signal.SIGKILL)
                assert (await ended(one)).returncode == -signal.SIGKILL

    asyncio.run(scenario())


def test_children_do_not_run_yesterdays_code(tmp_path: Path) -> None:
    source = tmp_path / "flows.py"
    source.write_text("")

    async def scenario() -> None:
        async with nursery(sources=tmp_path) as made:
            before = await _stopped(made, tmp_path)
            os.utime(source, (source.stat().st_atime, source.stat().st_mtime + 10))
            after = await _stopped(made, tmp_path)
            assert zygote_of(before).pid != zygote_of(after).pid
            for one in (before, after):
                os.kill(one.pid, signal.SIGKILL)
                await ended(one)

    asyncio.run(scenario())


def test_a_child_that_is_asked_for_while_the_code_changes_is_started_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its zygote is outdated before it could fork; a child that nobody heard of would run all the same."""
    (tmp_path / "slow_to_load.py").write_text("import time\ntime.sleep(2)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def scenario() -> None:
        async with nursery("slow_to_load", sources=tmp_path) as made:
            first = asyncio.create_task(_stopped(made, tmp_path))
            await asyncio.sleep(1)
            os.utime(tmp_path / "slow_to_load.py", (0, 2_000_000_000))
            children = await asyncio.gather(first, _stopped(made, tmp_path))
            assert len({zygote_of(child).pid for child in children}) == 2
            for one in children:
                os.kill(one.pid, signal.SIGKILL)
                assert (await ended(one)).returncode == -signal.SIGKILL

    asyncio.run(scenario())


def test_a_module_that_starts_a_thread_is_refused_and_not_forked_into_a_deadlock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busy_module.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def scenario() -> None:
        async with nursery("busy_module") as made:
            with pytest.raises(Transient, match="2 threads, it must have one"):
                await fork(made, tmp_path)

    asyncio.run(scenario())


def test_a_module_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with nursery("no_such_module_here") as made:
            with pytest.raises(Transient, match="ended before it could fork"):
                await fork(made, tmp_path)

    asyncio.run(scenario())


def test_what_is_loaded_ahead_leaves_one_thread() -> None:
    code = (
        "import importlib, sys\nfrom nightcrew.worker.zygote import count_threads\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\nprint(count_threads())"
    )
    command = [sys.executable, "-c", code, *ENGINE, *PRELOAD]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "1"


async def _stopped(made: Nursery, cwd: Path) -> Child:
    """A child that is held before it can end."""
    child = await fork(made, cwd)
    os.kill(child.pid, signal.SIGSTOP)
    return child


def test_neither_the_worker_nor_its_zygote_loads_duckdb() -> None:
    """Ten megabytes each, and the ledger's facts are written without it."""
    code = f"import sys, nightcrew.worker.warm, {', '.join(PRELOAD)}; sys.exit('duckdb' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
