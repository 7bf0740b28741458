"""The night of three hosts, as far as it can be looked at without a network of its own."""

from pathlib import Path

import pytest

from benchmarks.hosts import network, place
from benchmarks.hosts.__main__ import _scenario, _tasks


def test_its_tasks_are_different_ones_for_models_that_the_twin_has(tmp_path: Path) -> None:
    scenario = _scenario(20.0)
    tasks = _tasks(tmp_path, 12)
    assert len({(one.task_id, one.description) for one in tasks}) == 12
    assert {one.task_type for one in tasks} == {"documentation", "refactoring", "code_generation"}
    assert {name for one in tasks for name in one.models} == {model.id for model in scenario.models}
    assert {model.latency_seconds for model in scenario.models} == {20.0}


def test_a_machine_that_cannot_play_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert network.obstacle() == "namespaces of the network need root"
    assert "redis-server" in place.obstacle()
