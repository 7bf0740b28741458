"""`nightcrew digest`: what happened since yesterday."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json
from nightcrew.settings import load_settings


@app.command("digest")
def digest(
    hours: Annotated[int, typer.Option(min=1, max=8_760, help="How far to look back.")] = 24,
    as_json: AsJson = False,
) -> int:
    """Print what was done, what people made of it, and what waits for you."""
    from nightcrew.watch.digest import digest_text, read_digest

    found = read_digest(load_settings(), datetime.now(UTC) - timedelta(hours=hours))
    if as_json:
        print_json(
            {
                "since": found.since,
                "done": [one.task_id for one in found.done],
                "failed": {one.task_id: one.failure_reason for one in found.failed},
                "waiting": [one.task_id for one in found.waiting],
                "pull_requests": {one.task_id: str(state) for one, state in found.decided},
                "cost_usd": found.cost_usd,
            }
        )
    else:
        console.print(digest_text(found))
    return ExitCode.DONE
