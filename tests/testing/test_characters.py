"""Each character against the twin over HTTP, in a loop that carries out its tool calls by hand."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nightcrew.task import TaskType
from nightcrew.testing import Account, Character, Fault, FaultKind, Scenario, ScriptedModel, Twin
from nightcrew.testing.characters import STOCK_CHEAT
from tests.testing.support import PROMPT, SOLUTION, body, chat, tool

TURNS = 12


class Workspace:
    """A folder, and the three tools of the agent, done the plain way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commands: list[str] = []
        (path / "src").mkdir()
        (path / "tests").mkdir()
        (path / "src" / "box.py").write_text("SIZE = 1\n")

    @property
    def tools(self) -> list[dict[str, Any]]:
        where = f"Edits files.\nYour current working directory is: {self.path}\nUse absolute paths."
        return [
            tool("terminal", "command", "summary", "security_risk"),
            tool("file_editor", "command", "path", "file_text", description=where),
            tool("finish", "message"),
        ]

    def run(self, name: str, arguments: dict[str, Any]) -> str:
        if name == "terminal":
            return self._terminal(arguments["command"])
        path = Path(arguments["path"])
        assert path.is_relative_to(self.path)
        if arguments["command"] == "view":
            return path.read_text() if path.exists() else f"The path {path} does not exist."
        if path.exists():
            return f"File already exists at: {path}. Cannot overwrite files using command `create`."
        path.write_text(arguments["file_text"])
        return f"File created successfully at: {path}"

    def _terminal(self, command: str) -> str:
        self.commands.append(command)
        if command.startswith("rm -f "):
            subprocess.run(command.split(), check=True)
        return "done"


def drive(twin: Twin, workspace: Workspace, models: list[str], prompt: str = PROMPT) -> list[dict[str, Any]]:
    """Talk until it finishes, says nothing more to do, or the turns are used up; all choices."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": [{"type": "text", "text": prompt}]},
    ]
    choices: list[dict[str, Any]] = []
    for turn in range(TURNS):
        model = models[min(turn, len(models) - 1)]
        data = chat(twin, {"model": model, "messages": messages, "tools": workspace.tools}).json()
        choices.append(data["choices"][0])
        message = choices[-1]["message"]
        messages.append(message)
        calls = message.get("tool_calls", [])
        if not calls or calls[0]["function"]["name"] == "finish" or choices[-1]["finish_reason"] == "length":
            break
        for call in calls:
            result = workspace.run(call["function"]["name"], json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    return choices


def names(choices: list[dict[str, Any]]) -> list[str]:
    return [
        call["function"]["name"] for choice in choices for call in choice["message"].get("tool_calls", [])
    ]


def cast(*models: ScriptedModel, **fields: Any) -> Scenario:
    return Scenario(models=models, solutions=(SOLUTION,), account=Account(free_per_minute=1000), **fields)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_capable_views_writes_tests_and_finishes_in_six_calls(workspace: Workspace) -> None:
    with Twin(cast(ScriptedModel(id="twin/a"))) as twin:
        choices = drive(twin, workspace, ["twin/a"])
    assert names(choices) == ["file_editor", "terminal", "file_editor", "file_editor", "terminal", "finish"]
    assert workspace.commands[-1] == "python -m pytest -q"
    for path, content in SOLUTION.good.items():
        assert (workspace.path / path).read_text() == content


def test_capable_gets_over_a_test_file_that_stands(workspace: Workspace) -> None:
    (workspace.path / "src" / "box.py").unlink()
    (workspace.path / "tests" / "test_box.py").write_text("old")
    with Twin(cast(ScriptedModel(id="twin/a"))) as twin:
        assert names(drive(twin, workspace, ["twin/a"]))[-1] == "finish"
    assert (workspace.path / "tests" / "test_box.py").read_text() == SOLUTION.good["tests/test_box.py"]


def test_tools_extra_arguments_are_given_where_the_schema_has_them(workspace: Workspace) -> None:
    with Twin(cast(ScriptedModel(id="twin/a"))) as twin:
        choices = drive(twin, workspace, ["twin/a"])
    arguments = [
        json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) for choice in choices
    ]
    assert arguments[1].keys() == {"command", "summary", "security_risk"}
    assert arguments[0].keys() == {"command", "path"}


@pytest.mark.parametrize(
    ("character", "written"),
    [
        (Character.LAZY, dict(SOLUTION.vacuous)),
        (Character.WRONG, dict(SOLUTION.wrong)),
        (Character.CHEATER, {"conftest.py": STOCK_CHEAT}),
        (Character.FLAKY, dict(SOLUTION.good)),
        (Character.SLOW, dict(SOLUTION.good)),
    ],
)
def test_who_writes_what(workspace: Workspace, character: Character, written: dict[str, str]) -> None:
    quick = ScriptedModel(id="twin/a", character=character, latency_seconds=0.01)
    scenario = cast(quick, seed=_seed_without_faults(character))
    with Twin(scenario) as twin:
        choices = drive(twin, workspace, ["twin/a"])
    assert names(choices)[-1] == "finish", "each of them claims to be done"
    assert {path: (workspace.path / path).read_text() for path in written} == written


def _seed_without_faults(character: Character) -> int:
    """A seed under which a flaky model answers its first calls; the others need none."""
    from nightcrew.testing.faults import CallNumber, FaultBook

    model = ScriptedModel(id="twin/a", character=character)
    if character is not Character.FLAKY:
        return 0
    calls = [CallNumber(n, n, n, "") for n in range(1, 8)]
    return next(s for s in range(500) if not any(FaultBook([], s).strike(model, call, 0) for call in calls))


def test_stuck_repeats_itself_for_ever(workspace: Workspace) -> None:
    with Twin(cast(ScriptedModel(id="twin/a", character=Character.STUCK))) as twin:
        choices = drive(twin, workspace, ["twin/a"])
    assert len(choices) == TURNS
    assert workspace.commands == ["ls -la"] * TURNS


def test_talker_calls_no_tool_and_stops(workspace: Workspace) -> None:
    with Twin(cast(ScriptedModel(id="twin/a", character=Character.TALKER))) as twin:
        (choice,) = drive(twin, workspace, ["twin/a"])
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"] and "tool_calls" not in choice["message"]


def test_truncator_breaks_off(workspace: Workspace) -> None:
    with Twin(cast(ScriptedModel(id="twin/a", character=Character.TRUNCATOR))) as twin:
        (choice,) = drive(twin, workspace, ["twin/a"])
    assert choice["finish_reason"] == "length"
    with pytest.raises(ValueError, match="line 1"):
        json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])


def test_out_of_quota_is_429_for_the_day() -> None:
    with Twin(cast(ScriptedModel(id="twin/a:free", character=Character.OUT_OF_QUOTA))) as twin:
        responses = [chat(twin, body("twin/a:free")) for _ in range(3)]
    assert [response.status_code for response in responses] == [429] * 3
    assert "per-day" in responses[0].json()["error"]["message"]


def test_another_model_goes_on_in_the_middle(workspace: Workspace) -> None:
    lazy = ScriptedModel(id="twin/lazy", character=Character.LAZY)
    with Twin(cast(lazy, ScriptedModel(id="twin/a"))) as twin:
        choices = drive(twin, workspace, ["twin/lazy", "twin/lazy", "twin/a"])
    assert names(choices)[-1] == "finish"
    for path, content in SOLUTION.good.items():
        assert (workspace.path / path).read_text() == content


def test_fault_at_the_third_call_of_the_conversation(workspace: Workspace) -> None:
    fault = Fault(kind=FaultKind.RATE_LIMIT_UPSTREAM, models=("twin/hot",), from_call=3)
    with Twin(cast(ScriptedModel(id="twin/hot"), ScriptedModel(id="twin/a"), faults=(fault,))) as twin:
        drive(twin, workspace, ["twin/hot", "twin/hot", "twin/a"])
        asked = {"model": "twin/hot", "messages": [{"role": "user", "content": PROMPT}]}
        assert chat(twin, asked).status_code == 200, "a new conversation starts again"
        asked["messages"] = [*body()["messages"], *({"role": "assistant", "content": "x"} for _ in range(2))]
        assert chat(twin, asked).status_code == 429


REJECTED = f"{PROMPT}\n\nWhy the previous attempt was rejected:\nNo test can fail."


def test_characters_do_the_same_again_unless_the_scenario_says_otherwise(workspace: Workspace) -> None:
    persistent = ScriptedModel(id="twin/a", character=Character.LAZY)
    learner = ScriptedModel(id="twin/b", character=Character.LAZY, retry_character=Character.CAPABLE)
    with Twin(cast(persistent, learner)) as twin:
        says = [
            chat(twin, body(model, prompt=prompt)).json()["choices"][0]["message"]["content"]
            for model in ("twin/a", "twin/b")
            for prompt in (PROMPT, REJECTED)
        ]
    assert says[0] == says[1] == says[2] != says[3]
    assert "SIZE = 2" in says[3]


def test_skill_draws_once_per_task_and_about_as_often_as_it_says() -> None:
    model = ScriptedModel(id="twin/a", character=Character.SKILL, skill=0.3, skills={TaskType.BUG_FIX: 0.7})
    with Twin(cast(model, seed=3)) as twin:
        fixes = [_is_good(twin, f"{PROMPT} ({n})") for n in range(150)]
        assert fixes == [_is_good(twin, f"{PROMPT} ({n})") for n in range(150)]
        tests = [_is_good(twin, f"{PROMPT} ({n})".replace("bug_fix", "unit_test")) for n in range(150)]
    assert 0.58 < sum(fixes) / 150 < 0.82
    assert 0.18 < sum(tests) / 150 < 0.42


def _is_good(twin: Twin, prompt: str) -> bool:
    talk = {"model": "twin/a", "messages": [{"role": "user", "content": prompt}]}
    outcome = twin.backend.ask(talk)
    assert outcome.completion is not None
    return "SIZE = 2" in outcome.completion.answer.text


def test_unknown_task_changes_nothing(workspace: Workspace) -> None:
    prompt = PROMPT.replace("src/box.py", "src/other.py")
    with Twin(cast(ScriptedModel(id="twin/a"))) as twin:
        choices = drive(twin, workspace, ["twin/a"], prompt)
    assert names(choices) == ["file_editor", "finish"]
    assert (workspace.path / "src" / "box.py").read_text() == "SIZE = 1\n"


@pytest.mark.parametrize("content", ["plain\n", "```\nfenced\n```\n", "````\nmore\n````\n"])
def test_direct_replies_fence_any_content(content: str) -> None:
    solution = SOLUTION.model_copy(update={"good": {"a.md": content}})
    scenario = cast(ScriptedModel(id="twin/a")).model_copy(update={"solutions": (solution,)})
    with Twin(scenario) as twin:
        text = chat(twin, body("twin/a")).json()["choices"][0]["message"]["content"]
    head, fence, *rest = text.split("\n")
    assert (head, set(fence)) == ("### FILE a.md", {"`"})
    assert "\n".join(rest[: rest.index(fence)]) + "\n" == content


def test_direct_stuck_answers_with_an_edit_that_fits_nowhere() -> None:
    with Twin(cast(ScriptedModel(id="twin/a", character=Character.STUCK))) as twin:
        text = chat(twin, body("twin/a")).json()["choices"][0]["message"]["content"]
    assert text.startswith("### EDIT src/box.py\n```\n<<<<<<< SEARCH\n")
