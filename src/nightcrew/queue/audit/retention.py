"""Removes the lines of the audit log that are past their date; what is left can still be verified.

The head keeps number and hash of the last removed line, and a new line says the same, so that a start
that somebody else has cut does not fit.
"""

from datetime import datetime

from sqlalchemy import text

from nightcrew.queue.audit.line import Act
from nightcrew.queue.audit.log import enter
from nightcrew.queue.state_store import StateStore

LOG = "the audit log"

_LAST_OLD = text(
    "SELECT coalesce((SELECT min(number) - 1 FROM audit WHERE at >= :before), head.number) AS last, "
    "head.removed FROM audit_head head FOR UPDATE"
)
_REMOVE = text("DELETE FROM audit WHERE number <= :last")
_MARK = text("UPDATE audit_head SET removed = :last, removed_hash = :hash")


def prune(store: StateStore, *, before: datetime) -> int:
    """Remove the lines that are older than `before`; returns their number."""
    with store.engine.begin() as connection:
        found = connection.execute(_LAST_OLD, {"before": before}).one()
        if found.last <= found.removed:
            return 0
        query = text("SELECT hash FROM audit WHERE number = :last")
        hash_ = connection.execute(query, {"last": found.last}).scalar_one()
        connection.execute(text("SET LOCAL nightcrew.audit_may_remove = 'on'"))
        number = connection.execute(_REMOVE, {"last": found.last}).rowcount
        connection.execute(_MARK, {"last": found.last, "hash": hash_})
        details = {"removed": found.last, "hash": hash_, "before": before.isoformat()}
        enter(connection, Act.PRUNE, LOG, details)
        return number
