"""A baseline: the original system's selector, with four models in a table and fixed weights.

The score of at most 100 is quality 40, success rate 30, latency 20, specialisation 10. The table's models are
found in a catalogue by the words of their names.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nightcrew.selection.candidates import Candidate
from nightcrew.selection.replay.outcomes import Table
from nightcrew.selection.replay.run import Run, first_of, records


class Capability(NamedTuple):
    """A row of the original's table."""

    words: tuple[str, ...]
    latency_ms: float
    quality: float  # 0 to 5
    success_rate: float
    balanced: bool  # its specialisation is the default one


TABLE = (
    Capability(("mistral", "small"), 880, 4.2, 0.95, True),
    Capability(("llama", "3.3"), 1200, 4.5, 0.92, False),
    Capability(("deepseek", "chat"), 1500, 4.7, 0.90, False),
    Capability(("gemini", "flash"), 950, 4.3, 0.93, False),
)
MAX_LATENCY_MS = 5000.0


def original_score(capability: Capability) -> float:
    """The original's score."""
    return (
        40.0 * capability.quality / 5.0
        + 30.0 * capability.success_rate
        + 20.0 * max(0.0, 1.0 - capability.latency_ms / MAX_LATENCY_MS)
        + 10.0 * capability.balanced
    )


@dataclass(slots=True)
class Original:
    """The original's choice among its table's models; without any of them, its score on measured figures."""

    catalogue: Mapping[str, Candidate]
    order: Sequence[str] = ()

    def teach(self, train: Table) -> None:
        """Score the table's models; those that it lacks are scored from the training part."""
        by_table = [
            min(found, key=lambda candidate: candidate.input_price_usd or 0).model
            for row in sorted(TABLE, key=original_score, reverse=True)
            if (found := [c for c in self.catalogue.values() if _has_words(c.name, row.words)])
        ]
        slowest = max((known.seconds for known in records(train.problems).values()), default=1.0) or 1.0
        measured = {
            model: original_score(
                Capability(
                    (), MAX_LATENCY_MS * known.seconds / slowest, 5 * known.solved, known.solved, False
                )
            )
            for model, known in records(train.problems).items()
        }
        rest = sorted(measured, key=lambda model: -measured[model])
        self.order = list(dict.fromkeys([*by_table, *rest]))

    def solve(self, run: Run) -> None:
        """Deliver the work of the table's choice."""
        run.deliver(first_of(self.order, run.models))


# ------------------------------------------------------------------------------------------------------


def _has_words(name: str, words: Sequence[str]) -> bool:
    found = set(re.split(r"[^a-z0-9.]+", name.lower()))
    return all(word in found for word in words)
