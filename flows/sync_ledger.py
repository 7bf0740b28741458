"""Keeps the books in order: journals become the archive, tasks whose run got lost are set right, and what was
said is kept no longer than it should be."""

from datetime import UTC, datetime, timedelta

from prefect import flow

from blocks.crew import settings_overrides
from flows.steps import step
from nightcrew.crew.dispatch import dispatch_pending, reconcile
from nightcrew.ledger.compactor import Compaction, compact
from nightcrew.openrouter.serving.transcript import forget_transcripts
from nightcrew.settings import Settings, load_settings


@flow(name="sync-ledger")
async def sync_ledger() -> None:
    """Archive finished journals, and give every task its true status whose run ended without telling us."""
    settings = load_settings(**await settings_overrides())
    await step(archive, name="archive")(settings)
    await step(forget, name="forget")(settings)
    await step(reconcile, name="reconcile")(settings)
    await step(dispatch_pending, name="dispatch-pending")(settings)


def archive(settings: Settings) -> Compaction:
    """Turn journals that have been quiet for a while into typed Parquet."""
    return compact(settings.ledger_dir)


def forget(settings: Settings) -> int:
    """Delete what was said to models longer ago than the settings keep it; how many files."""
    before = datetime.now(UTC) - timedelta(days=settings.keep_prompts_days)
    return forget_transcripts(settings.results_dir, before=before)
