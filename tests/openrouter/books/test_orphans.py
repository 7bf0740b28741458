"""The call of a killed process costs what the provider says that it cost."""

import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import OperationalError

from nightcrew.errors import Transient
from nightcrew.execution.attempt import ModelCall
from nightcrew.host.process_id import ProcessId
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.openrouter.books import budget
from nightcrew.openrouter.books.budget import RESERVATION_LIFETIME, Budgets, reserve, violations
from nightcrew.openrouter.books.budget_tables import budget_reservations, budgets
from nightcrew.openrouter.books.orphans import LONGEST_UNKNOWN, note_generation, settle_orphans
from nightcrew.queue.task_table import tasks
from nightcrew.testing.scenario import Fault, FaultKind
from tests.openrouter.conftest import NOON, USD, Crew, MakeCrew, ask, paid

SCOPES = {"task:t-killed": USD(1)}
MODEL = "house/gamma"


def nowhere(call: ModelCall) -> None:
    """Where the records go that a test looks at otherwise."""


def dead_process() -> ProcessId:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = ProcessId.of(process.pid)
    process.communicate()
    return known


def killed_call(crew: Crew, key: str, *, generation: str | None, owner: ProcessId | None = None) -> None:
    """A call that has reserved 0.5 USD and whose process has been killed since."""
    owner = owner or dead_process()
    with crew.store.engine.begin() as connection:
        reserve(
            connection, SCOPES, USD("0.5"), reservation_id=key, now=NOON, attempt_id="t-killed:1", model=MODEL
        )
        connection.execute(
            update(budget_reservations)
            .where(budget_reservations.c.reservation_id == key)
            .values(pid=owner.pid, pid_started=owner.started)
        )
    if generation:
        note_generation(crew.store, key, generation)


def books(crew: Crew) -> tuple[object, object]:
    with crew.store.engine.connect() as connection:
        row = connection.execute(select(budgets)).mappings().one()
        assert violations(connection) == []
    return row["spent_usd"], row["reserved_usd"]


def test_it_is_settled_with_the_providers_record_and_enters_the_ledger(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    c.gateway(MODEL).complete(ask())
    (made,) = c.calls
    killed_call(c, "k1", generation=made.generation_id)
    (record,) = settle_orphans(c.store, c.api, nowhere, now=NOON)
    assert made.cost_usd is not None and books(c) == (made.cost_usd, 0)
    assert (record.attempt_id, record.task_id, record.asked_model) == ("t-killed:1", "t-killed", MODEL)
    assert (record.cost_usd, record.generation_id, record.fault) == (
        made.cost_usd,
        made.generation_id,
        "abandoned",
    )
    assert settle_orphans(c.store, c.api, nowhere, now=NOON) == []


def test_one_that_its_own_process_could_not_settle_is_in_the_ledger_once(
    crew: MakeCrew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL was restarted between the answer and its settlement."""
    c, gone = crew(paid("gamma")), dead_process()

    def down(*_: object, **__: object) -> None:
        raise OperationalError("in one trip", None, Exception("terminating connection"))

    monkeypatch.setattr(budget, "settle", down)
    with pytest.raises(Transient):
        c.gateway(MODEL, budgets=Budgets(task_usd=USD(1))).complete(ask())
    (own,) = c.calls
    with c.store.engine.begin() as connection:
        connection.execute(update(budget_reservations).values(pid=gone.pid, pid_started=gone.started))
    with MetricsCollector(tmp_path, "run") as collector:
        collector.model_call(own)
        (later,) = settle_orphans(c.store, c.api, collector.model_call, now=c.clock.now())
    spent, reserved = books(c)
    assert own.cost_usd is not None and later.cost_usd is None
    assert Decimal(str(spent)) > own.cost_usd, "its name was never stored: it is charged in full"
    assert reserved == 0
    with Ledger(tmp_path) as ledger:
        (row,) = ledger.query("SELECT fault, cost_usd, output_tokens > 0 AS told FROM model_calls")
    assert row == {"fault": None, "cost_usd": own.cost_usd, "told": True}


def test_one_whose_record_is_not_on_disk_stays_reserved_until_it_is_recorded_again(crew: MakeCrew) -> None:
    c, gone, lost = crew(paid("gamma")), dead_process(), list[ModelCall]()

    def on_a_full_disk(call: ModelCall) -> OSError:
        lost.append(call)
        return OSError("no space left")

    c.gateway(MODEL, budgets=Budgets(task_usd=USD(1)), record=on_a_full_disk).complete(ask())
    (own,), (spent, reserved) = lost, books(c)
    assert spent == 0 and Decimal(str(reserved)) > 0
    assert settle_orphans(c.store, c.api, nowhere, now=c.clock.now()) == [], "its process may still write it"
    with c.store.engine.begin() as connection:
        connection.execute(update(budget_reservations).values(pid=gone.pid, pid_started=gone.started))
    (again,) = settle_orphans(c.store, c.api, nowhere, now=c.clock.now())
    assert (again.cost_usd, again.generation_id) == (own.cost_usd, own.generation_id)
    assert books(c) == (own.cost_usd, 0)


def test_one_that_cannot_be_recorded_is_settled_the_next_time(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    killed_call(c, "k1", generation=None)

    def full(call: ModelCall) -> None:
        raise Transient("the ledger cannot be written")

    with pytest.raises(Transient):
        settle_orphans(c.store, c.api, full, now=NOON)
    assert len(settle_orphans(c.store, c.api, nowhere, now=NOON)) == 1


def test_one_from_a_clock_that_ran_ahead_does_not_wait_for_it(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    killed_call(c, "k1", generation="gen-nobody-knows")
    assert len(settle_orphans(c.store, c.api, nowhere, now=NOON - timedelta(hours=3))) == 1


def test_one_that_the_provider_does_not_know_yet_is_asked_for_again_and_then_charged(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    killed_call(c, "k1", generation="gen-nobody-knows")
    assert settle_orphans(c.store, c.api, nowhere, now=NOON + timedelta(minutes=2)) == []
    assert books(c) == (0, USD("0.5"))
    (record,) = settle_orphans(c.store, c.api, nowhere, now=NOON + timedelta(minutes=5))
    assert books(c) == (USD("0.5"), 0) and record.cost_usd is None, "unknown, which is not zero"


def test_one_that_was_never_answered_blocks_no_budget(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    killed_call(c, "k1", generation=None)
    assert len(settle_orphans(c.store, c.api, nowhere, now=NOON)) == 1
    assert books(c) == (USD("0.5"), 0)


def test_the_call_of_a_living_process_is_its_own(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    killed_call(c, "k1", generation=None, owner=ProcessId.of(1))
    assert settle_orphans(c.store, c.api, nowhere, now=NOON + timedelta(minutes=20)) == []
    assert books(c) == (0, USD("0.5"))


def test_an_answer_that_comes_slowly_is_named_before_it_is_whole(crew: MakeCrew) -> None:
    c = crew(paid("gamma"), faults=[Fault(kind=FaultKind.DRIP, seconds=0.8)])
    asking = Thread(target=c.gateway(MODEL).complete, args=[ask()])
    asking.start()
    names = set()
    while asking.is_alive():
        with c.store.engine.connect() as connection:
            names |= set(connection.execute(select(budget_reservations.c.generation_id)).scalars())
        asking.join(0.02)
    assert c.calls[0].generation_id in names


def test_a_paid_call_leaves_its_name_while_it_runs(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    names: list[object] = []

    def look(*_: object) -> None:
        with c.store.engine.connect() as connection:
            names.extend(connection.execute(select(budget_reservations.c.generation_id)).scalars())

    gateway = c.gateway(MODEL)
    for chunk in gateway.dispatcher.stream(ask()):
        look(chunk)
    assert c.calls[0].generation_id in names


def move(crew: Crew, key: str, host: str, pid: int) -> None:
    """Let the call be one of a process on another host."""
    with crew.store.engine.begin() as connection:
        elsewhere = update(budget_reservations).where(budget_reservations.c.reservation_id == key)
        connection.execute(elsewhere.values(host=host, pid=pid))


def give(crew: Crew, host: str, pid: int) -> None:
    """Let a process on another host work on the task."""
    values = {"task_id": "t-killed", "commit": "c", "fingerprint": "f", "priority": "normal", "host": host}
    row = {**values, "body": {}, "rank": 3, "status": "running", "pid": pid}
    with crew.store.engine.begin() as connection:
        connection.execute(delete(tasks))
        connection.execute(insert(tasks).values(row))


LATER = NOON + LONGEST_UNKNOWN + timedelta(seconds=1)


def test_the_call_of_a_lost_host_is_settled_with_the_providers_record_once_its_task_is_not_its_own(
    crew: MakeCrew,
) -> None:
    c = crew(paid("gamma"))
    c.gateway(MODEL).complete(ask())
    (made,) = c.calls
    killed_call(c, "k1", generation=made.generation_id)
    move(c, "k1", "north", 7)
    give(c, "north", 7)
    assert settle_orphans(c.store, c.api, nowhere, now=LATER) == [], "it may be at work"
    give(c, "south", 7)
    assert settle_orphans(c.store, c.api, nowhere, now=NOON) == [], "it may come back"
    (record,) = settle_orphans(c.store, c.api, nowhere, now=LATER)
    assert made.cost_usd is not None and books(c) == (made.cost_usd, 0)
    assert (record.cost_usd, record.generation_id) == (made.cost_usd, made.generation_id)
    assert settle_orphans(c.store, c.api, nowhere, now=LATER) == []


def test_a_call_that_no_host_can_still_make_is_settled_with_the_providers_record(crew: MakeCrew) -> None:
    c = crew(paid("gamma"))
    c.gateway(MODEL).complete(ask())
    killed_call(c, "k1", generation=c.calls[0].generation_id)
    killed_call(c, "k2", generation=None)
    for key in ("k1", "k2"):
        move(c, key, "north", 7)
    assert settle_orphans(c.store, c.api, nowhere, now=NOON + RESERVATION_LIFETIME) == [], (
        "its task is unknown"
    )
    found = settle_orphans(c.store, c.api, nowhere, now=NOON + RESERVATION_LIFETIME + timedelta(seconds=1))
    assert {record.cost_usd for record in found} == {c.calls[0].cost_usd, None}
    assert books(c) == (USD("0.5") + (c.calls[0].cost_usd or 0), 0)
