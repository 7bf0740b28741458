"""The first thing the `nightcrew` command does: remove the API key from its own environment.

A process's initial environment stays readable as long as it lives, and its children inherit it. So a command
that finds the key there executes itself again without it, and receives the key through a file descriptor.
"""

import os
import sys

from nightcrew import host
from nightcrew.secrets.account import hand_over, take_over
from nightcrew.secrets.files import PRIVATE_UMASK
from nightcrew.secrets.logs import keep_secrets_out_of_logs
from nightcrew.settings import give_key


def main() -> None:
    """Run the command line with the key kept out of the environment and the logs; exit with its code."""
    os.umask(PRIVATE_UMASK)
    environment = dict(os.environ)
    if (descriptor := hand_over(environment)) is not None:
        host.become([sys.executable, *sys.orig_argv[1:]], env=environment, pass_fds=(descriptor,))
    give_key(take_over(os.environ))
    keep_secrets_out_of_logs()
    from nightcrew.cli.main import main as run

    run()
