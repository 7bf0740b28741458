"""Money through the whole gateway: the ways in which other tools' budgets were passed by, each closed."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from nightcrew.errors import BudgetReached
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import account_of, availability, budgets_of, quota_left
from nightcrew.openrouter.books.budget import Budgets, left_usd, violations
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.catalogue.listing import configured_candidate
from nightcrew.openrouter.wire.chat_request import DEFAULT_OUTPUT_TOKENS, read_request
from nightcrew.settings import load_settings
from nightcrew.task import Task, TaskType
from nightcrew.testing.calls import Change
from nightcrew.testing.scenario import Account, Fault, FaultKind, Price
from tests.openrouter.conftest import KEY, NOON, USD, Crew, MakeCrew, ask, free, paid

GAMMA, ALPHA = "house/gamma", "house/alpha:free"
# 1,000 tokens of template, some 60 bytes of prompt and 500 tokens of output, at 1 and 2 USD a million.
ONE_CALL = USD("0.0022")


def books(c: Crew) -> list[Any]:
    with c.store.engine.connect() as connection:
        return list(violations(connection))


def rest(c: Crew, scope: str, cap: str) -> Decimal:
    with c.store.engine.connect() as connection:
        return left_usd(connection, {scope: USD(cap)})


def test_a_free_model_with_a_paid_fallback_does_not_pass_the_budget(crew: MakeCrew) -> None:
    c = crew(free(), paid(), faults=[Fault(kind=FaultKind.RATE_LIMIT_UPSTREAM, models=(ALPHA,))])
    with pytest.raises(BudgetReached):
        c.gateway(ALPHA, GAMMA, budgets=Budgets(task_usd=USD(0))).complete(ask())
    assert set(c.asked()) == {ALPHA}


def test_a_free_model_works_on_a_budget_of_zero(crew: MakeCrew) -> None:
    c = crew(free())
    c.gateway(budgets=Budgets(task_usd=USD(0), day_usd=USD(0))).complete(ask())
    assert c.calls[0].cost_usd == 0


def test_the_budget_is_asked_again_at_every_retry(crew: MakeCrew) -> None:
    c = crew(paid(), faults=[Fault(kind=FaultKind.DROPPED)])  # whether it was billed, nobody knows
    gateway = c.gateway(budgets=Budgets(task_usd=ONE_CALL * 2))
    with pytest.raises(BudgetReached):
        gateway.complete(ask(max_tokens=500))
    assert len(c.twin.requests) == 2
    assert gateway.usage().cost_usd <= ONE_CALL * 2
    assert [call.cost_usd for call in c.calls] == [None, None]  # unknown, which is not zero
    assert books(c) == []


def test_every_attempt_of_a_task_and_every_task_of_a_day_counts(crew: MakeCrew) -> None:
    c = crew(paid())
    caps = Budgets(task_usd=USD(1), day_usd=USD(1))
    first, second = (
        c.gateway(budgets=caps),
        c.gateway(budgets=caps, task_id="t-other"),
    )
    first.complete(ask())
    second.complete(ask())
    spent = [call.cost_usd or 0 for call in c.calls]
    assert rest(c, "day:2026-11-23", "1") == 1 - sum(spent)
    assert rest(c, "task:t-task", "1") == 1 - spent[0]


def test_a_call_has_its_own_cap(crew: MakeCrew) -> None:
    c = crew(paid())
    with pytest.raises(BudgetReached, match="one call"):
        c.gateway(budgets=Budgets(call_usd=USD("0.0005"))).complete(ask())
    assert c.twin.requests == []


def test_less_output_is_asked_for_where_all_of_it_does_not_fit(crew: MakeCrew) -> None:
    c = crew(paid())
    body = ask()
    del body["max_tokens"]
    c.gateway(budgets=Budgets(task_usd=USD("0.01"))).complete(body)
    (seen,) = c.twin.requests
    assert seen.body is not None
    assert 1_024 <= seen.body["max_tokens"] < DEFAULT_OUTPUT_TOKENS
    assert books(c) == []


def test_a_price_that_rose_after_the_plan_is_refused_there_noticed_and_paid_if_it_still_fits(
    crew: MakeCrew,
) -> None:
    c = crew(paid(), free())
    c.twin.change(Change(put_models=(paid(price=Price(prompt="0.000003", completion="0.000006")),)))
    gateway = c.gateway(GAMMA, ALPHA, budgets=Budgets(task_usd=USD(1)))
    gateway.complete(ask())
    assert c.asked() == [GAMMA, GAMMA] and c.faults() == ["price_rose", None]
    assert c.calls[0].cost_usd == 0 and c.calls[1].input_price_usd == USD("0.000003")
    assert gateway.usage().cost_usd == c.calls[1].cost_usd and books(c) == []


def test_a_price_that_rose_above_the_budget_is_left_to_the_next_model(crew: MakeCrew) -> None:
    c = crew(paid(), free())
    c.twin.change(Change(put_models=(paid(price=Price(prompt="0.1", completion="0.1")),)))
    gateway = c.gateway(GAMMA, ALPHA, budgets=Budgets(task_usd=USD(1)))
    gateway.complete(ask())
    assert c.asked() == [GAMMA, ALPHA]
    assert gateway.usage().cost_usd == 0


def test_a_free_model_that_starts_to_cost_is_not_paid_for(crew: MakeCrew) -> None:
    c = crew(free(), free("beta"))
    c.twin.change(Change(put_models=(free(price=Price(prompt="0.1", completion="0.1")),)))
    gateway = c.gateway(ALPHA, "house/beta:free", budgets=Budgets(task_usd=USD(1)))
    gateway.complete(ask())
    assert c.faults() == ["price_rose", None] and gateway.usage().cost_usd == 0


def plain(c: Crew, **options: Any) -> Any:
    """A gateway that knows the twin's models by name only, as at an endpoint without a catalogue."""
    candidate = configured_candidate(GAMMA, True, None).candidate
    return c.gateway(candidate, api=OpenRouterApi(c.twin.base_url + "/", c.api._key), **options)


def test_an_unknown_price_is_refused(crew: MakeCrew) -> None:
    c = crew(paid())
    c.catalogue.mark_gone(GAMMA, "not listed")
    with c.store.engine.begin() as connection:
        connection.exec_driver_sql("delete from catalogue_models")
    with pytest.raises(BudgetReached, match="no price is known"):
        plain(c).complete(ask())
    assert c.twin.requests == []


def test_an_unknown_price_is_charged_at_the_stated_ceiling(crew: MakeCrew) -> None:
    c = crew(paid())
    with c.store.engine.begin() as connection:
        connection.exec_driver_sql("delete from catalogue_models")
    gateway = plain(c, budgets=Budgets(task_usd=USD(1), unknown_price_usd=USD("0.00001")))
    gateway.complete(ask())
    (seen,) = c.twin.requests
    assert seen.body is not None and "provider" not in seen.body  # other endpoints do not know it
    assert gateway.usage().cost_usd > 0 and books(c) == []


def test_no_limit_on_output_and_a_huge_prompt_are_bounded_before_the_call() -> None:
    request = read_request({"messages": [{"role": "user", "content": "ü" * 1000}], "max_tokens": None})
    assert request.output_tokens_asked == DEFAULT_OUTPUT_TOKENS
    assert 2000 <= request.prompt_tokens_at_most <= 3200


def test_the_state_of_the_account_in_one_look(crew: MakeCrew) -> None:
    retry = Fault(kind=FaultKind.RATE_LIMIT_UPSTREAM, models=(ALPHA,), retry_after_seconds=300)
    c = crew(free(), paid(), faults=[retry], account=Account(api_key=KEY, free_per_day=9))
    settings = load_settings(
        base_url=c.twin.base_url,
        api_key=KEY,
        day_budget_usd=USD(2),
        month_budget_usd=USD(1),
    )
    assert account_of(settings) == c.api.account
    c.gateway(ALPHA, GAMMA, budgets=Budgets(month_usd=USD(1))).complete(ask())
    now = availability(c.store, settings, clock=c.clock.now)
    assert dict(now.resting) == {ALPHA: "upstream_rate_limit"}
    assert now.free_calls_left == 8
    assert now.budget_left_usd == 1 - (c.calls[-1].cost_usd or 0)
    assert quota_left(c.store, settings, clock=c.clock.now).resets_at == NOON + timedelta(hours=12)


def test_a_tasks_own_cap_goes_before_the_crews() -> None:
    settings = load_settings(task_budget_usd=USD(3), unknown_price_usd_per_million=USD(2))
    task = Task(task_id="t-one", description="do it", repo="/r", task_type=TaskType.BUG_FIX)
    assert budgets_of(settings, task).task_usd == 3
    assert budgets_of(settings, task.model_copy(update={"max_cost_usd": USD(0)})).task_usd == 0
    assert budgets_of(settings, task).unknown_price_usd == USD("0.000002")


def test_what_the_key_says_is_learned_with_the_catalogue(crew: MakeCrew) -> None:
    c = crew(free(), account=Account(api_key=KEY, credits_usd=100, free_used_today=40))
    catalogue = ModelCatalogue(c.store, c.api, clock=c.clock.now)
    catalogue.refresh()
    settings = load_settings(base_url=c.twin.base_url, api_key=KEY)
    left = quota_left(c.store, settings, clock=c.clock.now)
    assert left.day == 960
