"""The direct executor against the twin's scripted models: the same words on both sides of the wire."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightcrew.execution.attempt import Attempt, AttemptEnd
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.execution.execution_engine import ExecutionEngine
from nightcrew.execution.executors.direct import DirectExecutor
from nightcrew.execution.executors.edit_format import formats_for
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName, Task, TaskType
from nightcrew.testing.scenario import Character, Scenario, ScriptedModel
from nightcrew.testing.solutions import Match, Solution
from nightcrew.testing.twin import Twin
from tests.execution.doors import ListedDoor

GOOD = 'from shop.prices import total\n\n\ndef test_total():\n    assert total(100, "A") == 150\n'
ENDS = {
    Character.CAPABLE: (AttemptEnd.FINISHED, 1),
    Character.LAZY: (AttemptEnd.FINISHED, 1),
    Character.CHEATER: (AttemptEnd.FINISHED, 1),
    Character.STUCK: (AttemptEnd.INVALID_OUTPUT, 2),
    Character.TALKER: (AttemptEnd.PROSE, 2),
    Character.FORMLESS: (AttemptEnd.PROSE, 2),
    Character.TRUNCATOR: (AttemptEnd.TRUNCATED, 1),
}


class TwinDoor(ListedDoor):
    """Asks one model of a twin."""

    def __init__(self, twin: Twin, model: str) -> None:
        super().__init__([])
        self.model, self._url = model, f"{twin.base_url}/chat/completions"

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        answer = httpx.post(
            self._url, json=dict(request), headers={"Authorization": "Bearer sk-or-x"}, timeout=20
        )
        answer.raise_for_status()
        return dict(answer.json())


def run(
    settings: Settings, sandbox: Sandbox, repo: Path, character: Character, *, structured: bool = False
) -> tuple[Attempt, TwinDoor]:
    solution = Solution(match=Match(), good={"tests/test_prices.py": GOOD})
    model = ScriptedModel(id="house/model", character=character, structured=structured)
    scenario = Scenario(models=(model,), solutions=(solution,))
    task = Task(
        task_id=f"t-{character.replace('_', '-')}",
        description="Test the prices.",
        repo=str(repo),
        task_type=TaskType.UNIT_TEST,
        target_file="src/shop/prices.py",
    )
    with Twin(scenario) as twin:
        door = TwinDoor(twin, "house/model")
        engine = ExecutionEngine(settings, sandbox, {ExecutorName.DIRECT: DirectExecutor()})
        with base_checkout(str(repo), resolve_commit(str(repo), "HEAD"), settings) as base:
            attempt = engine.run(
                task,
                base,
                number=1,
                executor=ExecutorName.DIRECT,
                model="house/model",
                feedback="",
                door=door,
                formats=formats_for(structured=structured, missed_share=0.0),
            )
    return attempt, door


@pytest.mark.parametrize("character", list(ENDS))
def test_every_character_ends_as_what_it_is(
    settings: Settings, sandbox: Sandbox, repo: Path, character: Character
) -> None:
    attempt, door = run(settings, sandbox, repo, character)
    assert (attempt.end, len(door.asked)) == ENDS[character]
    assert bool(attempt.patch) == (attempt.end is AttemptEnd.FINISHED)
    if character is Character.CAPABLE:
        assert "+def test_total():" in attempt.patch


def test_a_model_that_misses_the_text_format_is_asked_for_json_if_it_can(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    attempt, door = run(settings, sandbox, repo, Character.FORMLESS, structured=True)
    assert (attempt.end, attempt.text_was_read) == (AttemptEnd.FINISHED, False)
    assert "+def test_total():" in attempt.patch
    assert ["response_format" in asked for asked in door.asked] == [False, True]


def test_a_model_that_writes_the_text_format_is_never_asked_for_json(
    settings: Settings, sandbox: Sandbox, repo: Path
) -> None:
    attempt, door = run(settings, sandbox, repo, Character.CAPABLE, structured=True)
    assert (attempt.end, attempt.text_was_read) == (AttemptEnd.FINISHED, True)
    assert ["response_format" in asked for asked in door.asked] == [False]
