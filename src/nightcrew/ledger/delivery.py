"""Delivers the facts in the store's outbox to the ledger, each exactly once.

A fact is removed from the outbox in a transaction that ends after it is on disk. If the process dies between
the two, the fact is delivered again, and is the same row, because its id comes from its content.
"""

import logging
import os
import socket
from pathlib import Path

from nightcrew.errors import StoreDown, Transient
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.ledger.sharing import exchange_journals
from nightcrew.queue import outbox
from nightcrew.queue.outbox import Fact, FactKind
from nightcrew.queue.state_store import StateStore, is_down
from nightcrew.settings import Settings
from nightcrew.shared_files import shared_files
from nightcrew.task import Task, TaskStatus

log = logging.getLogger(__name__)


def deliver(store: StateStore, collector: MetricsCollector) -> int:
    """Record the waiting facts; returns their number.

    Raises:
        Transient: the ledger cannot be written; the facts stay in the outbox.
    """
    with store.engine.begin() as connection:
        facts = outbox.take(connection)
        for fact in facts:
            _record(collector, fact)
        collector.flush()
    return len(facts)


def deliver_from(store: StateStore, ledger_dir: Path) -> None:
    """Like `deliver`, for a process without a collector; if it fails, the facts wait for the next one."""
    try:
        if outbox.is_empty(store):
            return
        with MetricsCollector(ledger_dir, f"{socket.gethostname()}-{os.getpid()}") as collector:
            while deliver(store, collector) == outbox.MOST_AT_ONCE:
                pass
    except Exception as error:
        if not (isinstance(error, OSError | Transient) or is_down(error)):
            raise
        log.warning("facts for the ledger wait in the state store: %s", error)


def share_journals(settings: Settings) -> None:
    """Exchange journals with the crew's other hosts; if that fails, facts wait here for the next time."""
    try:
        if shared := shared_files(settings):
            exchange_journals(settings.ledger_dir, shared)
    except (OSError, StoreDown) as error:
        log.warning("facts wait on this host: %s", error)


# ---------------------------------------------------------------------------------------------------------


def _record(collector: MetricsCollector, fact: Fact) -> None:
    content = fact.content
    match fact.kind:
        case FactKind.SUBMITTED:
            collector.task_submitted(Task.model_validate(content["task"]), at=fact.at)
        case FactKind.STARTED:
            collector.task_started(fact.task_id, **content, at=fact.at)
        case FactKind.FINISHED:
            status = TaskStatus(content["status"])
            collector.task_finished(fact.task_id, **{**content, "status": status}, at=fact.at)
        case FactKind.DELIVERED:
            collector.task_delivered(fact.task_id, **content, at=fact.at)
        case FactKind.FOLLOWED:
            collector.pull_followed(fact.task_id, **content, at=fact.at)
