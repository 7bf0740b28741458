"""Events and their lines; every kind makes the round trip through journal, views and archive unchanged."""

import math
import tempfile
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nightcrew.ledger.compactor import compact
from nightcrew.ledger.events import (
    EVENT_TYPES,
    MAX_TEXT,
    SCHEMA_VERSION,
    Event,
    TaskFinished,
    clean_text,
    encode,
    event_id,
    money,
    to_json,
)
from nightcrew.ledger.journal import Journal
from nightcrew.ledger.ledger import Ledger

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

texts = st.text(max_size=60)
amounts = st.decimals(min_value=-(10**8), max_value=10**8, places=9)
times = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))
by_type: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(min_value=-(2**63), max_value=2**63 - 1),
    float: st.floats(allow_nan=True, allow_infinity=True),
    bool: st.booleans(),
    Decimal: amounts,
    datetime: times,
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    if hint in by_type:
        return by_type[hint]
    if typing.get_origin(hint) is tuple:
        return st.lists(values(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if is_dataclass(hint):
        return shapes(typing.cast(type[Any], hint))
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    return st.none() | values(options[0])


def shapes(shape: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(shape)
    return st.builds(shape, **{field.name: values(hints[field.name]) for field in fields(shape)})


one_of_each = st.tuples(*(shapes(event_type) for event_type in EVENT_TYPES))


def as_stored(value: Any) -> Any:
    """What the ledger is to give back: texts cleaned, tuples as lists, no number where there is none."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_stored(getattr(value, field.name)) for field in fields(value)}
    match value:
        case str():
            return clean_text(value)
        case float():
            return value if math.isfinite(value) else None
        case tuple():
            return [as_stored(item) for item in value]
    return value


def id_of(event: Event) -> str:
    return event_id(event, to_json(event))


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(nights=st.lists(one_of_each, min_size=1, max_size=10))
def test_events_come_back_as_they_went_in(nights: list[tuple[Event, ...]]) -> None:
    """From the journal, and again from the archive once the journal is gone."""
    events = {id_of(event): event for night in nights for event in night}
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "journal", "test", clock=lambda: NOON)
        for event in events.values():
            journal.append(encode(event, NOON))
        journal.close()
        with Ledger(Path(place)) as ledger:
            assert stored(ledger) == {id_: as_stored(event) for id_, event in events.items()}
            compact(Path(place), quiet_seconds=0, grace_seconds=0, now=datetime.now(UTC) + timedelta(hours=2))
            assert not list((Path(place) / "journal").glob("*T*"))
            assert stored(ledger) == {id_: as_stored(event) for id_, event in events.items()}


def stored(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Every fact of the ledger by id."""
    rows = [row for kind in EVENT_TYPES for row in ledger.query(f"SELECT * FROM facts.{kind.kind}")]
    assert {row.pop("recorded_at") for row in rows} <= {NOON}
    assert {row.pop("schema_version") for row in rows} <= {SCHEMA_VERSION}
    by_id = {row.pop("event_id"): row for row in rows}
    assert len(by_id) == len(rows)
    return by_id


@given(event=shapes(TaskFinished), other=shapes(TaskFinished))
def test_the_id_depends_on_the_content_and_not_on_when(event: TaskFinished, other: TaskFinished) -> None:
    assert (id_of(event) == id_of(other)) == (as_stored(event) == as_stored(other))


@given(event=one_of_each)
def test_an_event_is_one_line_of_ascii(event: tuple[Event, ...]) -> None:
    for one in event:
        line = encode(one, NOON)
        assert line.isascii() and line.count(b"\n") == 1 and line.endswith(b"}\n")
        assert line.startswith(f'{{"kind":"{one.kind}","event_id":'.encode())


@given(amount=st.decimals(allow_nan=True, allow_infinity=True))
@example(amount=Decimal("999999999.9999999999"))
@example(amount=Decimal("1E-30"))
def test_money_keeps_nine_decimals_or_is_unknown(amount: Decimal) -> None:
    kept = money(amount)
    if kept is None:
        assert not amount.is_finite() or abs(amount) >= Decimal("999999999.9999999995")
    else:
        assert kept.as_tuple().exponent == -9 and abs(kept - amount) <= Decimal("0.0000000005")
        assert len(kept.as_tuple().digits) <= 18


@given(text=st.text(alphabet=st.characters(codec=None), max_size=50))
def test_clean_text_can_be_read_by_everybody(text: str) -> None:
    clean = clean_text(text)
    assert clean.encode("utf-8").decode("utf-8") == clean and "\x00" not in clean


def test_long_texts_are_cut() -> None:
    assert len(clean_text("x" * 10_000)) == MAX_TEXT
