"""The catalogue: its history is kept, the last good list stands, and it says what cannot be used."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from nightcrew.errors import BadInput
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.availability import catalogue_of
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.catalogue.catalogue_changes import GONE_FOR
from nightcrew.openrouter.catalogue.catalogue_tables import catalogue_history
from nightcrew.openrouter.catalogue.listing import NO_PRICE, list_model
from nightcrew.openrouter.wire.prices import flat, price_of, read_price
from nightcrew.openrouter.wire.records import ListedModel
from nightcrew.queue.state_store import StateStore
from nightcrew.settings import load_settings
from nightcrew.testing.calls import Change
from tests.openrouter.conftest import Crew, MakeCrew, free, paid

SNAPSHOT = Path(__file__).parents[4] / "shared" / "data" / "openrouter_models_2026-08-16.json"
USD = Decimal


def history(c: Crew) -> list[tuple[str, str]]:
    with c.store.engine.connect() as connection:
        rows = connection.execute(select(catalogue_history).order_by(catalogue_history.c.id)).all()
    return [(row.model, row.change) for row in rows]


def unusable(c: Crew) -> dict[str, str | None]:
    return {listed.candidate.model: listed.unusable for listed in c.catalogue.listing()}


def test_what_comes_changes_and_goes_is_kept_with_its_time(crew: MakeCrew) -> None:
    c = crew(free("alpha"), paid("gamma"))
    c.twin.change(
        Change(put_models=(paid("gamma", tools=False), free("new")), remove_models=("house/alpha:free",))
    )
    refresh = c.catalogue.refresh()
    assert (refresh.appeared, refresh.changed, refresh.vanished) == (
        ("house/new:free",),
        ("house/gamma",),
        ("house/alpha:free",),
    )
    assert {candidate.model for candidate in c.candidates()} == {"house/gamma", "house/new:free"}
    assert unusable(c)["house/alpha:free"] == "no longer listed"
    c.twin.change(Change(put_models=(free("alpha"),)))
    c.catalogue.refresh()
    assert history(c)[2:] == [
        ("house/new:free", "appeared"),
        ("house/gamma", "changed"),
        ("house/alpha:free", "vanished"),
        ("house/alpha:free", "returned"),
    ]


def test_refreshing_twice_changes_nothing(crew: MakeCrew) -> None:
    c = crew(free("alpha"))
    before = history(c)
    refresh = c.catalogue.refresh()
    assert (refresh.models, refresh.appeared, refresh.changed, refresh.vanished) == (1, (), (), ())
    assert history(c) == before


def test_a_failed_refresh_keeps_the_last_good_list_and_says_how_old_it_is(crew: MakeCrew) -> None:
    c = crew(free("alpha"))
    c.twin.__exit__(None, None, None)
    c.clock.advance(3 * 3600)
    refresh = c.catalogue.refresh()
    assert refresh.error is not None and "3 h old" in refresh.error
    assert c.catalogue.age == timedelta(hours=3)
    assert [candidate.model for candidate in c.candidates()] == ["house/alpha:free"]


def test_without_any_list_there_is_no_age(store: StateStore) -> None:
    with OpenRouterApi("http://127.0.0.1:1/v1", None) as api:
        catalogue = ModelCatalogue(store, api)
        assert "no earlier one" in (catalogue.refresh().error or "")
        assert catalogue.age is None and catalogue.candidates() == ()


def test_a_model_that_answered_that_it_is_gone_stays_away_though_the_list_lags(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"))
    c.catalogue.mark_gone("house/alpha:free", "the free period has ended")
    c.catalogue.refresh()
    assert unusable(c)["house/alpha:free"] == "the free period has ended"
    c.clock.advance(GONE_FOR.total_seconds())
    c.catalogue.refresh()
    assert unusable(c)["house/alpha:free"] is None


def test_a_model_expires_on_its_day(crew: MakeCrew) -> None:
    c = crew(free("alpha", expiration_date="2026-11-24"))
    assert unusable(c)["house/alpha:free"] is None
    c.clock.advance(12 * 3600)
    assert unusable(c)["house/alpha:free"] == "expired on 2026-11-24"


@pytest.mark.parametrize(
    "record",
    [
        {"context_length": None, "top_provider": None, "supported_parameters": None, "benchmarks": None},
        {"pricing": {"prompt": "0.000001", "completion": 0.000002, "surprise": {"a": []}}},
        {"expiration_date": "someday", "architecture": None, "unheard_of": [1, 2], "name": 7},
    ],
)
def test_missing_odd_and_new_fields_are_tolerated(crew: MakeCrew, record: dict[str, Any]) -> None:
    c = crew(paid("gamma", record=record))
    (candidate,) = c.candidates()
    assert candidate.context_tokens > 0


def test_a_record_that_cannot_be_read_does_not_spoil_the_others(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta", record={"id": None}))
    assert [candidate.model for candidate in c.candidates()] == ["house/alpha:free"]


def test_a_plain_endpoint_has_only_names(store: StateStore) -> None:
    record = ListedModel(id="qwen-coder", max_model_len=8192)
    listed = list_model(record, today=date(2026, 11, 23), gone=None, unknown_price_usd=None)
    assert listed.unusable == NO_PRICE
    assert (listed.candidate.input_price_usd, listed.candidate.free, listed.candidate.tools) == (
        None,
        False,
        True,
    )
    assert listed.candidate.context_tokens == 8192
    with OpenRouterApi("http://127.0.0.1:1/v1", None) as api:
        catalogue = ModelCatalogue(store, api, configured=["own-model"], unknown_price_usd=USD(0))
        (candidate,) = catalogue.candidates()
    assert (candidate.model, candidate.input_price_usd, candidate.free) == ("own-model", USD(0), False)


def test_an_unknown_price_is_asked_for_and_costs_nothing_at_home(store: StateStore, tmp_path: Path) -> None:
    for url, price in (("http://127.0.0.1:1/v1", USD(0)), ("https://models.example.org/v1", None)):
        settings = load_settings(home=tmp_path, base_url=url, models=("own-model",))
        assert settings.unknown_price_usd == price
        with OpenRouterApi(url, None) as api:
            catalogue = catalogue_of(settings, store, api)
            if price is not None:
                catalogue.check_usable()
                assert [c.model for c in catalogue.candidates()] == ["own-model"]
                continue
            assert catalogue.candidates() == ()
            with pytest.raises(BadInput, match="NIGHTCREW_UNKNOWN_PRICE_USD_PER_MILLION"):
                catalogue.check_usable()
    stated = load_settings(
        home=tmp_path, base_url="http://localhost:1/v1", unknown_price_usd_per_million=USD(2)
    )
    assert stated.unknown_price_usd == USD("0.000002")


def test_what_an_engine_gives_a_call_is_the_context_not_what_its_model_could() -> None:
    record = ListedModel(id="smollm2", meta={"n_ctx": 4096, "n_ctx_train": 8192})
    listed = list_model(record, today=date(2026, 11, 23), gone=None, unknown_price_usd=None)
    assert listed.candidate.context_tokens == 4096


def test_a_configured_name_that_a_real_catalogue_lacks_is_reported_as_missing(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"))
    catalogue = ModelCatalogue(
        c.store, c.api, configured=["house/alpha:free", "house/typo:free"], clock=c.clock.now
    )
    assert {listed.candidate.model: listed.unusable for listed in catalogue.listing()} == {
        "house/alpha:free": None,
        "house/typo:free": "not in the provider's catalogue",
    }


def test_todays_price_goes_before_the_plans_and_an_unknown_one_is_refused_or_stated(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    (candidate,) = c.candidates()
    costlier = flat(USD("0.5"), USD("0.5"))
    assert price_of(candidate, {"house/gamma": costlier}, None) == costlier
    assert price_of(candidate, {}, None) == flat(USD("0.000001"), USD("0.000002"))
    bare = list_model(
        ListedModel(id="own"), today=date(2026, 11, 23), gone=None, unknown_price_usd=None
    ).candidate
    assert price_of(bare, {}, None) is None
    assert price_of(bare, {}, USD("0.01")) == flat(USD("0.01"), USD("0.01"))


@pytest.mark.parametrize(
    ("pricing", "prompt_tokens", "cost"),
    [
        ({"prompt": "0.001", "completion": "0.002"}, 10, "0.03"),
        ({"prompt": "0.001", "completion": "0.002", "request": "1"}, 10, "1.03"),
        ({"prompt": "0.001", "completion": "0.002", "input_cache_write_1h": "0.002"}, 10, "0.04"),
        ({"prompt": "0.001", "completion": "0.002", "internal_reasoning": "0.003"}, 10, "0.04"),
        (
            {"prompt": "1", "completion": "0", "overrides": [{"min_prompt_tokens": 11, "prompt": "2"}]},
            10,
            "10",
        ),
        (
            {"prompt": "1", "completion": "0", "overrides": [{"min_prompt_tokens": 10, "prompt": "2"}]},
            10,
            "20",
        ),
        ({"prompt": "1", "completion": "0", "overrides": [{"utc_start": "01:00", "prompt": "3"}]}, 10, "30"),
        ({"prompt": "0", "completion": "0"}, 10, "0"),
    ],
)
def test_the_worst_case_counts_every_rise(pricing: dict[str, Any], prompt_tokens: int, cost: str) -> None:
    price = read_price(pricing)
    assert price is not None
    assert price.worst_case(prompt_tokens=prompt_tokens, output_tokens=10) == USD(cost)
    assert price.free == (USD(cost) == 0)


@pytest.mark.parametrize(
    "pricing", [{}, {"prompt": "-1", "completion": "-1"}, {"prompt": "0"}, {"prompt": "cheap"}]
)
def test_a_price_that_is_not_stated_is_not_zero(pricing: dict[str, Any]) -> None:
    assert read_price(pricing) is None


@pytest.mark.skipif(not SNAPSHOT.exists(), reason="the real catalogue is not at hand")
def test_a_real_catalogue_is_read_whole() -> None:
    records = [ListedModel.model_validate(record) for record in json.loads(SNAPSHOT.read_text())["data"]]
    listed = [
        list_model(record, today=date(2026, 8, 16), gone=None, unknown_price_usd=None) for record in records
    ]
    usable = [each.candidate for each in listed if each.unusable is None]
    reasons = {each.unusable for each in listed if each.unusable}
    assert len(listed) == 413
    assert all(each.input_price_usd is not None and each.context_tokens > 0 for each in usable)
    assert {each.model for each in usable if each.free} == {
        record.id for record in records if record.id.endswith(":free")
    }
    assert sum(each.tools for each in usable if each.free) == 15
    assert not any("-1" in str(each.input_price_usd) for each in usable)
    assert any("router" in reason for reason in reasons) and any(
        "another name" in reason for reason in reasons
    )
    assert sum(each.coding_index is not None for each in usable) > 100
    assert {each.slug for each in usable if each.model == "openai/gpt-oss-20b:free"} == {
        each.slug for each in usable if each.model == "openai/gpt-oss-20b"
    }
