"""What holds for every plan, whatever the catalogue, the memory and the state of the account."""

import re
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.selection.beliefs import Rates
from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.model_selector import ModelSelector
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import Requirements
from nightcrew.task import Complexity
from tests.selection.house import AGENT, model, needs, taught

PRICES = st.floats(0.05, 30.0).map(lambda price: round(price, 3))
SKILLS = st.floats(0.05, 0.95)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Candidate], Memory]:
    """Two to six models, taught or not."""
    prices = draw(st.lists(PRICES, min_size=2, max_size=6, unique=True))
    models = [model(f"m{number}", price) for number, price in enumerate(prices)]
    skill = {candidate.slug: draw(SKILLS) for candidate in models}
    tasks = draw(st.sampled_from([0, 5, 25]))
    return models, taught(models, skill, tasks=tasks)


def plan_of(
    models: list[Candidate],
    memory: Memory,
    wanted: Requirements | None = None,
    state: Availability | None = None,
    tried: tuple[Trial, ...] = (),
) -> Plan:
    return ModelSelector().plan(wanted or needs(), models, memory, state or Availability(), tried)


def first(plan: Plan) -> str | None:
    return plan.rungs[0].model if plan.rungs else None


@settings(max_examples=60, deadline=None)
@given(worlds(), st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_a_ladder_never_costs_more_than_the_budgets(
    world: tuple[list[Candidate], Memory], task: float, crew: float
) -> None:
    wanted = needs(budget_usd=Decimal(str(task)))
    plan = plan_of(*world, wanted, Availability(budget_left_usd=Decimal(str(crew))))
    assert sum(rung.cost_usd for rung in plan.rungs) <= min(task, crew) + 1e-12


@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_a_filtered_model_is_never_planned(
    world: tuple[list[Candidate], Memory], data: st.DataObject
) -> None:
    models, memory = world
    barred = set(data.draw(st.lists(st.sampled_from([m.model for m in models]))))
    resting = Availability(resting=dict.fromkeys(barred, "429"))
    plan = plan_of(models, memory, state=resting)
    assert barred.isdisjoint(rung.model for rung in (*plan.rungs, *plan.alternatives))
    assert barred == {item.model for item in plan.filtered}


@settings(max_examples=60, deadline=None)
@given(worlds(), st.data())
def test_a_model_is_planned_at_most_once_again_whatever_was_rejected(
    world: tuple[list[Candidate], Memory], data: st.DataObject
) -> None:
    models, memory = world
    wrong = data.draw(st.lists(st.sampled_from([m.slug for m in models]), max_size=3, unique=True))
    tried = tuple(Trial(AGENT, slug, TrialEnd.REJECTED) for slug in wrong)
    slugs = [rung.slug for rung in plan_of(models, memory, tried=tried).rungs]
    assert len(slugs) == len(set(slugs)) <= 4 - len(wrong)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 1000))
def test_the_same_question_has_the_same_answer(world: tuple[list[Candidate], Memory], seed: int) -> None:
    models, memory = world
    before = memory.to_json()
    wanted = needs(seed=seed)
    assert plan_of(models, memory, wanted) == plan_of(models, memory, wanted)
    assert memory.to_json() == before


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(1, 10))
def test_more_successes_never_make_a_model_less_likely_to_succeed(
    world: tuple[list[Candidate], Memory], times: int
) -> None:
    models, memory = world
    better = models[0]

    def chance() -> float:
        plan = plan_of(models, memory, needs(quality_threshold=0.98))
        return next(
            (r.success for r in (*plan.alternatives, *plan.rungs[:1]) if r.model == better.model), -1.0
        )

    before = chance()
    for _ in range(times):
        memory.success.update(
            task_type="bug_fix",
            executor=AGENT,
            complexity=needs().complexity,
            traits=better.traits,
            accepted=True,
            rates=Rates(),
        )
    after = chance()
    assert after >= before - 1e-9 or after == -1.0


def test_a_fresh_memory_climbs_from_cheap_to_expensive() -> None:
    models = [model("dear", 0.45), model("cheap", 0.2), model("middle", 0.3)]
    plan = plan_of(models, Memory())
    assert [rung.model for rung in plan.rungs] == ["cheap", "middle", "dear"]


def test_the_only_model_is_tried_whatever_it_costs() -> None:
    plan = plan_of([model("dear", 30.0)], Memory(), needs(quality_threshold=0.1))
    assert first(plan) == "dear"


def test_equal_models_are_chosen_between_by_seed() -> None:
    models = [model(f"m{number}", 1.0) for number in range(5)]
    chosen = {first(plan_of(models, Memory(), needs(seed=seed))) for seed in range(10)}
    assert len(chosen) > 1


def test_it_learns_to_skip_a_cheap_model_that_always_fails() -> None:
    models = [model("cheap", 0.2), model("good", 1.0)]
    memory = taught(models, {"cheap": 0.02, "good": 0.9})
    assert first(plan_of(models, memory)) == "good"


def test_it_keeps_to_a_cheap_model_that_does_well() -> None:
    models = [model("cheap", 0.2), model("good", 5.0)]
    memory = taught(models, {"cheap": 0.85, "good": 0.9})
    assert first(plan_of(models, memory)) == "cheap"


def test_a_higher_quality_threshold_buys_more_success() -> None:
    models = [model(f"m{n}", price) for n, price in enumerate((0.2, 0.6, 2.0, 6.0))]
    memory = taught(models, {"m0": 0.4, "m1": 0.55, "m2": 0.7, "m3": 0.8})
    low, high = (plan_of(models, memory, needs(quality_threshold=q)) for q in (0.3, 0.95))
    assert low.value_usd < high.value_usd
    assert low.success < high.success


def test_complexity_has_an_effect() -> None:
    models = [model("a", 1.0)]
    simple, hard = (
        plan_of(models, Memory(), replace(needs(), complexity=c))
        for c in (Complexity.SIMPLE, Complexity.COMPLEX)
    )
    assert simple.rungs[0].cost_usd < hard.rungs[0].cost_usd
    assert simple.rungs[0].success > hard.rungs[0].success


def test_free_models_go_first_while_quota_is_plenty_and_not_when_it_is_scarce() -> None:
    free, paid = model("free-one:free", 0.0), model("paid-one", 0.3)
    memory = taught([free, paid], {"free-one": 0.45, "paid-one": 0.9})
    plenty, scarce = (
        plan_of([free, paid], memory, state=Availability(free_calls_left=left, tasks_expected=20))
        for left in (100_000, 60)
    )
    assert first(plenty) == "free-one:free"
    assert first(scarce) == "paid-one"


def test_free_models_alone_are_planned() -> None:
    plan = plan_of([model("a:free", 0.0)], Memory(), needs(budget_usd=Decimal(0)))
    assert first(plan) == "a:free"


def test_time_has_the_price_that_policy_sets() -> None:
    slow, fast = model("slow", 0.2), model("fast", 0.5)
    memory = taught([slow, fast], {"slow": 0.8, "fast": 0.8})
    for _ in range(40):
        _take(memory, slow, 3000.0)
        _take(memory, fast, 60.0)
    assert first(plan_of([slow, fast], memory)) == "slow"
    assert first(plan_of([slow, fast], memory, needs(hour_price_usd=2.0))) == "fast"


def test_it_stops_where_no_rung_is_worth_its_cost() -> None:
    models = [model("good", 1.0), model("hopeless", 30.0)]
    memory = taught(models, {"good": 0.9, "hopeless": 0.02}, tasks=150)
    tried = (Trial(AGENT, "good", TrialEnd.UNFIT),)
    plan = plan_of(models, memory, tried=tried)
    assert plan.rungs == ()
    assert "No rung is worth its cost" in plan.stop


def test_one_model_is_tried_again_by_value_until_the_attempts_are_used_up() -> None:
    only = model("only", 0.5)
    memory = taught([only], {"only": 0.6})
    chances: list[float] = []
    tried: tuple[Trial, ...] = ()
    while (plan := plan_of([only], memory, tried=tried)).rungs:
        chances.append(plan.rungs[0].success)
        tried = (*tried, Trial(AGENT, "only", TrialEnd.REJECTED))
    assert 2 <= len(chances) <= 4
    assert chances == sorted(chances, reverse=True)
    assert plan.stop


def test_a_model_that_rests_is_waited_for_before_another_try() -> None:
    models = [model("a", 0.5), model("b", 0.5)]
    memory = taught(models, {"a": 0.6, "b": 0.6})
    rejected = (Trial(AGENT, "a", TrialEnd.REJECTED),)
    assert plan_of(models, memory, state=Availability(resting={"b": "429"}), tried=rejected).rungs == ()


def test_what_another_try_is_worth_is_learned() -> None:
    only = model("only", 0.5)
    rejected = (Trial(AGENT, "only", TrialEnd.REJECTED),)
    chances = []
    for end in TrialEnd.ACCEPTED, TrialEnd.REJECTED:
        memory = taught([only], {"only": 0.5})
        for _ in range(20):
            _take(memory, only, 100.0, TrialEnd.REJECTED, ())
            _take(memory, only, 100.0, end, rejected)
        assert memory.success.tables["repair"]
        score = memory.success.score("bug_fix", AGENT, Complexity.MODERATE, only.traits)
        chances.append(memory.success.score_again(score, AGENT, 1)[0] - score[0])
    assert chances[0] > 0 > chances[1]


def test_value_decides_between_another_try_and_another_model() -> None:
    models = [model("cheap", 0.3), model("dear", 0.5)]
    rejected = (Trial(AGENT, "cheap", TrialEnd.REJECTED),)
    chosen = []
    for end in TrialEnd.ACCEPTED, TrialEnd.REJECTED:
        memory = taught(models, {"cheap": 0.6, "dear": 0.9}, tasks=60)
        for _ in range(20):
            _take(memory, models[0], 100.0, TrialEnd.REJECTED, ())
            _take(memory, models[0], 100.0, end, rejected)
            _take(memory, models[0], 100.0, TrialEnd.ACCEPTED, ())
        chosen.append(first(plan_of(models, memory, tried=rejected)))
    assert chosen == ["cheap", "dear"]


def test_a_long_task_makes_the_next_attempt_more_expensive() -> None:
    models = [model("a", 0.2), model("b", 0.5)]
    memory = taught(models, {"a": 0.6, "b": 0.8})
    usual, long = (
        plan_of(models, memory, tried=(Trial(AGENT, "a", TrialEnd.REJECTED, tokens, 2_000),))
        for tokens in (100_000, 400_000)
    )
    assert usual.rungs[0].cost_usd < long.rungs[0].cost_usd


def test_it_adapts_within_thirty_tasks_when_a_favourite_degrades() -> None:
    models = [model("favourite", 0.2), model("other", 0.4)]
    memory = taught(models, {"favourite": 0.9, "other": 0.8}, tasks=100)
    assert first(plan_of(models, memory)) == "favourite"
    for _ in range(30):
        tried: tuple[Trial, ...] = ()
        for rung in plan_of(models, memory).rungs[:2]:
            end = TrialEnd.REJECTED if rung.slug == "favourite" else TrialEnd.ACCEPTED
            _take(memory, next(m for m in models if m.slug == rung.slug), 100.0, end, tried)
            tried = (*tried, Trial(AGENT, rung.slug, end))
            if end is TrialEnd.ACCEPTED:
                break
    assert first(plan_of(models, memory)) == "other"


def test_the_explanation_says_why() -> None:
    models = [model("a", 0.2), model("b", 1.0), model("gone", 1.0)]
    memory = taught(models[:2], {"a": 0.5, "b": 0.9})
    memory.rates["*"] = Rates(0.05, 0.1)
    state = Availability(resting={"gone": "429"})
    text = plan_of(models, memory, state=state).explanation
    for part in (
        "Try a with openhands",
        " per success",
        "60 verdicts, ",
        "What would change it",
        "accepts 5 % of wrong work",
        "resting: gone (429); to allow it, wait until it is available again",
    ):
        assert part in text


def test_the_explanation_tells_prior_from_evidence() -> None:
    models = [model("known", 1.0), model("new", 1.0)]
    memory = taught(models[:1], {"known": 0.95}, tasks=100)
    form = r"- (known|new) with openhands: accepted (\d+ %) \(prior alone (\d+ %), own evidence ([^)]*)\); "
    found = re.findall(form, plan_of(models, memory).explanation)
    of = {name: tuple(rest) for name, *rest in found}
    (seen, alone, evidence), (_, same_alone, none) = of["known"], of["new"]
    assert alone == same_alone and _number(seen) > _number(alone)  # same price: the same prior
    assert evidence.startswith("100 verdicts, ") and none.startswith("0 verdicts, ")
    assert _number(evidence.partition(",")[2]) > _number(none.partition(",")[2])


def test_the_explanation_says_that_a_model_is_tried_to_learn_about_it() -> None:
    models = [model("known", 0.50), model("new", 0.55)]
    memory = taught(models[:1], {"known": 0.6}, tasks=200)
    plan = plan_of(models, memory)
    assert first(plan) == "new"
    assert "little is known about new" in plan.explanation


def _number(percent: str) -> float:
    return float(percent.replace("%", ""))


def _take(
    memory: Memory,
    candidate: Candidate,
    seconds: float,
    end: TrialEnd = TrialEnd.ACCEPTED,
    before: tuple[Trial, ...] = (),
) -> None:
    spent = Spent(100_000, 2_000, 20, seconds)
    memory.record(
        task_type="bug_fix", executor=AGENT, candidate=candidate, end=end, spent=spent, before=before
    )


def test_a_model_whose_answers_need_rescue_is_more_expensive_and_not_dead() -> None:
    plain, odd = model("plain", 1.0), model("odd", 1.0, repaired_share=0.9)
    for seed in range(4):
        plan = plan_of([odd, plain], Memory(), needs(seed=seed))
        assert [rung.model for rung in plan.rungs[:2]] == ["plain", "odd"]
        assert plan.rungs[1].cost_usd > 1.2 * plan.rungs[0].cost_usd
    assert plan_of([replace(odd, repaired_share=1.0)], Memory()).rungs
    assert plan_of([model("dear", 2.0), odd], Memory()).rungs[0].model == "odd"


def test_a_free_model_whose_answers_need_rescue_takes_more_of_the_quota() -> None:
    odd = model("odd:free", 0.0, repaired_share=0.9)
    state = Availability(free_calls_left=33)
    assert plan_of([replace(odd, repaired_share=0.0)], Memory(), state=state).rungs
    assert not plan_of([odd], Memory(), state=state).rungs
