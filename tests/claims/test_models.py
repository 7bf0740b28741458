"""The original's claim: "model selector". There the chosen id was never passed to the agent."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.memory import Memory
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import Requirements
from nightcrew.task import Complexity, ExecutorName, Task, TaskType
from tests.claims.conftest import Five
from tests.claims.line import Line


def test_the_chosen_model_is_the_one_that_was_called(five: Five, line: Line) -> None:
    for work in five.works:
        (decision,) = line.query("select model from decisions where task_id = ?", work.task.task_id)
        calls = line.query(
            "select distinct asked_model, served_model from model_calls where task_id = ?", work.task.task_id
        )
        chosen = decision["model"]
        assert calls == [{"asked_model": chosen, "served_model": chosen}]
    assert set(five.asked) == {chosen}


def test_without_a_wish_the_selector_chooses_and_the_twin_sees_its_choice(line: Line) -> None:
    before = len(line.twin.requests)
    work = line.do(task_type="analysis", target_file="stock.py", description="Look at stock.py.", models=[])
    first = line.query(
        "select model from decisions where task_id = ? order by number limit 1", work.task.task_id
    )
    assert line.twin.requests[before].asked == first[0]["model"]


def test_the_context_that_a_task_needs_is_measured_in_its_repository(five: Five, line: Line) -> None:
    for work in five.works:
        (decision,) = line.query("select explanation from decisions where task_id = ?", work.task.task_id)
        why = decision["explanation"]
        assert "tokens of context, " in why and "measured from " in why and work.queued.commit[:12] in why


@pytest.mark.parametrize("task_type", TaskType)
def test_every_type_of_task_gets_a_plan_build_script_too(task_type: TaskType) -> None:
    assert plan(task_type=task_type).rungs


def test_complexity_has_an_effect() -> None:
    simple, hard = (plan(complexity=level).rungs[0] for level in (Complexity.SIMPLE, Complexity.COMPLEX))
    assert (simple.success, simple.cost_usd) != (hard.success, hard.cost_usd)
    assert simple.success > hard.success and simple.cost_usd < hard.cost_usd


def test_cost_has_an_effect() -> None:
    costly, cheap = model("a/costly", "0.00002"), model("a/cheap", "0.0000002")
    assert plan(costly, cheap).rungs[0].model == "a/cheap"
    assert plan(model("a/costly", "0.0000002"), model("a/cheap", "0.00002")).rungs[0].model == "a/costly"


def test_what_a_task_may_cost_has_an_effect() -> None:
    costly = model("a/costly", "0.02")
    assert not plan(costly, budget_usd=Decimal("0.01")).rungs
    assert plan(costly, model("a/cheap", "0.0000002"), budget_usd=Decimal("0.05")).rungs[0].model == "a/cheap"


@pytest.mark.parametrize("word", ["refactor", "document", "generate", "analyze", "UNIT_TEST", "", "code"])
def test_an_unknown_type_of_task_is_refused_and_not_taken_for_code_generation(word: str) -> None:
    with pytest.raises(ValidationError, match="task_type"):
        Task.model_validate({"description": "do it", "repo": "r", "task_type": word})


def model(name: str, price: str = "0.000001") -> Candidate:
    return Candidate(
        model=name,
        slug=name,
        name=name,
        context_tokens=128_000,
        max_output_tokens=None,
        input_price_usd=Decimal(price),
        output_price_usd=Decimal(price) * 4,
        tools=True,
        free=False,
        expires_on=None,
        coding_index=40.0,
        provider="a",
    )


def plan(*models: Candidate, task_type: str = "unit_test", **needs: object) -> Plan:
    given = {"today": date(2026, 11, 23), "executors": (ExecutorName.DIRECT,), **needs}
    requirements = Requirements(task_type=task_type, **given)  # type: ignore[arg-type]
    return ModelSelector().plan(requirements, models or (model("a/one"),), Memory(), Availability())
