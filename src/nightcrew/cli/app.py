"""The `nightcrew` command: one sentence and an exit code for every mistake, never a stack trace.

Exit codes: 0 done · 1 the work failed or was rejected · 2 bad input · 3 not measurable · 4 infrastructure.
"""

import logging
import os
import sys
from enum import IntEnum
from typing import Annotated

import typer

from nightcrew.cli.command_group import CommandGroup
from nightcrew.plain_text import HarmlessFormatter
from nightcrew.queue.audit.actor import act_through

app = typer.Typer(
    name="nightcrew",
    cls=CommandGroup,
    help="An unattended crew for development work: completed only on evidence.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


REPLACED_VARIABLES = {
    "OPENHANDS_MODEL": "NIGHTCREW_MODELS, a list, or --model of a task",
    "OPENHANDS_WORKSPACE_ROOT": "NIGHTCREW_HOME",
    "OPENHANDS_TIMEOUT": "NIGHTCREW_ATTEMPT_SECONDS, or --max-seconds of a task",
    "OPENHANDS_ENABLE_CIRCUIT_BREAKER": "nothing: models that fail always rest for a while",
}
"""Variables of the original system that are not read, and what has taken their place."""


class ExitCode(IntEnum):
    """The exit code of the command."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_MEASURABLE = 3
    INFRASTRUCTURE = 4


class Goodbye(Exception):
    """The user has interrupted a command; the text says what goes on without it."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nightcrew {version('nightcrew')}")
        raise typer.Exit


@app.callback()
def configure(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show log lines and stack traces.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Set up logging for the command that follows; without one, print the commands."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    act_through(f"nightcrew {context.invoked_subcommand}")
    for name in REPLACED_VARIABLES.keys() & os.environ.keys():
        typer.echo(f"{name} is not read; instead of it there is {REPLACED_VARIABLES[name]}.", err=True)
    os.environ.setdefault("DO_NOT_TRACK", "1")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(HarmlessFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, handlers=[handler])
