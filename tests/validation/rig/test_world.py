"""The world of an experiment: the same random numbers each time, and another date."""

import os
import random
import sysconfig
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from nightcrew.validation.rig import world
from nightcrew.validation.running.examination import CLOCKS


@pytest.fixture(autouse=True)
def own_chance(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the rig replaces for its own process is put back here."""
    state = random.getstate()
    for name in ("urandom",):
        monkeypatch.setattr(os, name, getattr(os, name))
    monkeypatch.setattr(random, "_urandom", random._urandom)  # type: ignore[attr-defined]
    monkeypatch.setattr(random.Random, "seed", random.Random.seed)
    yield
    random.setstate(state)


def draws() -> list[object]:
    return [random.random(), os.urandom(5), random.Random().random(), random.SystemRandom().random()]


def test_the_same_seed_draws_the_same_numbers_from_every_source() -> None:
    world.seed_everything(1)
    first = draws()
    world.seed_everything(1)
    assert draws() == first
    world.seed_everything(2)
    assert all(one != other for one, other in zip(draws(), first, strict=True))


def test_a_drawn_number_is_seen() -> None:
    world.seed_everything(0)
    before = world.drawn()
    assert world.drawn() == before
    for draw in (random.random, lambda: os.urandom(1), random.Random):
        draw()
        after = world.drawn()
        assert after != before
        before = after


def test_first_draws_are_spread_over_all_cases() -> None:
    firsts = []
    for seed in world.strata():
        world.seed_everything(seed)
        firsts.append(random.random())
    assert [int(one * world.STRATA) for one in firsts] == list(range(world.STRATA))
    assert firsts[0] < 0.004
    assert firsts[-1] > 0.996


@pytest.fixture
def clock() -> str:
    return sysconfig.get_path("platlib")


def test_another_date(clock: str) -> None:
    now = time.time()
    with world.other_date(400.25, clock) as shifted:
        assert shifted
        assert 399 < (time.time() - now) / world.DAY < 401.3
        assert time.gmtime().tm_hour == 6
    assert abs(time.time() - now) < 60
    with world.other_date(None, clock) as shifted:
        assert shifted


def test_a_clock_that_stands_still(clock: str) -> None:
    with world.still_clock(20_454.5, clock):
        assert time.time() == 20_454.5 * world.DAY
        assert time.time() == time.time()


def test_the_clocks_reach_every_weekday_and_any_four_hours() -> None:
    days = list(CLOCKS)
    assert {int(day) % 7 for day in days} == set(range(7))
    hours = {int(day % 1 * 24) for day in days}
    assert all({(first + more) % 24 for more in range(4)} & hours for first in range(24))
    assert len({datetime.fromtimestamp(day * 86_400, UTC).month for day in days}) >= 6


def test_another_date_begins_at_its_own_hour_whenever_it_is_now(clock: str) -> None:
    for now in ("2026-11-23T00:00:01", "2026-11-23T12:00:00", "2026-11-23T23:59:58"):
        with time_machine.travel(f"{now}+00:00"), world.other_date(8.25, clock) as dated:
            assert dated
            assert datetime.fromtimestamp(time.time(), UTC).strftime("%F %H") == "2026-12-01 06"
