"""A whole crew whose logs are JSON: every line of every process of ours can be read by a program."""

import json
from pathlib import Path

import pytest

from tests.flows.conftest import RunningCrew

pytestmark = pytest.mark.flows

FIELDS = {"time", "level", "logger", "task", "attempt", "run", "model", "pid", "event", "exception"}
OTHERS = {"postgres.log"}  # PostgreSQL has its own form


def records(path: Path) -> list[dict[str, object]]:
    read = [json.loads(line) for line in path.read_text().splitlines()]
    wrong = [one for one in read if one.keys() != FIELDS]
    assert not wrong, (path.name, wrong)
    return read


def test_every_line_of_every_process_is_an_object_with_the_fields(crew: RunningCrew) -> None:
    ended = crew.ended(crew.submit("Say what price does; in JSON.").task_id)
    crew.run(ended)
    logs = sorted(crew.settings.logs_dir.glob("*.log"))
    found = {path.name: records(path) for path in logs if path.name not in OTHERS}
    assert found.keys() >= {"bootstrap.log", "server.log", "worker.log"}
    assert [one for one in found["bootstrap.log"] if "created work pool" in str(one["event"])]
    assert [one for one in found["worker.log"] if "started!" in str(one["event"])], "what Prefect prints"
    own = [one for one in found["worker.log"] if one["task"] == ended.task_id]
    assert {one["run"] for one in own} == {ended.flow_run_id}
    assert {one["model"] for one in own if one["attempt"]} == {"twin/capable"}
    verdict = next(one for one in own if str(one["event"]).startswith("verdict"))
    assert (verdict["attempt"], verdict["level"]) == (f"{ended.task_id}:1", "info")
