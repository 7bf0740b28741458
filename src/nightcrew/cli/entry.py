"""The first thing the `nightcrew` command does: remove secrets from its own environment and arguments.

A process's initial environment and arguments stay readable as long as it lives. So a command that finds the
API key, or a token in an address, there executes itself again without it, and receives it through a file
descriptor.
"""

import gc
import os
import sys

from nightcrew import host
from nightcrew.secrets.files import PRIVATE_UMASK
from nightcrew.secrets.handover import hand_over, take_over
from nightcrew.secrets.logs import keep_secrets_out_of_logs

FEW_COLLECTIONS = (
    50_000  # new objects: imports make many that stay, and searching them takes a tenth of the time
)


def main() -> None:
    """Run the command line, its secrets kept out of environment, arguments and logs; exit with its code."""
    gc.set_threshold(FEW_COLLECTIONS)
    os.umask(PRIVATE_UMASK)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # seeking them takes 50 ms
    environment, arguments = dict(os.environ), sys.argv[1:]
    if (again := hand_over(environment, arguments)) is not None:
        before = sys.orig_argv[1 : len(sys.orig_argv) - len(arguments)]
        command = [sys.executable, *before, *again.arguments]
        host.become(command, env=environment, pass_fds=(again.descriptor,))
    given = take_over(os.environ, arguments)
    sys.argv[1:] = given.arguments
    if given.key is not None:
        from nightcrew.settings import give_key

        give_key(given.key)
    keep_secrets_out_of_logs()
    from nightcrew.cli.main import main as run

    run()
