"""The frontier: settings of the selector beside plain ladders, each beaten or not by the other kind."""

import json

import pytest

from nightcrew.selection.replay.frontier import QUALITIES, Frontier, frontier_of, good_ladders
from nightcrew.selection.replay.outcomes import table_of
from nightcrew.selection.replay.policies import three_rungs
from nightcrew.selection.replay.replay import replay
from nightcrew.selection.replay.report import render
from nightcrew.selection.replay.run import Score, records
from nightcrew.selection.replay.scenario import Scenario
from tests.selection.replay.test_replay import made_up


def scores(solved: int, cost: float, tasks: int = 10) -> list[Score]:
    return [Score(number < solved, cost, 1.0, 1) for number in range(tasks)]


def test_a_ladder_that_costs_more_for_less_is_beaten_and_says_by_what() -> None:
    found = frontier_of({0.7: scores(8, 0.2)}, {("a", "b", "c"): scores(7, 0.5)}, seed=0)
    assert found.ladders[0].beaten_by == "quality 0.7"
    assert found.nightcrew[0].beaten_by == ""


@pytest.mark.parametrize("ladder", [scores(7, 0.1), scores(9, 0.3)])
def test_a_cheaper_or_a_better_ladder_is_not_beaten(ladder: list[Score]) -> None:
    found = frontier_of({0.7: scores(8, 0.2)}, {("a", "b", "c"): ladder}, seed=0)
    assert found.ladders[0].beaten_by == ""


def test_a_setting_that_a_ladder_beats_is_reported() -> None:
    found = frontier_of({0.7: scores(8, 0.2), 0.9: scores(8, 0.6)}, {("a",): scores(9, 0.5)}, seed=0)
    assert [setting.beaten_by for setting in found.nightcrew] == ["", "a"]
    assert found.against_ladder[1].solved_difference == pytest.approx(-0.1)
    assert found.against_ladder[1].cost_ratio == pytest.approx(1.2)


def test_ladders_are_picked_that_no_other_beats_where_they_were_picked() -> None:
    problems = table_of(made_up(200), "agent").problems
    ladders = good_ladders(problems)
    assert ladders[0] == three_rungs(records(problems))
    assert len(ladders) == len(set(ladders)) > 1
    assert all(len(rungs) == 3 for rungs in ladders)


def test_two_models_make_a_ladder_of_two() -> None:
    rows = [row for row in made_up(60) if row.model in {"tiny", "large"}]
    assert good_ladders(table_of(rows, "agent").problems) == [("tiny", "large")]


def test_the_replay_shows_the_frontier_where_both_kinds_are_asked_for() -> None:
    rows = made_up(150)
    both = replay(rows, scenario=Scenario(("nightcrew", "ladder-3"), frontier=True))
    assert isinstance(both.frontier, Frontier)
    names = [setting.name for setting in both.frontier.nightcrew]
    assert "quality 0.7" in names and len(names) == len(QUALITIES)
    asked = next(s for s in both.frontier.nightcrew if s.name == "quality 0.7")
    assert (asked.solved, asked.cost_usd) == (both.policies[0].solved, both.policies[0].cost_usd)
    assert json.loads(json.dumps(both.to_json()))["frontier"]["ladders"]
    assert "The frontier" in render(both)
    assert replay(rows, scenario=Scenario(("nightcrew",), frontier=True)).frontier is None
