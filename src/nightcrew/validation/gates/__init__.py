"""The gates, one small module each, in the order they run: the cheap ones first."""

from nightcrew.target_config import TargetConfig
from nightcrew.validation.gate import Gate
from nightcrew.validation.gates.acceptance import Acceptance
from nightcrew.validation.gates.analysis import Analysis
from nightcrew.validation.gates.assertions import Assertions
from nightcrew.validation.gates.behaviour import Behaviour
from nightcrew.validation.gates.controls import Controls
from nightcrew.validation.gates.documentation import Documentation
from nightcrew.validation.gates.existing_tests import ExistingTests
from nightcrew.validation.gates.extent import Extent
from nightcrew.validation.gates.mutation import Mutation
from nightcrew.validation.gates.new_tests import NewTests
from nightcrew.validation.gates.own import OwnRule
from nightcrew.validation.gates.refactoring import Refactoring
from nightcrew.validation.gates.scope import Scope
from nightcrew.validation.gates.static import Static
from nightcrew.validation.gates.tamper import Tamper
from nightcrew.validation.questions.empowered import Empowered
from nightcrew.validation.questions.lost import Lost
from nightcrew.validation.questions.needed import Needed
from nightcrew.validation.questions.watched import Watched


def reading_gates() -> tuple[Gate, ...]:
    """Those that only read a change, and run none of it."""
    return (
        Lost(), Empowered(), Scope(), Tamper(), Static(), Assertions(), Analysis(), Documentation(),
    )  # fmt: skip


def all_gates() -> tuple[Gate, ...]:
    """Nightcrew's own gates in order: those that read, then those that run, then those that break code."""
    return (
        *reading_gates(),
        Behaviour(), ExistingTests(), NewTests(), Watched(), Controls(), Mutation(), Refactoring(),
        Acceptance(), Extent(), Needed(),
    )  # fmt: skip


def own_gates(config: TargetConfig) -> tuple[Gate, ...]:
    """The gates that the repository's own configuration names."""
    return tuple(OwnRule(rule) for rule in config.rules)
