"""The world of an experiment: the same random numbers each time, and another date."""

import importlib.util
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.validation.rig import world


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
    spec = importlib.util.find_spec("time_machine")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent.parent)


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
