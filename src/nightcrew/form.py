"""Models as Prefect's forms show and check them: schemas with plain types, and values that fit these.

Prefect shows a field that may be null as a choice between types, with *Property is type "None"* below it, and
orders fields without a position by the length of their names. A form leaves an empty field out.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


def as_form(schema: dict[str, Any]) -> None:
    """Number the fields of a JSON schema, and leave each the one type that a person enters."""
    for position, field in enumerate(schema.get("properties", {}).values()):
        field["position"] = position
        kinds = [kind for kind in field.pop("anyOf", ()) if kind.get("type") != "null"]
        field |= _one_of(kinds)
        if field.get("default", "") is None:
            del field["default"]
        elif field.get("type") == "number" and isinstance(field.get("default"), str):
            field["default"] = float(field["default"])


class Form(BaseModel):
    """What a person may enter in Prefect. The string under a field describes it there.

    A text that was emptied again counts as not entered: the field has its default. Choices cannot be emptied.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra=as_form,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value != "" or cls._is_choice(name)}

    @classmethod
    def _is_choice(cls, name: str) -> bool:
        """True for a field that always has one of several words: an empty one is a mistake."""
        field = cls.model_fields.get(name)
        return field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, Enum)


def form_values(model: Form, *, only_set: bool = False) -> dict[str, Any]:
    """The model's values as its form has them: without null, and sums of money as numbers.

    `only_set` leaves out what has its default only because nothing was entered.
    """
    found = model.model_dump(mode="json", exclude_none=True, exclude_unset=only_set)
    return {name: _plain(getattr(model, name), value) for name, value in found.items()}


# ---------------------------------------------------------------------------------------------------------


def _one_of(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """The kind that a form asks for: of a number that may also be written as text, the number."""
    numbers = [kind for kind in kinds if kind.get("type") == "number"]
    return next(iter(numbers or kinds), {})


def _plain(value: object, written: object) -> object:
    return float(value) if isinstance(value, Decimal) else written
