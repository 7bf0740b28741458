"""Runs that are forked from a process with pytest loaded: to the tests they are runs that were started."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.sandbox import Mount, Sandbox
from nightcrew.task import TaskType
from nightcrew.validation.loaded.forks import FORKS, Keepers, forked_runs
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from nightcrew.validation.running.runs import Blind, run_blind
from tests.validation.house import House

FACTS = """
import gc, json, locale, os, random, resource, signal, stat, sys, threading, time
main, SHELL = sys.modules["__main__"], {"PWD", "OLDPWD", "SHLVL", "_"}
facts = {
    "flags": list(sys.flags), "path": sys.path, "executable": sys.executable, "prefix": sys.prefix,
    "argv": sys.argv[1:], "folder": os.getcwd(), "home": os.path.expanduser("~"),
    "environment": {name: os.environ[name] for name in os.environ if name not in SHELL},
    "hash": hash("a word"), "user": [os.getuid(), os.getgid(), os.getgroups()], "zone": time.tzname,
    "locale": locale.setlocale(locale.LC_ALL), "encoding": sys.stdout.encoding,
    "main": [main.__name__, main.__spec__.name, main.__file__], "threads": threading.active_count(),
    "writes byte code": not sys.dont_write_bytecode, "mask": os.umask(0o22),
    "descriptors": len(os.listdir("/proc/self/fd")),
    "root": [one for one in sorted(os.listdir("/")) if one[0] != "."],
    "opt": sorted(os.listdir("/opt")) if os.path.isdir("/opt") else [],
    "hooks": [repr(type(one)) for one in sys.meta_path],
    "ours": [one for one in sys.modules if "nightcrew" in one],
    "streams": [stat.S_IFMT(os.fstat(number).st_mode) for number in (0, 1, 2)],
    "niceness": os.nice(0), "limits": [resource.getrlimit(one) for one in range(9)],
    "signals": [str(signal.getsignal(one)) for one in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE)],
    "status": [line for line in open("/proc/self/status") if line.startswith(("Cap", "NoNew"))],
    "collects": [gc.isenabled(), gc.get_threshold()],
}
open("/workspace/facts.json", "w").write(json.dumps(facts, default=str))
open("/workspace/chance", "w").write(str(random.random()))

def test_nothing():
    pass
"""


@contextmanager
def opened(house: House, files: Mapping[str, str | None]) -> Iterator[CleanRoom]:
    """A room for a change of these files."""
    task, patch = house.task(TaskType.UNIT_TEST, "src/shop/prices.py"), house.patch(files)
    with (
        base_checkout(task.repo, house.commit, house.settings) as base,
        open_room(task, patch, base, settings=house.settings, sandbox=house.sandbox) as room,
    ):
        yield room


def outcome(house: House, text: str, **files: str) -> Blind:
    """Of a test file in a blind run."""
    with opened(house, {"tests/test_it.py": text, **files}) as room:
        assert forked_runs(room.forks, room.environment, room.environment_variables(1))
        return run_blind(room, ["tests/test_it.py"], replaced={}, hash_seed=1)


def facts_of(room: CleanRoom, folder: Path, sandbox: Sandbox, argv: Sequence[str]) -> dict[str, object]:
    """What a test sees, when pytest runs it with these words."""
    folder.mkdir()
    shutil.copytree(room.patched, folder / "tree")
    env = {**room.environment_variables(1), "TZ": "Asia/Tokyo", "HOME": "/tmp/dev"}
    done = sandbox.run(
        [*argv, "-q", "-p", "no:cacheprovider", "tests/test_facts.py"],
        workspace=folder,
        mounts=room.mounts(room.patched),
        env=env,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads((folder / "facts.json").read_text())
    return found


def test_a_test_sees_what_it_sees_in_a_run_that_was_started(house: House, tmp_path: Path) -> None:
    with opened(house, {"tests/test_facts.py": FACTS}) as room:
        forks = forked_runs(room.forks, room.environment, room.environment_variables(1))
        assert forks is not None
        words = ["plain", "/tmp/dev", "/workspace/tree"]
        forked = facts_of(room, tmp_path / "forked", forks, words)
        facts_of(room, tmp_path / "again", forks, words)
        shell = 'mkdir -p /tmp/dev/.config /tmp/dev/.cache; cd /workspace/tree; exec "$@" >/dev/null 2>&1'
        python = str(room.environment.python)
        argv = ["/bin/sh", "-c", shell, "sh", python, "-m", "pytest"]
        started = facts_of(room, tmp_path / "started", room.sandbox, argv)
    assert forked == started
    assert started["ours"] == []
    chances = {(tmp_path / name / "chance").read_text() for name in ("forked", "again", "started")}
    assert len(chances) == 3


def test_the_exit_code_is_that_of_the_tests(house: House) -> None:
    assert outcome(house, "def test_it(): pass") is Blind.PASSED
    assert outcome(house, "def test_it(): assert 0") is Blind.FAILED
    assert outcome(house, "number = 1") is Blind.BROKEN
    assert outcome(house, "import os\ndef test_it(): os._exit(0)\nos._exit(3)") is Blind.BROKEN
    late = "import atexit, os\natexit.register(os._exit, 1)\ndef test_it(): pass"
    assert outcome(house, late) is Blind.FAILED


def test_a_module_of_the_repository_comes_before_one_that_is_loaded(house: House) -> None:
    text = "import iniconfig\ndef test_it(): assert iniconfig.OWN"
    assert (
        outcome(
            house, text, **{"src/iniconfig.py": "OWN = ParseError = IniConfig = SectionWrapper = Exception\n"}
        )
        is Blind.PASSED
    )
    text = "import sys\ndef test_it(): assert sys.OWN"
    assert outcome(house, text, **{"src/sitecustomize.py": "import sys\nsys.OWN = 1\n"}) is Blind.PASSED


def test_what_python_reads_when_it_starts_is_not_forked(house: House) -> None:
    with opened(house, {"tests/test_it.py": "x = 1"}) as room:
        env = room.environment_variables(1)
        assert forked_runs(room.forks, room.environment, {**env, "LC_ALL": "C.UTF-8", "CI": "1"})
        for name, value in (("PYTHONOPTIMIZE", "1"), ("LC_ALL", "C"), ("LD_PRELOAD", "x")):
            assert forked_runs(room.forks, room.environment, {**env, name: value}) is None
        other = replace(room.environment, interpreter=Path("/usr/bin/python3.9"))
        assert forked_runs(room.forks, other, env) is None
        assert forked_runs(None, room.environment, env) is None


def test_each_environment_seed_and_rig_has_a_process_of_its_own(house: House, tmp_path: Path) -> None:
    rig = [Mount(tmp_path, "/opt/nightcrew/nightcrew_rig")]
    with Keepers() as keepers, opened(house, {"tests/test_it.py": "x = 1"}) as room:
        asked = [
            forked_runs(keepers.path, room.environment, {"PYTHONHASHSEED": seed}, mounts)
            for seed, mounts in (("0", ()), ("1", ()), ("0", rig), ("1", ()))
        ]
        paths = [one._path for one in asked if one is not None]
    assert len(paths) == 4
    assert len(set(paths)) == 3
    assert paths[1] == paths[3]
    assert not any(path.exists() for path in paths)


def test_without_the_keeper_a_run_starts_pytest_itself(house: House) -> None:
    with opened(house, {"tests/test_it.py": "def test_it(): pass"}) as room:
        room.forks = Path("/nowhere")
        assert run_blind(room, ["tests/test_it.py"], replaced={}, hash_seed=1) is Blind.PASSED


def test_a_room_that_no_worker_serves_has_processes_of_its_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FORKS)
    before = psutil.Process().children()
    assert outcome(house, "def test_it(): pass") is Blind.PASSED
    assert psutil.Process().children() == before
