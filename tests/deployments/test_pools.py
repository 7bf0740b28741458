"""The job templates for Prefect's docker and kubernetes pools, read by Prefect's own code.

What a worker makes of them is looked at where `prefect-docker` and `prefect-kubernetes` are installed.
They are no dependencies, because every worker of Prefect would load them.
"""

import asyncio
import json
import uuid
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.schema_tools import validate
from prefect.workers.base import BaseJobConfiguration

from nightcrew.crew.environment import project_root
from nightcrew.worker.refusal import our_entrypoints

FOLDER = Path(__file__).parents[2] / "deployments" / "pools"
WORKERS = {
    "docker": ("prefect_docker.worker", "DockerWorker"),
    "kubernetes": ("prefect_kubernetes.worker", "KubernetesWorker"),
}
EACH = pytest.mark.parametrize("kind", sorted(WORKERS))


def template(kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return content


def defaults(kind: str) -> dict[str, Any]:
    properties = template(kind)["variables"]["properties"]
    return {name: one["default"] for name, one in properties.items() if one.get("default") is not None}


def worker_class(kind: str) -> Any:
    module, name = WORKERS[kind]
    if find_spec(module.partition(".")[0]) is None:
        pytest.skip(f"prefect-{kind} is not installed")
    return getattr(import_module(module), name)


@EACH
def test_a_pool_can_be_created_with_it(kind: str) -> None:
    WorkPoolCreate(name="nodes", type=kind, base_job_template=template(kind))
    validate(defaults(kind), template(kind)["variables"], raise_on_error=True)


@EACH
def test_it_runs_our_flow_in_our_image_without_a_secret(kind: str) -> None:
    values = defaults(kind)
    assert values["env"]["PREFECT__FLOW_ENTRYPOINT"] in our_entrypoints(project_root())
    assert (values["command"], values["image"]) == ("python -m prefect.engine", "localhost/nightcrew:latest")
    from_elsewhere = {name: value for name, value in values["env"].items() if not name.startswith("PREFECT")}
    assert all(value.startswith("{{ prefect.") for value in from_elsewhere.values())


@EACH
def test_it_has_all_variables_of_the_workers_own_template(kind: str) -> None:
    own = worker_class(kind).get_default_base_job_template()
    ours = template(kind)
    assert ours["variables"]["properties"].keys() == own["variables"]["properties"].keys()
    assert ours["job_configuration"].keys() == own["job_configuration"].keys()


@EACH
def test_the_worker_makes_a_job_of_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = worker_class(kind)
    known = template(kind)
    known["variables"]["properties"]["env"]["default"] = {
        "PREFECT__FLOW_ENTRYPOINT": "flows.run_task.run_task"
    }
    configuration: type[BaseJobConfiguration] = worker.job_configuration
    client: Any = None  # nothing of it has to be looked up
    job: Any = asyncio.run(configuration.from_template_and_values(known, {}, client=client))
    job.prepare_for_flow_run(FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4(), name="t-1"))
    assert job.env["PREFECT__FLOW_ENTRYPOINT"] == "flows.run_task.run_task"
    if kind == "docker":
        assert job.container_create_kwargs["init"] and "seccomp=unconfined" in str(
            job.container_create_kwargs
        )
        return
    pod = job.job_manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["python", "-m", "prefect.engine"]
    assert container["envFrom"] == [{"secretRef": {"name": "nightcrew"}}]
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
