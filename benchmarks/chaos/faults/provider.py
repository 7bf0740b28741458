"""What the provider and the way to it do: refuse, hang, be slow, cut, and answer with errors."""

from functools import partial
from typing import Any

from benchmarks.chaos.faults.strike import Cause, Kind, Strike
from benchmarks.chaos.look import Look
from benchmarks.chaos.stage import Stage
from nightcrew.testing.scenario import FaultKind

CALLS = 3  # that are struck


def refuse(stage: Stage, look: Look) -> Strike:
    """No connection can be made."""
    stage.line.refuse()
    return Strike("the line", stage.dice.uniform(5.0, 45.0), stage.line.open)


def hang(stage: Stage, look: Look) -> Strike:
    """Connections and requests are taken, and nothing comes back."""
    stage.line.hang()
    return Strike("the line", stage.dice.uniform(5.0, 45.0), stage.line.open)


def cut(stage: Stage, look: Look) -> Strike:
    """All connections break at once."""
    stage.line.cut()
    return Strike("the line")


def answers(kind: FaultKind, stage: Stage, look: Look, **more: Any) -> Strike:
    """The next answers are like this."""
    fault = {"kind": kind, "per": "account", "times": CALLS, **more}
    stage.twin({"faults": "clear", "add_faults": [fault]})
    return Strike(f"{CALLS} answers", 10.0, partial(stage.twin, {"faults": "clear"}))


def _answers(kind: FaultKind, **more: Any) -> Cause:
    return partial(answers, kind, **more)


KINDS = (
    Kind("provider refuses", refuse, 3, is_heavy=True),
    Kind("provider hangs", hang, 2, is_heavy=True),
    Kind("provider cut", cut, 3),
    Kind("provider slow", _answers(FaultKind.LATENCY, seconds=15.0), 2),
    Kind("provider drips", _answers(FaultKind.DRIP, seconds=10.0), 2),
    Kind("provider breaks off", _answers(FaultKind.MIDSTREAM_DROP), 2),
    Kind("provider drops", _answers(FaultKind.DROPPED), 2),
    Kind("provider overloaded", _answers(FaultKind.UNAVAILABLE), 2),
    Kind("provider fails in 200", _answers(FaultKind.ERROR_IN_200), 2),
)
