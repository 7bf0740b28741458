"""The `nightcrew` command: one sentence and an exit code for every mistake, never a stack trace.

Exit codes: 0 done · 1 the work failed or was rejected · 2 bad input · 3 not measurable · 4 infrastructure.
"""

import logging
import os
import sys
from enum import IntEnum
from typing import Annotated

import typer
from typer.exceptions import TyperException

from nightcrew.cli.output import errors
from nightcrew.errors import BadInput, NightcrewError

app = typer.Typer(
    name="nightcrew",
    help="An unattended crew for development work: completed only on evidence.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


class ExitCode(IntEnum):
    """What the shell is told."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_MEASURABLE = 3
    INFRASTRUCTURE = 4


@app.callback()
def configure(
    debug: Annotated[bool, typer.Option("--debug", help="Show log lines and stack traces.")] = False,
) -> None:
    """Set up logging for the command that follows."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, stream=sys.stderr)


def main() -> None:
    """Run the command line and exit with its code."""
    import nightcrew.cli.commands  # noqa: F401  registers every command on `app`

    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        _say(error.format_message(), "Run the command with --help to see what it takes.")
        sys.exit(ExitCode.BAD_INPUT)
    except BadInput as error:
        _say(str(error))
        sys.exit(ExitCode.BAD_INPUT)
    except NightcrewError as error:
        _say(str(error))
        sys.exit(ExitCode.INFRASTRUCTURE)
    except KeyboardInterrupt:
        _say("interrupted")
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe went away; nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.DONE)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _say(f"internal error: {type(error).__name__}: {error}", "Run it again with --debug for the details.")
        sys.exit(ExitCode.INFRASTRUCTURE)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _say(message: str, advice: str = "") -> None:
    errors.print(f"nightcrew: {message}", style="red", markup=False)
    if advice:
        errors.print(advice, markup=False)
