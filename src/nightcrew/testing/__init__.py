"""The twin of OpenRouter and its scenarios, for tests, benchmarks and the demo without a key."""

from nightcrew.testing.calls import Change, Seen
from nightcrew.testing.clock import TwinClock
from nightcrew.testing.demo_tasks import DemoTask, Expect, shipped_tasks
from nightcrew.testing.scenario import (
    Account,
    Character,
    Fault,
    FaultKind,
    Price,
    Scenario,
    ScriptedModel,
    load_scenario,
    shipped_path,
    shipped_scenario,
)
from nightcrew.testing.solutions import Match, Solution
from nightcrew.testing.twin import Twin, run_twin

__all__ = [
    "Account",
    "Change",
    "Character",
    "DemoTask",
    "Expect",
    "Fault",
    "FaultKind",
    "Match",
    "Price",
    "Scenario",
    "ScriptedModel",
    "Seen",
    "Solution",
    "Twin",
    "TwinClock",
    "load_scenario",
    "run_twin",
    "shipped_path",
    "shipped_scenario",
    "shipped_tasks",
]
