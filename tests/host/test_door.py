"""Programs on the host: what they are given, how they are bounded, and that nothing of them stays."""

import os
import resource
import sys
import time
from pathlib import Path

import psutil
import pytest

from nightcrew import host
from nightcrew.errors import BadInput

DETACHED = """
import os, subprocess, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen(["sleep", "61.5"], close_fds=True, start_new_session=True)
        os.execvp("sleep", ["sleep", "61.5"])
    os._exit(0)
os.wait()
"""


def sleepers(seconds: str) -> list[int]:
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", seconds]]


def shell(text: str, **bounds: float) -> host.Ended:
    return host.run(["sh", "-c", text], env=host.environment(), **{"seconds": 20, **bounds})  # type: ignore[arg-type]


def test_what_a_program_says_comes_back() -> None:
    ended = shell("cat; echo wrong >&2; exit 3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"", b"wrong\n")


def test_input_of_any_size_goes_in_while_output_comes_out() -> None:
    content = os.urandom(3_000_000)
    assert host.run(["cat"], env={}, seconds=20, stdin=content).stdout == content
    assert host.run(["true"], env={}, seconds=20, stdin=content).returncode == 0  # nobody reads it


def test_a_program_that_a_signal_ends_says_which() -> None:
    assert shell("kill -TERM $$").returncode == 128 + 15


def test_a_program_that_is_not_there_is_bad_input() -> None:
    with pytest.raises(BadInput, match="no-such-program is not installed"):
        host.run(["no-such-program"], env=host.environment(), seconds=5)


def test_the_time_of_a_program_is_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(host.Overtime, match="sh did not end in 1 s"):
        shell("sleep 61.25 & wait", seconds=1)
    assert time.monotonic() - began < 20
    assert not sleepers("61.25")


def test_the_output_of_a_program_is_bounded_and_ends_it() -> None:
    with pytest.raises(host.Overflow, match="more than 100000 bytes"):
        shell("yes", output_bytes=100_000)
    assert len(shell("head -c 100000 /dev/zero", output_bytes=100_000).stdout) == 100_000


def test_the_memory_of_a_program_is_bounded() -> None:
    look = [sys.executable, "-c", "import time; time.sleep(0.2); kept = bytearray(512 * 2**20)"]
    ended = host.run(look, env={}, seconds=20, limits={resource.RLIMIT_DATA: 128 * 2**20})
    assert b"MemoryError" in ended.stderr


def test_what_left_the_session_is_ended_too_and_holds_nobody_up() -> None:
    began = time.monotonic()
    ended = host.run([sys.executable, "-c", DETACHED], env=host.environment(), seconds=40)
    assert ended.returncode == 0
    assert time.monotonic() - began < 30
    assert not sleepers("61.5")


def test_nobody_elses_process_is_ended() -> None:
    bystander = host.start(["sleep", "61.75"], env={})
    try:
        shell("setsid sleep 0.01 &")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_the_environment_is_the_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-canary")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("UV_INDEX_URL", "https://index.example")
    seen = host.run(["env"], env=host.environment("UV_*", GREETING="hello"), seconds=5).stdout.decode()
    assert "GREETING=hello" in seen
    assert "UV_INDEX_URL=https://index.example" in seen
    assert not [name for name in ("OPENROUTER_API_KEY", "LD_PRELOAD") if name in seen]


def test_the_folder_is_nobodys() -> None:
    assert shell("pwd").stdout == b"/\n"


def test_the_current_folder_chooses_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\necho from the folder\n")
    (tmp_path / "git").chmod(0o755)
    for path in (f".:{os.environ['PATH']}", f":{os.environ['PATH']}", f"{os.environ['PATH']}:", "bin:."):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", path)
        ended = host.run(["git", "--version"], env=host.environment(), folder=tmp_path, seconds=5)
        assert ended.stdout.startswith(b"git version")
    with pytest.raises(BadInput, match="not installed"):
        host.run(["git", "--version"], env={"PATH": "."}, folder=tmp_path, seconds=5)


@pytest.mark.parametrize("module", ["json", "sitecustomize", "usercustomize", "encodings", "nightcrew"])
def test_python_takes_no_module_from_the_folder_or_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    proof = tmp_path / "ran"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in (tmp_path, tmp_path / "home" / ".local" / "lib" / version / "site-packages"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{module}.py").write_text(f"open({str(proof)!r}, 'w')\n")
    for name, value in {"PYTHONPATH": ".", "PYTHONHOME": str(tmp_path), "PYTHONSTARTUP": "json.py"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    env = host.environment("PYTHON*", HOME=str(tmp_path / "home"))
    ended = host.run(host.python("json.tool"), env=env, folder=tmp_path, stdin=b"[1]", seconds=30)
    assert ended.stdout.split() == [b"[", b"1", b"]"], ended.stderr
    assert not proof.exists()


def test_what_a_program_writes_is_for_its_owner_only(tmp_path: Path) -> None:
    host.run(["touch", "private"], env=host.environment(), folder=tmp_path, seconds=5)
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0
