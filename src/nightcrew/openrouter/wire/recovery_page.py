"""Writes the page about recovery from the table that is the code; `docs/recovery.md` is what it prints.

python -m nightcrew.openrouter.wire.recovery_page > docs/recovery.md
"""

import sys

from nightcrew.openrouter.wire.recovery import documentation

HEAD = """\
# What happens after a fault

This page is printed from the table that the code works by (`src/nightcrew/openrouter/wire/recovery.py`):
`python -m nightcrew.openrouter.wire.recovery_page > docs/recovery.md`. `python -m benchmarks.fault_matrix`
makes each of these faults happen to a whole task and compares what came of it with this table.

*class* says what kind of fault it is, *next* what happens, *charged* whose record it goes on, *rests* what is
left alone for a while. Only what is charged to the model changes what the crew remembers of its skill. The
first row whose signs fit a reply wins.
"""


def page() -> str:
    """The whole page."""
    return f"{HEAD}\n{documentation()}\n"


if __name__ == "__main__":
    sys.stdout.write(page())
