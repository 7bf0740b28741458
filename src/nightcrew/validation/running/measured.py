"""Results of gates that later gates use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Values(NamedTuple):
    """How many of the tests that received a slightly wrong value noticed it, and how many not."""

    noticed: int = 0
    missed: int = 0


@dataclass(slots=True)
class Measured:
    """The gates fill these fields in their order; a field is empty where its gate has not run."""

    reproducers: tuple[str, ...] = ()  # tests that fail on base because of the bug
    crash_on_base: bool = False  # all of them crash there: they may check no value
    adds_no_coverage: bool = False  # the new tests run only known lines: they must notice more faults
    values: Values = field(default_factory=Values)
    blind: Mapping[str, str] = field(default_factory=dict)  # outcome of each plain run by its name
    same_as_base: frozenset[str] = frozenset()  # functions that gave base's result for every compared call
    tests_notice_faults: bool = False
    command_shows_work: bool = False  # the acceptance command fails without the change
