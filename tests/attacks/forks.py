"""A sandbox whose commands are forked from a loaded process: it runs any command, as the others do."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightcrew.execution.confinement.forking.forked import Forked
from nightcrew.execution.confinement.forking.keeper import Keeper, Loaded
from nightcrew.execution.sandbox import Mount, interpreter_mounts
from tests.attacks.executed import INSIDE

__all__ = ["INSIDE", "forking_sandbox"]

LIBRARY, PROGRAM = "/run/program/library", "/run/program/executed.py"
_START = (
    f"import sys; sys.path[:0] = [{LIBRARY!r}, '/run/program']; "
    "from nightcrew.execution.confinement.forking.parent import main; main()"
)


@contextmanager
def forking_sandbox(*more: Mount) -> Iterator[Forked]:
    """Its commands replace the forked process, `executed.py`, once that is confined; all see `more`."""
    library = Path(__file__).parents[2] / "src"
    mounts = (
        *interpreter_mounts(Path(sys.executable)),
        Mount(library, LIBRARY),
        Mount(Path(__file__).with_name("executed.py"), PROGRAM),
        *more,
    )
    loaded = Loaded(Path(sys.executable), "executed", mounts, ("-I", "-c", _START))
    with Keeper(lambda: loaded) as keeper:
        yield Forked(keeper.path, mounts)
