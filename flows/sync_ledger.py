"""Archives finished journals, corrects tasks whose run was lost, deletes prompts past their date."""

from datetime import UTC, datetime, timedelta

from prefect import flow

from blocks.crew import settings_overrides
from flows.steps import step
from nightcrew.crew.dispatch import dispatch_pending
from nightcrew.crew.reconciliation import reconcile
from nightcrew.ledger.compactor import Compaction, compact
from nightcrew.openrouter.serving.transcript import forget_transcripts
from nightcrew.settings import Settings, load_settings


@flow(name="sync-ledger")
async def sync_ledger() -> None:
    """Archive finished journals, and correct the status of tasks whose run ended without reporting it."""
    settings = load_settings(**await settings_overrides())
    await step(archive, name="archive")(settings)
    await step(forget, name="forget")(settings)
    await step(reconcile, name="reconcile")(settings)
    await step(dispatch_pending, name="dispatch-pending")(settings)


def archive(settings: Settings) -> Compaction:
    """Convert journals that are no longer written to into typed Parquet."""
    return compact(settings.ledger_dir)


def forget(settings: Settings) -> int:
    """Delete recorded prompts that are older than the settings allow; returns the number of files."""
    before = datetime.now(UTC) - timedelta(days=settings.keep_prompts_days)
    return forget_transcripts(settings.results_dir, before=before)
