"""The first thing the `nightcrew` command does: see to it that its environment holds no key.

What a process was started with can be read as long as it lives, and is handed on to all that it starts. So a
command that finds the key there starts itself again without it, and is told the key by a descriptor.
"""

import os
import sys

from nightcrew import host
from nightcrew.secrets.account import hand_over, take_over
from nightcrew.secrets.files import PRIVATE_UMASK
from nightcrew.secrets.logs import keep_secrets_out_of_logs
from nightcrew.settings import give_key


def main() -> None:
    """Run the command line with what was told of the key, and exit with its code."""
    os.umask(PRIVATE_UMASK)
    environment = dict(os.environ)
    if (descriptor := hand_over(environment)) is not None:
        host.become([sys.executable, *sys.orig_argv[1:]], env=environment, pass_fds=(descriptor,))
    give_key(take_over(os.environ))
    keep_secrets_out_of_logs()
    from nightcrew.cli.main import main as run

    run()
