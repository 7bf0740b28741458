"""The task's own command, about scripts that build something."""

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.gates.acceptance import Acceptance
from nightcrew.validation.verdict import GateOutcome
from tests.validation.house import House

HEAD = '#!/bin/sh\n{set}cd "$(dirname "$0")/.."\n'
BUILD = "{make}\npython -m compileall -q -b src -d dist\nls src/shop > dist/names.txt\n"
COMMAND = "sh scripts/build.sh && grep -q prices dist/names.txt"


@pytest.mark.parametrize(
    ("script", "outcome", "word"),
    [
        (HEAD.format(set="set -e\n") + BUILD.format(make="mkdir -p dist"), GateOutcome.PASS, "fails on base"),
        (
            HEAD.format(set="") + BUILD.format(make="mkdir -p dist"),
            GateOutcome.FAIL,
            "although `python` fails",
        ),
        (HEAD.format(set="set -e\n") + BUILD.format(make="mkdir dist"), GateOutcome.FAIL, "run again"),
    ],
    ids=["good", "an error is lost", "only once"],
)
def test_a_script_tells_of_failures_and_runs_twice(
    house: House, script: str, outcome: GateOutcome, word: str
) -> None:
    task = house.task(TaskType.BUILD_SCRIPT, "scripts/build.sh", acceptance=COMMAND)
    result = house.ask(Acceptance(), {"scripts/build.sh": script}, task)
    assert result.outcome is outcome, result.message
    assert word in result.message
    assert result.outcome is GateOutcome.PASS or result.is_unproven


@pytest.mark.parametrize(("make", "runs"), [("mkdir -p dist", True), ("mkdir dist", False)])
def test_a_command_that_cleans_first_says_nothing_about_the_script(
    house: House, make: str, runs: bool
) -> None:
    task = house.task(TaskType.BUILD_SCRIPT, "scripts/build.sh", acceptance=f"rm -rf dist && {COMMAND}")
    script = HEAD.format(set="set -e\n") + BUILD.format(make=make)
    result = house.ask(Acceptance(), {"scripts/build.sh": script}, task)
    assert (result.outcome is GateOutcome.PASS) is runs, result.message
    assert runs or "run again" in result.message
