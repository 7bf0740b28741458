"""All kinds of faults, and the seeded order in which a slice makes them."""

import random
from collections.abc import Iterator

from benchmarks.chaos.faults import clock, people, processes, provider, storage
from benchmarks.chaos.faults.strike import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (*processes.KINDS, *people.KINDS, *provider.KINDS, *storage.KINDS, *clock.KINDS)
}


def drawn(seed: int, number: int, only: frozenset[str] = frozenset()) -> Iterator[Kind]:
    """The kinds of a slice's faults, without end: the same seed and number, the same order."""
    dice = random.Random(f"faults {seed} {number}")
    able = [kind for kind in KINDS.values() if not only or kind.name in only]
    while True:
        yield from dice.choices(able, [kind.weight for kind in able], k=50)
