"""The catalogue's tables: an endpoint's models, their history, the refreshes, and the form of answers."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from nightcrew.queue.state_store import metadata

catalogue_models = Table(
    "catalogue_models",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("record", JSONB, nullable=False),
    Column("first_seen_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("gone_at", DateTime(timezone=True)),
    Column("gone_reason", Text),
)
catalogue_history = Table(
    "catalogue_history",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("change", Text, nullable=False),  # appeared, changed, vanished, returned
    Column("record", JSONB),
    Column("reason", Text),
)
catalogue_refreshes = Table(
    "catalogue_refreshes",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("tried_at", DateTime(timezone=True), nullable=False),
    Column("succeeded_at", DateTime(timezone=True)),
    Column("models", Integer, nullable=False, default=0),
    Column("error", Text),
)
model_forms = Table(
    "model_forms",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("repaired", Integer, nullable=False, server_default="0"),
    Column("texts", Integer, nullable=False, server_default="0"),
    Column("texts_missed", Integer, nullable=False, server_default="0"),
    Column("calls_tools", Boolean),
    Column("tried_at", DateTime(timezone=True)),
)
