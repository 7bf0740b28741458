"""The machine's clock is set forward or back by hours, and right again after a while."""

from functools import partial

from benchmarks.chaos.faults.strike import CannotBeDone, Kind, Strike
from benchmarks.chaos.look import Look
from benchmarks.chaos.stage import Stage

HOUR = 3600


def jump(sign: int, stage: Stage, look: Look) -> Strike:
    """The clock of every process of the crew jumps."""
    if stage.clock is None:
        raise CannotBeDone("a clock of the crew's own needs root and a C compiler")
    seconds = sign * stage.dice.randint(HOUR, 6 * HOUR)
    stage.clock.move(seconds)
    return Strike(f"{seconds / HOUR:+.1f} h", stage.dice.uniform(10.0, 40.0), partial(stage.clock.move, 0))


KINDS = (
    Kind("clock forward", partial(jump, 1), 2, is_heavy=True),
    Kind("clock back", partial(jump, -1), 2, is_heavy=True),
)
