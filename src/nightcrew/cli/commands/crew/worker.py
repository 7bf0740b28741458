"""`nightcrew worker --join`: this host works for a crew, and runs nothing else."""

import os
import signal
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.commands.crew.engine import stop_on_signal, teller
from nightcrew.cli.output import console, counted, print_json
from nightcrew.settings import load_settings

PASSWORD = "PREFECT_API_AUTH_STRING"  # noqa: S105  a variable's name


@app.command("worker")
def worker(
    join: Annotated[
        str, typer.Option(help="URL of the crew's Prefect API, such as http://10.0.0.5:4257/api.")
    ],
    workers: Annotated[int | None, typer.Option(min=1, max=200, help="Tasks at once (default: 5).")] = None,
    duration: Annotated[int | None, typer.Option(min=1, help="Stop after this many seconds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Work for a crew whose server is on another host.

    The first time, PREFECT_API_AUTH_STRING has to hold the password of its server.
    """
    from nightcrew.crew.services import joined_crew
    from nightcrew.crew.upkeep import keep_up

    settings = load_settings()
    signal.signal(signal.SIGTERM, stop_on_signal)  # how a service manager asks for it
    tell = teller(settings, as_json=as_json)
    progress = (lambda _: None) if as_json else tell
    password = os.environ.pop(PASSWORD, None)
    with joined_crew(
        settings, join.rstrip("/"), password=password, workers=workers, progress=progress
    ) as crew:
        if as_json:
            print_json({"api_url": crew.api_url, "workers": crew.workers, "home": crew.home})
        else:
            console.print(
                f"This host works for the crew at {crew.api_url}: {counted(crew.workers, 'task')} at once. "
                "Stop with Ctrl-C.",
            )
        try:
            keep_up(settings, tell, seconds=duration or float("inf"))
        finally:
            progress("stopping")
