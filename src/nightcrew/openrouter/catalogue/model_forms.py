"""What the crew has seen of the form of a model's answers, in the state store and for all of its processes.

Whether the model calls tools is found by a first small call and remembered; how often its calls had to be
repaired, and its edits in text could not be read, is counted. Old counts fade, because models change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.catalogue.catalogue_tables import model_forms
from nightcrew.openrouter.rescue.kinds import RescueKind

REMEMBERED = timedelta(days=30)  # that a model does not call tools; then it is tried again
MOST_COUNTED = 200
DOUBT = 3.0  # well-formed answers that are assumed of every model

_CALL_REPAIRS = {
    RescueKind.TEXT_CALL,
    RescueKind.ARGUMENTS,
    RescueKind.TOOL_NAME,
    RescueKind.LEGACY_CALL,
    RescueKind.CALL_LIST,
    RescueKind.HINT,
}  # without which the call would be lost; the others matter less
_MADE_IN_TEXT = {RescueKind.TEXT_CALL, RescueKind.LEGACY_CALL, RescueKind.CALL_LIST, RescueKind.HINT}


@dataclass(frozen=True, slots=True)
class ModelForm:
    """The form of one model's answers so far."""

    calls: int = 0  # answers to requests with tools
    repaired: int = 0  # of these, with a call that would have been lost
    texts: int = 0  # first replies with edits in text
    texts_missed: int = 0  # of these, without a readable edit
    calls_tools: bool | None = None  # None: it has not been tried
    tried_at: datetime | None = None

    @property
    def repaired_share(self) -> float:
        """The expected share of calls that need a repair."""
        return self.repaired / (self.calls + DOUBT)

    @property
    def missed_share(self) -> float:
        """The expected share of replies in text that cannot be read."""
        return self.texts_missed / (self.texts + DOUBT)

    def cannot_call(self, now: datetime) -> bool:
        """True if the model is known not to call tools."""
        recent = self.tried_at is not None and now - self.tried_at < REMEMBERED
        return self.calls_tools is False and recent

    def is_tried(self, now: datetime) -> bool:
        """True if nothing more has to be found out on this UTC day."""
        today = self.tried_at is not None and self.tried_at.date() == now.date()
        return self.cannot_call(now) or (today and self.calls_tools is not None)


def read_forms(connection: Connection, endpoint: str) -> dict[str, ModelForm]:
    """The known forms at an endpoint, by model."""
    columns = [column for column in model_forms.c if column.name != "endpoint"]
    rows = connection.execute(select(*columns).where(model_forms.c.endpoint == endpoint)).mappings()
    return {row["model"]: ModelForm(**{k: v for k, v in row.items() if k != "model"}) for row in rows}


def note_calls(connection: Connection, endpoint: str, calls: Iterable[ModelCall], now: datetime) -> None:
    """Add answers to requests with tools, by the model that was asked."""
    answered = [call for call in calls if call.fault is None]
    for model in dict.fromkeys(call.asked_model for call in answered):
        own = [call for call in answered if call.asked_model == model]
        repaired = sum(bool(_worked(call) & _CALL_REPAIRS) for call in own)
        values: dict[str, object] = {"calls": len(own), "repaired": repaired}
        if any(is_tool_call(call) for call in own):
            values |= {"calls_tools": True, "tried_at": now}
        _add(connection, endpoint, model, values)


def note_no_tools(connection: Connection, endpoint: str, model: str, now: datetime) -> None:
    """Remember that a model answered in prose when it was asked for a tool call."""
    _add(connection, endpoint, model, {"calls_tools": False, "tried_at": now})


def note_text(connection: Connection, endpoint: str, model: str, *, was_read: bool) -> None:
    """Add a first reply with edits in text."""
    _add(connection, endpoint, model, {"texts": 1, "texts_missed": int(not was_read)})


def is_tool_call(call: ModelCall) -> bool:
    """True if the answer is a tool call, as it came or repaired."""
    return call.finish_reason in {"tool_calls", "function_call"} or bool(_worked(call) & _MADE_IN_TEXT)


# ----------------------------------------------------------------------------------------------------


def _worked(call: ModelCall) -> set[str]:
    return {rescue.kind for rescue in call.rescues or () if rescue.worked}


def _add(connection: Connection, endpoint: str, model: str, values: dict[str, object]) -> None:
    """Add counts, and set what else is known; a row with many counts is halved before."""
    statement = insert(model_forms).values(endpoint=endpoint, model=model, **values)
    known, new = model_forms.c, statement.excluded
    kept: dict[str, object] = {}
    for name in values:
        if name in {"calls_tools", "tried_at"}:
            kept[name] = new[name]
            continue
        whole = known.calls if name in {"calls", "repaired"} else known.texts
        halves = (whole >= MOST_COUNTED).cast(known.calls.type)
        kept[name] = known[name] / (1 + halves) + new[name]
    connection.execute(statement.on_conflict_do_update(index_elements=["endpoint", "model"], set_=kept))
