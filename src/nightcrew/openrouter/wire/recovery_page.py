"""Prints `docs/recovery.md` from the recovery table.

python -m nightcrew.openrouter.wire.recovery_page > docs/recovery.md
"""

import sys

from nightcrew.openrouter.wire.recovery import documentation

HEAD = """\
# What happens after a fault

This page is printed from the table that the code works by (`src/nightcrew/openrouter/wire/recovery.py`):
`python -m nightcrew.openrouter.wire.recovery_page > docs/recovery.md`. `python -m benchmarks.fault_matrix`
makes each of these faults happen during a task and compares the result with this table.

*class* is the kind of fault, *next* what happens, *charged* who is charged with it, *rests* what is not
called for a while. Only faults charged to the model change the crew's estimate of its skill. The first row
whose signs match a reply applies.
"""


def page() -> str:
    """The whole page."""
    return f"{HEAD}\n{documentation()}\n"


if __name__ == "__main__":
    sys.stdout.write(page())
