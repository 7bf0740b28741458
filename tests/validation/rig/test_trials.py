"""Faults tried one after the other in few processes."""

import os
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from nightcrew.validation.rig import trials
from nightcrew.validation.rig.protocol import End, Experiment, Row

FAULT = ("function", "code")


class Slow(trials.Trial):
    """A fault whose tests end the process below a limit of CPU, with the fault or without it too."""

    def __init__(self, without_fault: float, with_fault: float) -> None:
        self.one = Experiment("0", cpu_seconds=1.0)
        self.swaps: Any = [FAULT]
        self.original: Any = []
        self.needs = {True: with_fault, False: without_fault}

    def run(self, relay: Any, kills: Counter[str]) -> list[Row]:
        """Does not end below the limit that it needs."""
        if self.one.cpu_seconds < self.needs[bool(self.swaps)]:
            os._exit(3)
        return []


@pytest.mark.parametrize(
    ("without_fault", "with_fault", "survived"), [(0.5, 100, None), (5, 5, True), (100, 100, False)]
)
def test_the_fault_is_not_blamed_for_tests_that_end_their_process_without_it(
    without_fault: float, with_fault: float, survived: bool | None
) -> None:
    trial = Slow(without_fault, with_fault)
    ended: End = {"tests": [], "done": False}
    found = trials._alone(trial, ended, None, Counter(), 30.0)  # type: ignore[arg-type]
    unknown = {"tests": [], "applied": 0, "done": True}
    assert (found is ended) == (survived is None)
    assert (found == unknown) == (survived is False)
    assert found.get("survived") == (survived or None)
    assert trial.one == replace(trial.one, cpu_seconds=1.0)
