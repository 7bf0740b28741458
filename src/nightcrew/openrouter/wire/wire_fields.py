"""Field types for replies, read tolerantly: an unreadable value counts as missing."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator

type Whole = Annotated[int | None, BeforeValidator(whole)]
type Day = Annotated[date | None, BeforeValidator(_day)]
type Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
type Text = Annotated[str | None, BeforeValidator(_text_or_none)]
type Target = Annotated[str | None, BeforeValidator(_target)]
type Table = Annotated[dict[str, Any], BeforeValidator(table)]


MOST_DIGITS = 40  # of a number as it is written
MOST_EXPONENT = 15  # of its first digit: as an integer or written out, `1e999999999` would take gigabytes


def to_decimal(value: object) -> Decimal | None:
    """The number in `value`; None where there is none, or one that no amount, size or time can be."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    try:
        text = str(value).strip()
        number = Decimal(text) if len(text) <= MOST_DIGITS else Decimal("NaN")
    except (InvalidOperation, ValueError):
        return None
    if not number:
        return Decimal(0)
    return number if number.is_finite() and abs(number.adjusted()) <= MOST_EXPONENT else None


def whole(value: object) -> int | None:
    """The positive integer in `value`, or None."""
    number = to_decimal(value)
    return int(number) if number is not None and number > 0 else None


def table(value: object) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return dict(value) if isinstance(value, Mapping) else {}


# ----------------------------------------------------------------------------------------------------


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list | tuple) else ()


def _target(value: object) -> str | None:
    """An alias's target, which is sent as an object or as a name."""
    if isinstance(value, Mapping):
        value = value.get("id") or value.get("slug") or value.get("canonical_slug") or value.get("name")
    return str(value) if value else None


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
