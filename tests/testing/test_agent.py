"""The real agent of the OpenHands SDK against the twin: the scripted tool calls fit its tools."""

import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightcrew.execution.confinement import relay
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.sandbox import WORKSPACE, Limits, Mount, base_python, open_sandbox
from nightcrew.openhands.runtime import agent_runtime, inside_mounts
from nightcrew.settings import SandboxKind, Settings
from nightcrew.testing import Twin, shipped_scenario, shipped_tasks
from tests.testing.test_demo import checkout, run_tests, solution

RELAY, SOCKET = "/run/relay.py", "/run/twin.sock"


@pytest.mark.agent
def test_real_agent_does_the_work_and_survives_a_429_in_mid_conversation(tmp_path: Path) -> None:
    task = next(entry for entry in shipped_tasks() if entry.expect.rate_limited_models).for_repo("here")
    tree = checkout(tmp_path, {})
    prompt = f"Task type: {task.task_type}\nTarget file: {task.target_file}\nTask: {task.description}"
    shipped = shipped_scenario()
    plain = tuple(fault for fault in shipped.faults if fault.kind != "form")  # no gateway repairs them here
    with Twin(shipped.model_copy(update={"faults": plain})) as twin:
        output = _drive(twin.base_url, tree, *task.models, prompt)
        calls = [(seen.turn, seen.asked, seen.status) for seen in twin.requests]
    assert "STATUS finished" in output
    assert "AgentErrorEvent" not in output
    hot, other = task.models
    assert calls[:4] == [(1, hot, 200), (2, hot, 200), (3, hot, 429), (3, other, 200)]
    assert {served for _, served, status in calls if status == 200} == {hot, other}
    for path, content in solution(task.task_id).good.items():
        assert (tree / path).read_text() == content
    assert run_tests(tree).returncode == 0


def _drive(base_url: str, tree: Path, *words: str) -> str:
    """Run the agent in the sandbox, as all that imports the SDK is run, with a way to the twin."""
    sandbox = open_sandbox(SandboxKind.BUBBLEWRAP)
    runtime = agent_runtime(Settings(), sandbox)
    host, _, rest = base_url.removeprefix("http://").partition("/")
    name, port = host.split(":")
    script = Path(__file__).with_name("drive_agent.py").read_text()
    command = [str(runtime.python), "-I", "-c", script, WORKSPACE, *words]
    tools = Environment(path=Path(sys.prefix), interpreter=base_python(), key="test")
    with _bridge(name, int(port)) as path:
        done = sandbox.run(
            [str(runtime.python), "-I", "-S", RELAY, SOCKET, *command],
            workspace=tree,
            mounts=(
                *inside_mounts(runtime),
                *tools.mounts,
                Mount(Path(relay.__file__), RELAY),
                Mount(path, SOCKET),
            ),
            env={
                "BASE_URL": f"http://127.0.0.1:{relay.PORT_MARK}/{rest}",
                "PATH": f"{tools.bin}:/usr/bin:/bin",
            },
            limits=Limits(wall_seconds=240),
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()


@contextmanager
def _bridge(host: str, port: int) -> Iterator[Path]:
    """A UNIX socket that leads to a port of this machine."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "twin.sock"
        listener.bind(str(path))
        listener.listen(16)

        def serve() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                end = socket.create_connection((host, port))
                for source, target in ((caller, end), (end, caller)):
                    threading.Thread(target=relay.pump, args=(source, target), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
