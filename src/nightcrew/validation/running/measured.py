"""What a gate measured that a later one goes by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Values(NamedTuple):
    """How many of the tests that a wrong value of the right type reached noticed it, and how many did not."""

    noticed: int = 0
    missed: int = 0


@dataclass(slots=True)
class Measured:
    """Filled while the gates run in their order; empty where a gate has not run."""

    reproducers: tuple[str, ...] = ()  # tests that fail on base because of the bug
    adds_no_coverage: bool = False  # the new tests run nothing that others do not: their kills have to add
    values: Values = field(default_factory=Values)
    blind: Mapping[str, str] = field(default_factory=dict)  # outcome of each plain run by its name
    tests_notice_faults: bool = False
    command_shows_work: bool = False  # the acceptance command fails without the change
