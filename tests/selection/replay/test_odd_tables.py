"""Tables that are small, poor or from elsewhere: replayed, or refused with the reason."""

import pytest

from nightcrew.errors import BadInput
from nightcrew.selection.replay.replay import replay
from nightcrew.selection.replay.report import render
from nightcrew.selection.replay.scenario import Scenario
from tests.selection.replay.test_replay import made_up, outcome


def test_one_model_at_no_price_can_be_replayed() -> None:
    rows = [outcome(task, "only", success=task % 2 == 0, cost=0.0) for task in range(12)]
    found = replay(rows, scenario=Scenario(frontier=True))
    assert {policy.cost_usd for policy in found.policies} == {0.0}
    assert render(found)


def test_a_handful_of_tasks_can_be_replayed() -> None:
    found = replay(made_up(3), scenario=Scenario(frontier=True, drift=True))
    assert found.judged_on >= 1 and render(found)


def test_models_that_appear_when_judging_begins_and_others_that_are_gone() -> None:
    train = [row for row in made_up(80) if row.model != "large"]
    judged = [
        row._replace(task_id=f"new-{row.task_id}") for row in made_up(80, seed=9) if row.model != "small"
    ]
    found = replay(judged, train, scenario=Scenario(frontier=True))
    assert len(found.policies) == 9 and found.models == 4


def test_a_table_without_any_success_has_no_cost_per_solved_task() -> None:
    rows = [row._replace(success=False) for row in made_up(20)]
    found = replay(rows, scenario=Scenario(frontier=True))
    assert {policy.cost_per_solved_usd for policy in found.policies} == {None}
    assert render(found)


def test_a_training_table_that_names_no_agent_is_taken_as_it_is() -> None:
    train = [row._replace(agent="") for row in made_up(30)]
    found = replay(made_up(30, seed=9), train, scenario=Scenario(("nightcrew",)))
    assert found.trained_on == 30


def test_training_on_another_agent_is_refused() -> None:
    train = [row._replace(agent="another") for row in made_up(30)]
    with pytest.raises(BadInput, match="no row of agent"):
        replay(made_up(30), train)


def test_models_to_hide_may_be_known_to_the_judged_table_only() -> None:
    train = [row for row in made_up(40) if row.model != "large"]
    found = replay(made_up(40, seed=9), train, scenario=Scenario(("nightcrew",), hide_models=("large",)))
    assert found.hidden_models == ("large",)
