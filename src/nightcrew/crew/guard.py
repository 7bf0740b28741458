"""Ends a crew's services when the process that started them has ended.

Run as `python -m nightcrew.crew.guard HOME`. It waits on a pipe that closes when that process
ends for any reason.
"""

import sys
from pathlib import Path

from nightcrew.crew import services
from nightcrew.settings import load_settings


def main(home: Path) -> None:
    """Wait until stdin closes, then stop the crew in `home`."""
    while sys.stdin.buffer.read(1):
        pass
    services.stop(load_settings(home=home))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
