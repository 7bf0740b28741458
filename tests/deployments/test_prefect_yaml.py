"""The deployments that prefect.yaml promises, read as data."""

import importlib
import json
from pathlib import Path
from typing import Any

import prefect
import pytest
import yaml
from prefect import Flow
from prefect.utilities.callables import parameter_schema

from flows.review import ReviewForm
from nightcrew.crew.dispatch import POOL
from nightcrew.task import TaskPriority

FILE = Path(__file__).parents[2] / "prefect.yaml"
PROMISED = yaml.safe_load(FILE.read_text())
DEPLOYMENTS: list[dict[str, Any]] = PROMISED["deployments"]


def test_run_task_is_deployed_once_for_each_priority_on_its_own_queue() -> None:
    queues = {
        one["name"]: one["work_pool"]["work_queue_name"]
        for one in DEPLOYMENTS
        if "run_task" in one["entrypoint"]
    }
    assert queues == {str(priority): str(priority) for priority in TaskPriority}


@pytest.mark.parametrize("entrypoint", sorted({one["entrypoint"] for one in DEPLOYMENTS}))
def test_an_entrypoint_is_a_module_and_its_flow(entrypoint: str) -> None:
    module, _, name = entrypoint.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, Flow)
    assert found.isasync  # a sync flow holds its process up to a second at its end


@pytest.mark.parametrize("entrypoint", sorted({one["entrypoint"] for one in DEPLOYMENTS}))
def test_each_field_of_a_form_has_one_plain_type_and_its_place(entrypoint: str) -> None:
    module, _, name = entrypoint.rpartition(".")
    schema = parameter_schema(getattr(importlib.import_module(module), name)).model_dump()
    written = json.dumps(schema)
    for choice in ("anyOf", "oneOf", '"null"', "null"):  # 'Property is type "None"' in Prefect's form
        assert choice not in written, (choice, written)
    for kind in schema["definitions"].values():
        fields = kind.get("properties", {}).values()
        assert [field["position"] for field in fields] == list(range(len(fields)))
        assert all(field.get("type") or field.get("$ref") for field in fields)


def test_the_form_of_a_person_has_plain_fields_too() -> None:
    fields = ReviewForm.model_json_schema()["properties"]
    assert {name: field.get("type", "choice") for name, field in fields.items()} == {
        **dict.fromkeys(("reason", "hint", "model"), "string"),
        "choice": "choice",
    }


def test_every_deployment_waits_in_the_crews_pool_and_says_what_it_is_for() -> None:
    assert {one["work_pool"]["name"] for one in DEPLOYMENTS} == {POOL}
    assert all(one["description"] for one in DEPLOYMENTS)


def test_the_upkeep_has_its_hours() -> None:
    crons = {
        one["entrypoint"].split(".")[1]: one["schedules"][0]["cron"]
        for one in DEPLOYMENTS
        if "schedules" in one
    }
    assert crons.keys() == {"refresh_models", "sync_ledger", "report_costs", "send_digest"}


def test_the_file_names_the_prefect_that_is_installed() -> None:
    assert PROMISED["prefect-version"] == prefect.__version__
