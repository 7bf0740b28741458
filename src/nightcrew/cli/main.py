"""The entry point of the `nightcrew` command: one sentence and an exit code for every mistake."""

import os
import sys

from typer import Abort
from typer.exceptions import TyperException

from nightcrew.cli.app import ExitCode, Goodbye, app
from nightcrew.errors import BadInput, NightcrewError

INTERRUPTED = 130  # 128 and the number of the signal, as shells have it


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        _report(
            error.format_message().replace("Value error, ", ""),
            "Run the command with --help to see its options.",
        )
        sys.exit(ExitCode.BAD_INPUT)
    except BadInput as error:
        _report(str(error))
        sys.exit(ExitCode.BAD_INPUT)
    except NightcrewError as error:
        _report(str(error))
        sys.exit(ExitCode.INFRASTRUCTURE)
    except Goodbye as goodbye:
        _report(str(goodbye))
        sys.exit(INTERRUPTED)
    except (KeyboardInterrupt, Abort):
        _report("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.DONE)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        _report_unexpected(error)
        sys.exit(ExitCode.INFRASTRUCTURE)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _report_unexpected(error: Exception) -> None:
    from nightcrew.execution.checkout.free_space import was_full

    if was_full(error):
        _report(f"the disk is full or read-only: {error}")
    else:
        message = f"internal error: {type(error).__name__}: {error}"
        _report(message, "Run it again with --debug for the details.")


def _report(message: str, advice: str = "") -> None:
    from nightcrew.cli.output import errors

    errors.print(f"nightcrew: {message}", style="red")
    if advice:
        errors.print(advice)
