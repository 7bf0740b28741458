"""Ends the services of a crew: `python -m nightcrew.crew.guard HOME`, run when its starter has ended.

A shell waits for that moment, because an interpreter with the crew's modules would hold 40 MB all night.
"""

import sys
from pathlib import Path

from nightcrew.crew import services
from nightcrew.logs.process import log_as_the_crew
from nightcrew.settings import load_settings

if __name__ == "__main__":
    log_as_the_crew()
    services.stop(load_settings(home=Path(sys.argv[1])))
