"""The real agent of the OpenHands SDK against the twin: the scripted tool calls fit its tools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.testing import Twin, shipped_scenario, shipped_tasks
from tests.testing.test_demo import checkout, run_tests, solution


@pytest.mark.agent
def test_real_agent_does_the_work_and_survives_a_429_in_mid_conversation(tmp_path: Path) -> None:
    task = next(entry for entry in shipped_tasks() if entry.expect.rate_limited_models).for_repo("here")
    tree = checkout(tmp_path, {})
    prompt = f"Task type: {task.task_type}\nTarget file: {task.target_file}\nTask: {task.description}"
    with Twin(shipped_scenario()) as twin:
        output = _drive(twin.base_url, str(tree), *task.models, prompt)
        calls = [(seen.turn, seen.asked, seen.status) for seen in twin.requests]
    assert "STATUS finished" in output
    assert "AgentErrorEvent" not in output
    hot, other = task.models
    assert calls[:4] == [(1, hot, 200), (2, hot, 200), (3, hot, 429), (3, other, 200)]
    assert {served for _, served, status in calls if status == 200} == {hot, other}
    for path, content in solution(task.task_id).good.items():
        assert (tree / path).read_text() == content
    assert run_tests(tree).returncode == 0


def _drive(*arguments: str) -> str:
    """Run the agent in a process of its own, in an environment that holds nothing of ours."""
    home = Path(arguments[1]).parent / "home"
    home.mkdir()
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
    }
    script = Path(__file__).with_name("drive_agent.py")
    command = [sys.executable, str(script), *arguments]
    result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
