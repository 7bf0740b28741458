"""What Prefect's forms need: plain types in the schema, and values that fit them."""

from decimal import Decimal
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.run_task import run_task
from flows.sweep_repository import sweep_repository
from flows.watch_repository import watch_repository
from nightcrew.form import form_values
from nightcrew.settings import DeliveryKind
from nightcrew.task import ExecutorName, Task, TaskType
from nightcrew.watch.terms import Watch
from nightcrew.work.sweep.terms import Sweep

PLAIN = Task(description="Round up.", repo="/srv/shop")
FULL = Task(
    description="Round up.",
    repo="/srv/shop",
    task_type=TaskType.BUG_FIX,
    target_file="src/shop.py",
    max_cost_usd=Decimal("0.20"),
    models=("a/b",),
    executor=ExecutorName.DIRECT,
    batch="july",
    batch_cost_usd=Decimal(3),
    acceptance="true",
    deliver=DeliveryKind.BRANCH,
    issue=3,
)
SWEEP = Sweep(repo="/srv/shop", budget_usd=Decimal("0.5"), deliver=DeliveryKind.BRANCH)


@pytest.mark.parametrize(
    ("flow", "name", "model"),
    [
        (run_task, "task", FULL),
        (run_task, "task", PLAIN),
        (watch_repository, "watch", Watch(repo="https://github.com/o/n", max_cost_usd=Decimal("1.5"))),
        (watch_repository, "watch", Watch(repo="https://github.com/o/n")),
        (
            sweep_repository,
            "terms",
            Sweep(repo="/srv/shop", budget_usd=Decimal("0.5"), deliver=DeliveryKind.BRANCH),
        ),
        (sweep_repository, "terms", Sweep(repo="/srv/shop")),
    ],
)
@pytest.mark.parametrize("only_set", [False, True])
def test_the_values_of_a_form_pass_prefects_check_and_come_back_as_they_were(
    flow: Any, name: str, model: Task | Watch | Sweep, only_set: bool
) -> None:
    values = form_values(model, only_set=only_set)
    validate({name: values}, parameter_schema(flow).model_dump(), raise_on_error=True)
    known = {"task_id": model.task_id} if isinstance(model, Task) else {}
    assert type(model).model_validate(values | known) == model


def test_sums_of_money_are_numbers_and_nothing_is_null() -> None:
    values = form_values(FULL)
    assert (values["max_cost_usd"], values["batch_cost_usd"]) == (0.2, 3.0)
    assert None not in form_values(PLAIN).values()


def test_prefect_refuses_what_is_no_sum() -> None:
    values = form_values(FULL) | {"max_cost_usd": "much"}
    with pytest.raises(ValidationError, match="max_cost_usd"):
        validate({"task": values}, parameter_schema(run_task).model_dump(), raise_on_error=True)


def test_a_text_that_was_emptied_again_means_that_it_was_not_entered() -> None:
    task = Task.model_validate(form_values(FULL) | {"target_file": "", "acceptance": "", "base": ""})
    assert (task.target_file, task.acceptance, task.base) == (None, None, "HEAD")
