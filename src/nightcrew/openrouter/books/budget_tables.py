"""The budget tables: the amounts taken of each scope, the open reservations, and the history."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
)

from nightcrew.queue.state_store import metadata

budgets = Table(
    "budgets",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("cap_usd", Numeric, nullable=False),
    Column("spent_usd", Numeric, nullable=False, server_default="0"),
    Column("reserved_usd", Numeric, nullable=False, server_default="0"),
)
budget_reservations = Table(
    "budget_reservations",
    metadata,
    Column("reservation_id", Text, primary_key=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("amount_usd", Numeric, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("attempt_id", Text),
    Column("model", Text),
    Column("host", Text),  # host and process that make the call
    Column("pid", Integer),
    Column("pid_started", Double),
    Column("generation_id", Text),  # the provider's name for it; null: not answered yet
)
budget_entries = Table(
    "budget_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("scope", Text, nullable=False),
    Column("reservation_id", Text, nullable=False),
    Column("reserved_usd", Numeric, nullable=False),  # change
    Column("spent_usd", Numeric, nullable=False),  # change
    Column("cap_usd", Numeric, nullable=False),  # at that time
    Index("budget_entries_by_scope", "scope", "id"),
)
