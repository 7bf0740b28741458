"""A program for forked processes: it becomes the command that it is given, or runs its code in itself."""

import os
import sys
import textwrap
from typing import NoReturn

INSIDE = "in this process"


def load() -> None:
    """Nothing is kept loaded."""


def main(words: list[str]) -> NoReturn:
    """Execute the words, or the code that follows `INSIDE`."""
    if words[0] == INSIDE:
        exec(textwrap.dedent(words[1]), {"os": os, "sys": sys})
        sys.stdout.flush()
        os._exit(0)
    try:
        os.execvpe(words[0], words, dict(os.environ))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        os._exit(127)
