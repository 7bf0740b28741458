"""The worker runs our flows as we run them; data in Prefect's database chooses nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from nightcrew.worker.refusal import PRELOAD, RunRequest, our_entrypoints, refusal

PROJECT = Path(__file__).parents[2]
USUAL = RunRequest(
    command=None, env={}, working_dir=PROJECT, preload=PRELOAD, entrypoint="flows.run_task.run_task"
)


def test_every_deployment_of_ours_is_run() -> None:
    assert {refusal(replace(USUAL, entrypoint=name), PROJECT) for name in our_entrypoints(PROJECT)} == {None}
    assert refusal(replace(USUAL, working_dir=None, preload=[]), PROJECT) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"command": "python -m prefect.engine"}, "command"),
        ({"command": ""}, "command"),
        ({"env": {"PYTHONPATH": "/tmp/evil"}}, "env"),
        ({"env": {"PREFECT_API_URL": None}}, "env"),
        ({"working_dir": Path("/tmp")}, "working_dir"),
        ({"preload": ["antigravity"]}, "preload"),
        ({"preload": [*PRELOAD, "antigravity"]}, "preload"),
    ],
)
def test_job_variables_choose_nothing(change: dict[str, object], named: str) -> None:
    why = refusal(replace(USUAL, **change), PROJECT)  # type: ignore[arg-type]
    assert why is not None and f"the job variables {named} decide" in why


@pytest.mark.parametrize("entrypoint", ["", "evil.py:flow", "flows/run_task.py:run_task", "flows.run_task"])
def test_no_other_flow_is_run(entrypoint: str) -> None:
    why = refusal(replace(USUAL, entrypoint=entrypoint), PROJECT)
    assert why is not None and "only Nightcrew's own flows" in why
