import pytest

from nightcrew.selection.beliefs import Gaussian, Rates, phi
from nightcrew.selection.candidates import Traits
from nightcrew.selection.success_model import EASE, SuccessModel
from nightcrew.task import Complexity

MODERATE = Complexity.MODERATE
SHARP = Rates()


def found(
    model: SuccessModel, slug: str, accepted: bool, *, task_type: str = "bug_fix", rates: Rates = SHARP
) -> Gaussian:
    model.begin_task()
    return model.update(
        task_type=task_type,
        executor="openhands",
        complexity=MODERATE,
        traits=Traits(slug),
        accepted=accepted,
        rates=rates,
    )


def chance(
    model: SuccessModel, traits: Traits, task_type: str = "bug_fix", executor: str = "openhands"
) -> float:
    mean, variance = model.score(task_type, executor, MODERATE, traits)
    return phi(mean / (1.0 + variance + EASE.variance) ** 0.5)


def test_verdicts_move_the_chance_their_way() -> None:
    model = SuccessModel()
    before = chance(model, Traits("a"))
    found(model, "a", True)
    raised = chance(model, Traits("a"))
    found(model, "a", False)
    found(model, "a", False)
    assert chance(model, Traits("a")) < before < raised


def test_it_finds_the_share_that_a_model_succeeds() -> None:
    model = SuccessModel()
    for number in range(400):
        found(model, "a", number % 10 < 7)
    assert chance(model, Traits("a")) == pytest.approx(0.7, abs=0.05)


def test_what_is_learned_for_one_task_type_carries_over_in_part() -> None:
    model = SuccessModel()
    for _ in range(30):
        found(model, "good", True)
        found(model, "bad", False)
    here = chance(model, Traits("good")) - chance(model, Traits("bad"))
    there = chance(model, Traits("good"), "unit_test") - chance(model, Traits("bad"), "unit_test")
    assert 0.05 < there < here


def test_a_failure_makes_the_task_look_harder_and_a_success_easier() -> None:
    model = SuccessModel()
    assert found(model, "a", False).mean < EASE.mean < found(model, "a", True).mean


def test_a_noisy_verdict_teaches_less() -> None:
    sharp, noisy = SuccessModel(), SuccessModel()
    for _ in range(20):
        found(sharp, "a", False)
        found(noisy, "a", False, rates=Rates(0.2, 0.2))
    assert chance(sharp, Traits("a")) < chance(noisy, Traits("a")) < chance(SuccessModel(), Traits("a"))


def test_the_prior_follows_coding_index_and_price() -> None:
    model = SuccessModel()
    weak, strong = (Traits.of("a", coding_index=index, price_1m_usd=1.0) for index in (10.0, 60.0))
    cheap, costly = (Traits.of("a", coding_index=None, price_1m_usd=price) for price in (0.1, 10.0))
    assert chance(model, weak) < chance(model, strong)
    assert chance(model, cheap) < chance(model, costly)


def test_how_much_the_coding_index_says_is_learned() -> None:
    model = SuccessModel()
    for number in range(60):
        for index in (10.0, 60.0):
            model.update(
                task_type="bug_fix",
                executor="openhands",
                complexity=MODERATE,
                traits=Traits.of(f"{index}-{number}", coding_index=index, price_1m_usd=None),
                accepted=index > 30,
                rates=Rates(),
            )
    new = Traits.of("new", coding_index=60.0, price_1m_usd=None)
    assert chance(model, new) > chance(SuccessModel(), new) + 0.1


def test_complexity_shifts_the_chance() -> None:
    model = SuccessModel()
    simple, hard = (
        model.score("bug_fix", "openhands", c, Traits("a"))[0]
        for c in (Complexity.SIMPLE, Complexity.COMPLEX)
    )
    assert hard < simple


def test_old_evidence_fades_towards_the_prior() -> None:
    model = SuccessModel()
    for _ in range(50):
        found(model, "a", False)
    fresh, low = chance(SuccessModel(), Traits("a")), chance(model, Traits("a"))
    for _ in range(3000):
        model.begin_task()
    assert low < chance(model, Traits("a")) < fresh + 0.01
    assert chance(model, Traits("a")) > low + 0.5 * (fresh - low)
