"""Archives finished journals, corrects tasks whose run was lost, deletes what is past its date."""

from datetime import UTC, datetime, timedelta

from prefect import flow

from blocks.crew import settings_overrides
from flows.steps import step
from nightcrew.crew.dispatch import dispatch_pending
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.storage.database import ensure_database
from nightcrew.ledger.compactor import Compaction, compact
from nightcrew.openrouter.serving.transcript import forget_prompts
from nightcrew.queue.audit.actor import act_through
from nightcrew.queue.audit.retention import prune
from nightcrew.queue.state_store import StateStore, create_schema, only_one
from nightcrew.settings import Settings, load_settings
from nightcrew.shared_files import shared_files


@flow(name="sync-ledger")
async def sync_ledger() -> None:
    """Archive finished journals, and correct the status of tasks whose run ended without reporting it."""
    settings = load_settings(**await settings_overrides())
    act_through("flow sync-ledger")
    await step(archive, name="archive")(settings)
    await step(forget, name="forget")(settings)
    await step(prune_audit, name="prune-audit")(settings)
    await step(reconcile, name="reconcile")(settings)
    await step(dispatch_pending, name="dispatch-pending")(settings)


def archive(settings: Settings) -> Compaction:
    """Convert journals that are no longer written to into typed Parquet."""
    with StateStore(ensure_database(settings)) as store, only_one(store, "ledger") as is_alone:
        return compact(settings.ledger_dir, shared_files(settings)) if is_alone else Compaction()


def forget(settings: Settings) -> int:
    """Delete recorded prompts that are older than the settings allow; returns the number of files."""
    return forget_prompts(settings)


def prune_audit(settings: Settings) -> int:
    """Remove the lines of the audit log that are older than the settings allow; returns their number."""
    before = datetime.now(UTC) - timedelta(days=settings.keep_audit_days)
    with StateStore(ensure_database(settings)) as store:
        create_schema(store)
        return prune(store, before=before)
