"""The ladder at a fixed worth of a solved task: what cheaper and better arms do to it."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.selection.arms import Arm
from nightcrew.selection.beliefs import Gaussian, Rates, phi
from nightcrew.selection.planner import NODE_WEIGHTS, NODES, Ease, Ladder, Limits, best_ladder, shortlist
from nightcrew.selection.success_model import EASE
from tests.selection.house import model

NO_LIMITS = Limits(rungs=3, budget_usd=math.inf, seconds=math.inf)
SHARP = Rates()


def arm(name: str, mean: float, price: float) -> Arm:
    chance = phi(mean / math.sqrt(1.1 + EASE.variance))
    return Arm("openhands", model(name), Gaussian(mean, 0.1), price, price, 60.0, 20.0, chance, chance)


ARMS = st.lists(st.tuples(st.floats(-2.0, 3.0), st.floats(0.01, 1.0)), min_size=1, max_size=6).map(
    lambda pairs: [arm(f"m{n}", mean, price) for n, (mean, price) in enumerate(pairs)]
)


def ladder(arms: list[Arm], value: float = 1.0, rates: Rates = SHARP, limits: Limits = NO_LIMITS) -> Ladder:
    return best_ladder(arms, Ease(), value, rates, limits)


def test_the_grid_integrates_like_a_normal_distribution() -> None:
    assert math.sumprod(NODE_WEIGHTS, [1.0] * 9) == pytest.approx(1.0)
    assert math.sumprod(NODE_WEIGHTS, NODES) == pytest.approx(0.0)
    assert math.sumprod(NODE_WEIGHTS, [node**2 for node in NODES]) == pytest.approx(1.0)


MISSED = 0.02  # the share of the best ladder's worth that the search may miss, because it does not try all


@settings(max_examples=60, deadline=None)
@given(ARMS)
def test_it_comes_close_to_the_best_of_all_ladders(arms: list[Arm]) -> None:
    """Against every ladder there is, tried one by one."""
    best = 0.0
    for length in range(1, 4):
        for order in itertools.permutations(arms, length):
            best = max(best, _worth_in_order(list(order)))
    assert ladder(arms).worth_usd >= 0.97 * best - 1e-9


@settings(max_examples=80, deadline=None)
@given(ARMS, st.data())
def test_a_cheaper_arm_never_lowers_the_worth_nor_leaves_the_first_rung(
    arms: list[Arm], data: st.DataObject
) -> None:
    before = ladder(arms)
    place = data.draw(st.integers(0, len(arms) - 1))
    share = data.draw(st.floats(0.1, 1.0))
    cheaper = arms[place]._replace(
        price_usd=arms[place].price_usd * share, cost_usd=arms[place].cost_usd * share
    )
    after = ladder([*arms[:place], cheaper, *arms[place + 1 :]])
    assert after.worth_usd >= before.worth_usd - MISSED * abs(before.worth_usd) - 1e-9
    if before.arms and before.arms[0] is arms[place]:
        assert after.arms[0].candidate.model == cheaper.candidate.model


@settings(max_examples=80, deadline=None)
@given(ARMS, st.data())
def test_a_better_arm_never_lowers_the_worth(arms: list[Arm], data: st.DataObject) -> None:
    before = ladder(arms)
    place = data.draw(st.integers(0, len(arms) - 1))
    gain = data.draw(st.floats(0.0, 2.0))
    better = arm(f"m{place}", arms[place].score[0] + gain, arms[place].price_usd)
    after = ladder([*arms[:place], better, *arms[place + 1 :]])
    assert after.worth_usd >= before.worth_usd - MISSED * abs(before.worth_usd) - 1e-9


@settings(max_examples=60, deadline=None)
@given(ARMS, st.floats(0.0, 1.5), st.floats(0.0, 300.0))
def test_no_ladder_exceeds_its_limits(arms: list[Arm], budget: float, seconds: float) -> None:
    found = ladder(arms, limits=Limits(rungs=2, budget_usd=budget, seconds=seconds))
    assert len(found.arms) <= 2
    assert sum(a.cost_usd for a in found.arms) <= budget
    assert sum(a.seconds for a in found.arms) <= seconds


def test_the_cheaper_of_two_equals_goes_first() -> None:
    found = ladder([arm("dear", 0.5, 0.2), arm("cheap", 0.5, 0.1)])
    assert [step.candidate.model for step in found.arms] == ["cheap", "dear"]


def test_nothing_is_planned_where_nothing_is_worth_its_price() -> None:
    assert ladder([arm("a", -2.0, 5.0)]).arms == ()


def test_a_verdict_that_accepts_wrong_work_makes_weak_arms_less_worth() -> None:
    weak = [arm("weak", -1.0, 0.05)]
    assert ladder(weak, rates=Rates(0.3, 0.0)).worth_usd < ladder(weak).worth_usd


def test_a_failure_lowers_the_chance_of_every_other_arm() -> None:
    ease, other = Ease(), Gaussian(0.5, 0.1)
    before = math.sumprod(ease.weights, ease.right(other))
    ease.learn(Gaussian(1.0, 0.1), accepted=False, rates=SHARP)
    assert math.sumprod(ease.weights, ease.right(other)) < before - 0.1
    assert ease.as_gaussian().mean < 0


@settings(max_examples=60, deadline=None)
@given(ARMS)
def test_the_shortlist_keeps_the_best_and_the_cheapest(arms: list[Arm]) -> None:
    kept = shortlist(arms, 2)
    assert min(a.price_usd for a in kept) == min(a.price_usd for a in arms)
    assert max(a.success for a in kept) == max(a.success for a in arms)


def _worth_in_order(arms: list[Arm]) -> float:
    """The worth of one given ladder, worked out independently of the planner."""
    worth, reached = 0.0, list(NODE_WEIGHTS)
    for one in arms:
        spread = math.sqrt(1.0 + one.score[1])
        right = [phi((one.score[0] + math.sqrt(EASE.variance) * node) / spread) for node in NODES]
        worth += sum(w * (p - one.price_usd) for w, p in zip(reached, right, strict=True))
        reached = [w * (1.0 - p) for w, p in zip(reached, right, strict=True)]
    return worth


def test_two_cheap_rungs_go_before_the_expensive_one() -> None:
    """The second cheap rung only pays in between: the expensive one is worth more as the next step."""
    arms = [arm("m0", 2.0, 0.75), arm("m1", -2.0, 0.03125), arm("m2", -2.0, 0.03125)]
    found = ladder(arms)
    assert [a.candidate.model for a in found.arms][-1] == "m0"
    assert len(found.arms) == 3
