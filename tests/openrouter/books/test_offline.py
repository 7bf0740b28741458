"""An outage of the provider is a state of the crew: noticed once, probed by one at a time, and then over."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from nightcrew.crew.processes import free_port
from nightcrew.errors import Transient
from nightcrew.execution.attempt import StopCause
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.books.breakers import breakers
from nightcrew.openrouter.books.budget import Budgets
from nightcrew.openrouter.books.offline import FIRST_PAUSE, LONGEST_PAUSE, go_offline, offline, probed
from nightcrew.testing.scenario import Fault, FaultKind, ScriptedModel
from tests.openrouter.conftest import KEY, NOON, USD, MakeCrew, ask, free

A = "house/alpha:free"


@pytest.fixture
def dead() -> Iterator[OpenRouterApi]:
    """An endpoint where nobody listens."""
    with OpenRouterApi(f"http://127.0.0.1:{free_port(0)}/api/v1", SecretStr(KEY)) as api:
        yield api


def test_calls_that_do_not_leave_this_machine_take_the_crew_offline(
    crew: MakeCrew, dead: OpenRouterApi
) -> None:
    c = crew(free("alpha"))
    gateway = c.gateway(A, api=dead, budgets=Budgets(unknown_price_usd=USD(0)))
    with pytest.raises(Transient):
        gateway.complete(ask())
    usage = gateway.usage()
    assert usage.stopped is not None and usage.stopped.cause is StopCause.OFFLINE and usage.infrastructure
    outage = offline(c.store, dead.account)
    assert outage is not None and "no model of the plan can be reached" in outage.reason
    with c.store.engine.connect() as connection:
        assert connection.execute(select(breakers)).all() == [], "no model is to blame"


def test_many_models_of_several_makers_that_fail_at_once_are_an_outage(crew: MakeCrew) -> None:
    others = [ScriptedModel(id=f"other/{name}:free") for name in ("beta", "gamma")]
    c = crew(free("alpha"), *others, faults=[Fault(kind=FaultKind.SERVER_ERROR)])
    with pytest.raises(Transient):
        c.gateway().complete(ask())
    assert offline(c.store, c.api.account) is not None


def test_models_of_one_maker_may_fail_without_the_rest(crew: MakeCrew) -> None:
    c = crew(free("alpha"), free("beta"), free("gamma"), faults=[Fault(kind=FaultKind.SERVER_ERROR)])
    with pytest.raises(Transient):
        c.gateway().complete(ask())
    assert offline(c.store, c.api.account) is None


def test_one_process_probes_ever_less_often(crew: MakeCrew, dead: OpenRouterApi) -> None:
    c, pauses = crew(free("alpha")), []
    go_offline(c.store, dead.account, "refused", clock=c.clock.now)
    for _ in range(7):
        outage = offline(c.store, dead.account)
        assert outage is not None and outage.since == NOON
        pauses.append(outage.until - c.clock.now())
        assert probed(c.store, dead, clock=c.clock.now) == outage, "too early, or the turn of another process"
        c.clock.advance(pauses[-1].total_seconds())
        assert probed(c.store, dead, clock=c.clock.now) != outage
    assert pauses == [min(FIRST_PAUSE * 2**number, LONGEST_PAUSE) for number in range(7)]


def test_it_ends_with_an_answer_and_a_relapse_is_probed_later(crew: MakeCrew) -> None:
    c = crew(free("alpha"))
    go_offline(c.store, c.api.account, "refused", clock=c.clock.now)
    c.clock.advance(FIRST_PAUSE.total_seconds())
    assert probed(c.store, c.api, clock=c.clock.now) is None
    assert offline(c.store, c.api.account) is None
    go_offline(c.store, c.api.account, "refused", clock=c.clock.now)
    again = offline(c.store, c.api.account)
    assert again is not None and again.until - again.since > FIRST_PAUSE


def test_a_clock_that_was_set_back_makes_nobody_wait_for_hours(crew: MakeCrew) -> None:
    c = crew(free("alpha"))
    go_offline(c.store, c.api.account, "refused", clock=lambda: NOON + timedelta(hours=5))
    assert probed(c.store, c.api, clock=c.clock.now) is None
