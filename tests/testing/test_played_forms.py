"""Whatever `docs/twin.md` names can be played, and every form of an answer but one is repaired."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nightcrew.openrouter.rescue.offered import Offered
from nightcrew.openrouter.rescue.rescue import rescued
from nightcrew.testing.forms import AnswerForm
from nightcrew.testing.scenario import Account, Character, Fault, FaultKind, Scenario, ScriptedModel
from nightcrew.testing.scenario_words import CHARACTERS, fault_words
from nightcrew.testing.solutions import Solution
from nightcrew.testing.twin import Twin
from tests.openrouter.rescue.tools import TOOLS, tool

GOOD: dict[str, str | None] = {"a.py": 'x = "1"\n', "b.py": "y = '\\n'\n"}
EDIT = tool("edit", ["path", "content"], path={"type": "string"}, content={"type": "string"})
TOOL_SETS = {"an agent's": TOOLS, "one edit tool": [EDIT], "one without parameters": [TOOLS[-1]]}
REPAIRED = [form for form in AnswerForm if form is not AnswerForm.UNREADABLE]


def name_of(form: str) -> str:
    return f"house/{form}"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    models = [ScriptedModel(id=name_of(form)) for form in ("plain", *AnswerForm)]
    faults = [Fault(kind=FaultKind.FORM, form=form, models=(name_of(form),)) for form in AnswerForm]
    account = Account(free_per_minute=10_000, free_per_day=10_000)
    with Twin(
        Scenario(
            models=tuple(models), faults=tuple(faults), account=account, solutions=(Solution(good=GOOD),)
        )
    ) as twin:
        yield twin


def ask(twin: Twin, model: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    talk = [{"role": "user", "content": "Task type: unit_test\nTarget file: a.py\nTask: Write it."}]
    body = {"model": model, "messages": talk, "tools": tools}
    answer = httpx.post(f"{twin.base_url}/chat/completions", json=body, timeout=20)
    return dict(answer.json())


def calls(body: Any) -> list[tuple[str, Any]]:
    made = body["choices"][0]["message"].get("tool_calls") or ()
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


@pytest.mark.parametrize("tools", TOOL_SETS)
@pytest.mark.parametrize("form", REPAIRED)
def test_each_form_is_played_and_repaired(twin: Twin, form: AnswerForm, tools: str) -> None:
    offered = TOOL_SETS[tools]
    made = rescued(ask(twin, name_of(form), offered), Offered.by({"tools": offered})).body
    wanted = calls(ask(twin, "house/plain", offered))
    if form is AnswerForm.LEGACY_CALL:  # it has room for one call
        wanted = wanted[:1]
    assert calls(made) == wanted and wanted
    ids = [call["id"] for call in made["choices"][0]["message"]["tool_calls"]]
    assert len(set(ids)) == len(ids) and all(ids)
    assert made["choices"][0]["finish_reason"] == "tool_calls"
    assert "only a draft" not in (made["choices"][0]["message"].get("content") or "")


def test_the_form_that_cannot_be_read_is_asked_for_again(twin: Twin) -> None:
    made = rescued(ask(twin, name_of(AnswerForm.UNREADABLE), TOOLS), Offered.by({"tools": TOOLS}))
    assert not calls(made.body) and "not a tool call" in made.hint


def test_an_id_of_an_earlier_call_is_not_given_again(twin: Twin) -> None:
    made = ask(twin, name_of(AnswerForm.REPEATED_ID), TOOLS)
    before = made["choices"][0]["message"]
    again = rescued(made, Offered.by({"tools": TOOLS, "messages": [before]})).body
    assert again["choices"][0]["message"]["tool_calls"][0]["id"] != before["tool_calls"][0]["id"]


@pytest.mark.parametrize("character", Character)
def test_each_character_is_described_and_answers(character: Character) -> None:
    assert CHARACTERS[character]
    model = ScriptedModel(id="house/model", character=character, latency_seconds=0.01)
    with Twin(Scenario(models=(model,), solutions=(Solution(good=GOOD),))) as twin:
        assert set(ask(twin, "house/model", TOOLS)) & {"choices", "error"}


@pytest.mark.parametrize("kind", FaultKind)
def test_each_kind_of_fault_is_described(kind: FaultKind) -> None:
    assert fault_words(kind)
