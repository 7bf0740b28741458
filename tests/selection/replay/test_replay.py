"""The replay on a small table made up here, and on the real one where it is at hand."""

import json
import random
from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.selection.replay.figures import PolicyResult
from nightcrew.selection.replay.outcomes import Outcome, drifted, split, table_of
from nightcrew.selection.replay.policies import three_rungs
from nightcrew.selection.replay.replay import replay
from nightcrew.selection.replay.report import ReplayResult, render
from nightcrew.selection.replay.run import records
from nightcrew.selection.replay.scenario import POLICIES, Scenario

MODELS = {"tiny": (0.02, -0.6), "small": (0.08, 0.4), "middle": (0.3, 0.9), "large": (1.0, 1.4)}
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "routing_public.parquet"


def outcome(task: int, name: str, *, success: bool, cost: float, category: str = "fix") -> Outcome:
    return Outcome("set", f"t{task}", category, "agent", name, "0", success, cost, 60.0, 1.0, 4.0, True)


def made_up(tasks: int = 150, seed: int = 3) -> list[Outcome]:
    """Tasks of differing ease; more expensive models are better; what is hard for one is hard for all."""
    dice, rows = random.Random(seed), []
    for task in range(tasks):
        ease, size = dice.gauss(0, 1.2), dice.lognormvariate(0, 0.4)
        for name, (cost, skill) in MODELS.items():
            won = skill + ease + dice.gauss(0, 1) > 0
            category = "fix" if task % 3 else "write"
            rows.append(outcome(task, name, success=won, cost=cost * size, category=category))
    return rows


def by_name(result: ReplayResult) -> dict[str, PolicyResult]:
    return {policy.policy: policy for policy in result.policies}


@pytest.fixture(scope="module")
def result() -> ReplayResult:
    return replay(made_up(300))


def test_every_policy_is_reported_in_the_promised_shape(result: ReplayResult) -> None:
    data = json.loads(json.dumps(result.to_json()))
    assert [policy["policy"] for policy in data["policies"]] == list(POLICIES)
    promised = {"policy", "solved", "cost_usd", "cost_per_solved_usd", "p95_cost_usd", "mean_seconds"}
    assert {*promised, "attempts", "ci"} == data["policies"][0].keys()
    assert result.trained_on + result.judged_on == 300


def test_the_baselines_stand_where_they_must(result: ReplayResult) -> None:
    found = by_name(result)
    assert found["oracle"].solved == max(policy.solved for policy in result.policies)
    assert found["always-cheapest"].cost_usd == min(policy.cost_usd for policy in result.policies)
    assert found["always-best"].attempts == found["always-cheapest"].attempts == 1.0
    assert found["random"].solved < found["always-best"].solved
    for policy in result.policies:
        low, high = policy.ci["solved"]
        assert low <= policy.solved <= high


def test_the_selector_solves_what_the_best_model_solves_for_much_less(result: ReplayResult) -> None:
    found = by_name(result)
    assert found["nightcrew"].solved >= found["always-best"].solved - 0.02
    assert found["nightcrew"].cost_usd < 0.6 * found["always-best"].cost_usd


def test_it_says_the_same_twice(result: ReplayResult) -> None:
    assert replay(made_up(300)) == result


def test_the_order_and_names_of_models_do_not_matter() -> None:
    renamed = [row._replace(model=f"x{hash(row.model) % 97}-{row.model[::-1]}") for row in made_up(60)]
    wanted = Scenario(policies=("always-best", "ladder-3", "oracle"))
    mine, theirs = replay(made_up(60), scenario=wanted), replay(renamed[::-1], scenario=wanted)
    assert [p.solved for p in mine.policies] == [p.solved for p in theirs.policies]


def test_it_learns_only_from_the_table_it_is_given() -> None:
    """Taught that the cheapest model always wins, always-best picks it, whatever the judged table says."""
    train = [row._replace(success=row.model == "tiny") for row in made_up(50)]
    wanted = Scenario(policies=("always-best",))
    shown = replay(made_up(80, seed=5), train, scenario=wanted)
    own = replay(made_up(80, seed=5), scenario=wanted)
    assert (shown.trained_on, shown.judged_on) == (50, 80)
    assert shown.policies[0].cost_usd < 0.1 * own.policies[0].cost_usd


def test_training_and_judging_share_no_task() -> None:
    rows = made_up(60)
    rows += [row._replace(dataset="other", category="test") for row in rows]
    taught, judged = split(table_of(rows, "agent"), seed=1)
    assert not {p.task_id for p in taught.problems} & {p.task_id for p in judged.problems}
    assert len(taught.problems) + len(judged.problems) == 120


def test_a_verdict_that_errs_costs_and_is_the_same_for_every_policy() -> None:
    wanted = Scenario(policies=("nightcrew", "ladder-3"), validator_fa=0.2, validator_fr=0.2)
    sharp, noisy = replay(made_up(200)), replay(made_up(200), scenario=wanted)
    assert by_name(noisy)["ladder-3"].solved < by_name(sharp)["ladder-3"].solved
    alone = replay(made_up(200), scenario=Scenario(("ladder-3",), validator_fa=0.2, validator_fr=0.2))
    assert by_name(alone)["ladder-3"].solved == by_name(noisy)["ladder-3"].solved


def test_under_drift_the_selector_leaves_the_static_ladder_behind() -> None:
    rows = made_up(400)
    for task in range(400):  # a second family, as good and a little more expensive, that does not drift
        won = next(r.success for r in rows if r.task_id == f"t{task}" and r.model == "large")
        rows.append(outcome(task, "spare", success=won, cost=1.1, category="fix" if task % 3 else "write"))
    found = replay(rows, scenario=Scenario(("nightcrew", "ladder-3"), drift=True))
    assert set(found.drift) <= {*MODELS, "spare"}
    assert by_name(found)["nightcrew"].solved > by_name(found)["ladder-3"].solved + 0.08


def test_drift_begins_after_a_third() -> None:
    table = table_of(made_up(90), "agent")
    worse = drifted(table, ["large"], seed=1)
    assert worse.problems[:30] == table.problems[:30]
    before, after = (records(t.problems[30:])["large"].solved for t in (table, worse))
    assert after == pytest.approx(0.4 * before, abs=0.1)


def test_hidden_models_are_unknown_to_training_and_may_still_be_used() -> None:
    found = replay(made_up(200), scenario=Scenario(("nightcrew", "always-best"), hide_models=("2",)))
    assert len(found.hidden_models) == 2
    assert by_name(found)["nightcrew"].solved > by_name(found)["always-best"].solved


def test_the_plain_ladder_runs_from_cheap_over_middling_to_best() -> None:
    rungs = three_rungs(records(table_of(made_up(300), "agent").problems))
    assert rungs[0] == "tiny"
    assert rungs[-1] == "large"
    assert len(rungs) == 3


@pytest.mark.parametrize(
    ("scenario", "output"),
    [
        (Scenario(policies=("nightcrow",)), "unknown policy nightcrow"),
        (Scenario(validator_fa=0.6), "error rates"),
        (Scenario(hide_models=("nothing-like-it",)), "hide-models"),
    ],
)
def test_what_cannot_be_replayed_is_reported(scenario: Scenario, output: str) -> None:
    with pytest.raises(BadInput, match=output):
        replay(made_up(20), scenario=scenario)


def test_an_empty_table_is_reported() -> None:
    with pytest.raises(BadInput, match="nothing can be replayed"):
        replay([])


def test_the_table_for_people_has_a_row_for_each_policy(result: ReplayResult) -> None:
    text = render(result)
    assert all(name in text for name in POLICIES)
    assert "nightcrew against always-best" in text


@pytest.mark.skipif(not REAL.exists(), reason="the table of real outcomes is not at hand")
@pytest.mark.parametrize(("rate", "most"), [(0.0, 0.22), (0.1, 0.30)])
def test_on_real_outcomes_it_keeps_the_best_models_quality_at_a_fraction_of_its_cost(
    rate: float, most: float
) -> None:
    """The mean of five splits: no more than a point below, at no more than the promised share."""
    from nightcrew.ledger.outcomes import read_outcomes

    rows, gains, shares = read_outcomes(REAL), [], []
    for seed in range(5):
        wanted = Scenario(("nightcrew", "always-best"), rate, rate, seed)
        mine, best = replay(rows, scenario=wanted).policies
        gains.append(mine.solved - best.solved)
        shares.append(mine.cost_usd / best.cost_usd)
    assert sum(gains) / 5 >= -0.01
    assert sum(shares) / 5 <= most
