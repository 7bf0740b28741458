"""`nightcrew run-engine`, `stop-engine` and `resume`: the services of a crew in the foreground."""

import logging
import signal
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, counted, errors, print_json
from nightcrew.errors import Transient
from nightcrew.execution.checkout.free_space import was_full
from nightcrew.settings import LogFormat, Settings, load_settings

if TYPE_CHECKING:
    from nightcrew.crew.status import ServiceStatus

log = logging.getLogger(__name__)


@app.command("run-engine")
def run_engine(
    workers: Annotated[int | None, typer.Option(min=1, max=200, help="Tasks at once (default: 5).")] = None,
    duration: Annotated[int | None, typer.Option(min=1, help="Stop after this many seconds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start the crew. PostgreSQL, Prefect server and worker run until Ctrl-C."""
    from nightcrew.crew.services import running_crew
    from nightcrew.crew.stop import started_with_patience
    from nightcrew.crew.upkeep import keep_up
    from nightcrew.work.traces.export import check_traces

    settings = load_settings()
    check_traces()
    signal.signal(signal.SIGTERM, stop_on_signal)  # how a service manager asks for it
    tell = teller(settings, as_json=as_json)
    progress = (lambda _: None) if as_json else tell
    try:
        with ExitStack() as started:
            crew = started_with_patience(
                settings,
                lambda: started.enter_context(running_crew(settings, workers=workers, progress=progress)),
                report if as_json else tell,
            )
            _tell_of(crew, as_json=as_json)
            try:
                keep_up(settings, tell, seconds=duration or float("inf"))
            finally:
                progress("stopping")
    except OSError as error:
        if not was_full(error):
            raise
        raise Transient(f"the disk is full or read-only: {error}") from error


@app.command("stop-engine")
def stop_engine(as_json: AsJson = False) -> None:
    """Stop a crew that was left running. Unfinished tasks go back to the queue."""
    from nightcrew.crew.services import stop

    stopped = stop(load_settings())
    if as_json:
        print_json({"stopped": stopped})
    else:
        console.print("The crew is stopped." if stopped else "No crew was running.")


@app.command("resume")
def resume(as_json: AsJson = False) -> None:
    """Resume a stopped crew. A crew stops itself if its account is refused or the disk is full."""
    from nightcrew.crew import stop as crew_stop

    resumed = crew_stop.resume(load_settings())
    if as_json:
        print_json(resumed)
        return
    if resumed.stop is None:
        console.print("The crew was not stopped.")
    else:
        console.print(f"It was stopped because: {resumed.stop.message}")
        console.print(f"The crew has resumed; waiting tasks that start now: {resumed.tasks}.")
    if resumed.warning:
        console.print(resumed.warning, style="yellow")


# ---------------------------------------------------------------------------------------------------------


def _tell_of(crew: "ServiceStatus", *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "ui_url": crew.ui_url,
                "dashboard_url": crew.dashboard_url,
                "api_url": crew.api_url,
                "workers": crew.workers,
                "home": crew.home,
            }
        )
        return
    console.print(
        f"The crew is running: {counted(crew.workers, 'task')} at once. Prefect UI: {crew.ui_url}",
    )
    console.print(f"Dashboard: {crew.dashboard_url}")
    console.print("The browser asks once for a password. Print it with 'nightcrew ui --password'.")
    console.print("Submit tasks from another terminal with: nightcrew submit-task. Stop with Ctrl-C.")


def teller(settings: Settings, *, as_json: bool) -> Callable[[str], None]:
    """What tells of the services: lines for people, or log lines where the settings ask for JSON."""
    if settings.log_format is LogFormat.JSON:
        from nightcrew.logs.process import log_as_the_crew

        log_as_the_crew()
        log.setLevel(logging.INFO)
        return lambda text: log.info("%s", text)
    return report if as_json else say


def say(text: str) -> None:
    """Print a line about what the services do."""
    console.print(f"· {text}", style="dim")


def report(text: str) -> None:
    """The same beside JSON, on standard error."""
    errors.print(text)


def stop_on_signal(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, by leaving all blocks."""
    raise SystemExit(0)
