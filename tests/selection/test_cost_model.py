import pytest

from nightcrew.selection.cost_model import (
    AGENT_GUESS,
    CostModel,
    Usage,
    cost_of,
    surprise,
    task_size,
)
from nightcrew.task import Complexity
from tests.selection.house import model

MODERATE = Complexity.MODERATE


def learn(costs: CostModel, slug: str, tokens: float, *, task_type: str = "bug_fix", times: int = 30) -> None:
    for _ in range(times):
        usage = Usage(tokens, tokens / 50, 10, 60)
        costs.learn(task_type=task_type, executor="openhands", complexity=MODERATE, slug=slug, usage=usage)


def expected(
    costs: CostModel, slug: str, task_type: str = "bug_fix", complexity: Complexity = MODERATE
) -> float:
    return costs.expected(task_type, "openhands", complexity, [slug])[0][0]


def test_without_outcomes_it_guesses() -> None:
    assert expected(CostModel(), "a") == AGENT_GUESS.input_tokens


def test_own_outcomes_take_over() -> None:
    costs = CostModel()
    learn(costs, "a", 40_000)
    assert expected(costs, "a") == pytest.approx(40_000, rel=0.1)


def test_a_wordy_model_is_expected_to_be_wordy_for_a_new_task_type_too() -> None:
    costs = CostModel()
    learn(costs, "wordy", 400_000)
    learn(costs, "terse", 50_000)
    learn(costs, "other", 100_000, task_type="unit_test")
    assert expected(costs, "wordy", "unit_test") > 2 * expected(costs, "terse", "unit_test")


def test_complexity_changes_what_is_expected() -> None:
    costs = CostModel()
    learn(costs, "a", 40_000)
    simple, hard = (expected(costs, "a", complexity=c) for c in (Complexity.SIMPLE, Complexity.COMPLEX))
    assert simple < 40_000 < hard


def test_todays_price_is_applied_to_tokens() -> None:
    usage = Usage(1_000_000, 100_000, 1, 1)
    assert cost_of(usage, model("a", 2.0).price) == pytest.approx(2.8)
    assert cost_of(usage, model("a:free", 2.0).price) == 0.0
    assert not model("a", None).price.known


def test_what_is_billed_below_the_list_is_learned() -> None:
    costs = CostModel()
    assert costs.billed_shares(["a"])[0] == 1.0
    for _ in range(50):
        costs.learn_bill("a", billed_usd=0.3, list_usd=1.0)
    assert costs.billed_shares(["a"])[0] == pytest.approx(0.3, abs=0.05)


def test_a_task_that_took_long_is_expected_to_take_long_again_but_less_so() -> None:
    doubled = surprise(Usage(200_000, 0, 1, 1), Usage(100_000, 0, 1, 1))
    assert task_size([]) == 1.0
    assert 1.0 < task_size([doubled]) < task_size([doubled, doubled]) < 2.0
