"""The morning digest: what was done, merged and failed, what it cost, and what waits for a person."""

import asyncio
from datetime import UTC, datetime, timedelta

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact

from blocks.crew import settings_overrides
from flows.notices import announce
from flows.steps import step
from nightcrew.crew.notice import Notice
from nightcrew.settings import load_settings
from nightcrew.watch.digest import digest_text, read_digest


@flow(name="send-digest")
async def send_digest(hours: int = 24) -> str:
    """Send what happened in the last hours; nothing is sent where nothing happened.

    Args:
        hours: How far the digest looks back.
    """
    settings = load_settings(**await settings_overrides())
    since = datetime.now(UTC) - timedelta(hours=hours)
    digest = await step(read_digest, name="read-digest")(settings, since)
    text = await asyncio.to_thread(digest_text, digest)
    await acreate_markdown_artifact(text, key="digest", description=digest.headline)
    if not digest.is_empty:
        await announce(Notice.DIGEST, about=f"nightcrew.digest.{since:%Y%m%d%H%M}", message=text)
    return digest.headline
