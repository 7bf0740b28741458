"""Starts Prefect's worker: `python -m nightcrew.worker.start`, with the options of `prefect worker start`.

What Prefect's command line prints for a person becomes log lines, so that the worker's log has one form.
"""

import sys

from prefect.cli import app

from nightcrew.logs.process import Printed, log_what_ends_it

if __name__ == "__main__":
    log_what_ends_it()
    sys.stdout = Printed("prefect.worker")
    sys.argv[1:1] = ["worker", "start"]  # Prefect reads them there
    app()
