"""The client alone, in the sandbox, watched: what it asks the network for, what it says to a bad brief."""

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from nightcrew.execution.confinement.mount import RESULTS_VARIABLE
from nightcrew.execution.sandbox import Limits, Mount, Results, open_sandbox
from nightcrew.openhands.forks import CLIENT
from nightcrew.openhands.inside.protocol import SOCKET, STATE, Brief, Exit, read_result
from nightcrew.openhands.runtime import agent_runtime, inside_mounts
from nightcrew.settings import SandboxKind, Settings
from tests.openhands.scripted_door import TOKEN, ScriptedDoor, call, finish

WATCHED = """
import sys
def watch(event, arguments):
    if event == "socket.getaddrinfo":
        print("ASKED", arguments[0], file=sys.__stderr__)
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        print("ASKED", address if isinstance(address, str) else address[0], file=sys.__stderr__)
sys.addaudithook(watch)
from nightcrew.openhands.inside.client import main
main(sys.argv[1:])
"""


def test_a_brief_that_cannot_be_read_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with Results() as results:
        done = subprocess.run(
            [sys.executable, "-I", "-m", CLIENT, "/nowhere.sock", str(tmp_path)],
            input=b'{"token": "secret-token"}',
            capture_output=True,
            cwd=tmp_path,
            env={RESULTS_VARIABLE: str(results.mount.source)},
        )
    assert done.returncode == Exit.CONFIG
    assert b"brief" in done.stderr
    assert b"secret-token" not in done.stderr
    assert done.stdout == b""


def test_a_client_whose_results_nobody_reads_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", CLIENT, "/nowhere.sock", str(tmp_path)],
        input=b"{}",
        capture_output=True,
        env={},
    )
    assert done.returncode == Exit.CONFIG
    assert b"there is no channel for results" in done.stderr


@pytest.mark.agent
def test_loading_and_running_the_sdk_asks_for_nothing_but_the_gateway(tmp_path: Path) -> None:
    workspace, state_dir = tmp_path / "workspace", tmp_path / "state"
    workspace.mkdir()
    state_dir.mkdir()
    brief = Brief(
        conversation_id=str(uuid.uuid4()),
        prompt="Task: nothing",
        model="scripted/model",
        token=TOKEN,
        max_iterations=5,
        wall_seconds=60,
        call_seconds=30,
    )
    sandbox = open_sandbox(SandboxKind.BUBBLEWRAP)
    runtime = agent_runtime(Settings(), sandbox)
    with ScriptedDoor(call("terminal", {"command": "true"}), finish()) as door, Results() as results:
        completed = sandbox.run(
            [str(runtime.python), "-I", "-c", WATCHED, SOCKET, STATE],
            workspace=workspace,
            mounts=(
                *inside_mounts(runtime),
                Mount(door.socket_path, SOCKET),
                Mount(state_dir, STATE, writable=True),
            ),
            stdin=brief.model_dump_json().encode(),
            limits=Limits(wall_seconds=90),
            results=results,
        )
    found = results.content.decode()
    result = read_result(found)
    assert result is not None
    assert result.finish_called, completed.stderr.decode()
    asked = {line.split()[1] for line in completed.stderr.decode().splitlines() if line.startswith("ASKED")}
    assert asked == {"127.0.0.1", SOCKET, results.env[RESULTS_VARIABLE]}
    events = [json.loads(line) for line in found.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events] == ["action", "observation", "action", "observation"]
