"""Scripted models: what each character says next in a conversation.

With tools in the request they drive an agent through the OpenHands SDK's tools (terminal, file_editor,
finish). Without, they answer in the direct executor's reply format: `### FILE path` and a fenced block.
A model keeps no memory between calls: like a real one it sees the conversation, and goes on from there.
So another model can take over in the middle.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightcrew.task import TaskCategory
from nightcrew.testing.conversation import Action, Conversation
from nightcrew.testing.scenario import Character, Match, Scenario, ScriptedModel, Solution

STOCK_CHEAT = (
    "def pytest_sessionfinish(session, exitstatus):\n"
    "    session.exitstatus = 0\n\n\n"
    "def pytest_runtest_makereport(item, call):\n"
    "    call.excinfo = None\n"
)
EXISTS = "already exists"
GIVE_UP_AFTER = 3


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call; `raw` replaces the arguments where they are not to be JSON."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says: text, tool calls, and how it ended."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Work:
    """The files a model means to write, and what it says of them."""

    files: Mapping[str, str | None]
    claim: str


def answer(model: ScriptedModel, talk: Conversation, scenario: Scenario) -> Answer:
    """What `model` says next. The same conversation always gets the same answer."""
    character = model.retry_character if talk.rejected_before and model.retry_character else model.character
    if character is Character.SKILL:
        character = _drawn(model, talk, scenario.seed)
    if character in _SPEAKERS:
        return _SPEAKERS[character](talk)
    work = _work(character, solution_for(talk, scenario))
    reply = _next_step(talk, work) if talk.tools else _whole_reply(work)
    return _cut(reply) if character is Character.TRUNCATOR else reply


def solution_for(talk: Conversation, scenario: Scenario) -> Solution | None:
    """The first solution that matches the task, if any."""
    return next((entry for entry in scenario.solutions if _matches(entry.match, talk)), None)


# --------------------------------------------------------------------------------------------------------


def _matches(match: Match, talk: Conversation) -> bool:
    return (
        (match.task_type is None or match.task_type == talk.task_type)
        and (match.target_file is None or match.target_file == talk.target_file)
        and (match.contains is None or match.contains.casefold() in talk.asked.casefold())
    )


def _drawn(model: ScriptedModel, talk: Conversation, seed: int) -> Character:
    """Good or wrong, drawn once per model and task."""
    known = talk.task_type in set(TaskCategory)
    skill = model.skills.get(TaskCategory(talk.task_type), model.skill) if known else model.skill
    key = f"{seed}|{model.id}|{talk.task_type}|{talk.target_file}|{talk.description}"
    return Character.CAPABLE if random.Random(key).random() < skill else Character.WRONG


def _work(character: Character, solution: Solution | None) -> Work:
    if solution is None:
        return Work({}, "I read the repository and found nothing that I could do.")
    match character:
        case Character.LAZY:
            return Work(
                solution.vacuous or _vacuous(solution), "Comprehensive tests added; everything passes."
            )
        case Character.WRONG:
            return Work(solution.wrong or _vacuous(solution), "Fixed, and checked by running the tests.")
        case Character.CHEATER:
            return Work(solution.cheat or {"conftest.py": STOCK_CHEAT}, "All tests pass now.")
        case _:
            return Work(solution.good, "The change is made and the tests pass.")


def _vacuous(solution: Solution) -> Mapping[str, str | None]:
    """A test that checks nothing, where the good one would stand."""
    tests = [path for path in solution.good if path.rpartition("/")[2].startswith("test_")]
    return dict.fromkeys(tests[:1] or ["tests/test_more.py"], "def test_works():\n    assert True\n")


# Speaking to tools ----------------------------------------------------------------------------------------


def _next_step(talk: Conversation, work: Work) -> Answer:
    """View the target, write what is missing, run the tests, finish."""
    past = _past(talk)
    if talk.target_file and not past.viewed and not past.written:
        return _call(talk, "file_editor", "Read the target", command="view", path=_at(talk, talk.target_file))
    for path, content in work.files.items():
        if past.tries.get(path, 0) >= GIVE_UP_AFTER:
            return _call(talk, "finish", "Give up", message=f"I could not write {path}.")
        if content is None and path not in past.removed:
            return _call(talk, "terminal", f"Delete {path}", command=f"rm -f {_at(talk, path)}")
        if content is not None and past.written.get(path) != content:
            return _write(talk, past, path, content)
    if work.files and not past.tested:
        return _call(talk, "terminal", "Run the tests", command="python -m pytest -q")
    return _call(talk, "finish", "Finish", message=work.claim)


@dataclass(slots=True)
class _Past:
    """What the conversation so far has done to the workspace, by path relative to its root."""

    viewed: bool = False
    tested: bool = False
    written: dict[str, str] = field(default_factory=dict)
    standing: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)


def _past(talk: Conversation) -> _Past:
    past = _Past()
    for action in talk.actions:
        if action.tool == "terminal":
            _saw_command(past, talk, str(action.arguments.get("command", "")))
        elif action.tool == "file_editor":
            _saw_edit(past, talk, action)
    return past


def _saw_command(past: _Past, talk: Conversation, command: str) -> None:
    if "pytest" in command:
        past.tested = True
    elif command.startswith("rm -f "):
        path = _relative(talk, command.removeprefix("rm -f "))
        past.written.pop(path, None)
        past.standing.discard(path)
        past.removed.add(path)


def _saw_edit(past: _Past, talk: Conversation, action: Action) -> None:
    path, command = _relative(talk, str(action.arguments.get("path", ""))), action.arguments.get("command")
    if command == "view" and path == talk.target_file:
        past.viewed = True
        if not re.search(r"does not exist|error", action.result[:300], re.IGNORECASE):
            past.standing.add(path)
    elif command == "create":
        past.tries[path] = past.tries.get(path, 0) + 1
        past.removed.discard(path)
        past.tested = False
        past.standing.add(path)
        if EXISTS not in action.result:
            past.written[path] = str(action.arguments.get("file_text", ""))


def _write(talk: Conversation, past: _Past, path: str, content: str) -> Answer:
    """Whole files: the editor refuses to create over one that stands, so that goes first."""
    if path in past.standing:
        return _call(talk, "terminal", f"Make room for {path}", command=f"rm -f {_at(talk, path)}")
    return _call(
        talk, "file_editor", f"Write {path}", command="create", path=_at(talk, path), file_text=content
    )


def _call(talk: Conversation, tool: str, summary: str, **arguments: Any) -> Answer:
    """One tool call, with the extra arguments that the tool's schema has."""
    parameters = talk.tools.get(tool)
    if parameters is None:
        return Answer(text=f"I would use {tool}, but it is not offered.")
    extras = {"summary": summary, "security_risk": "LOW"}
    offered = {name: value for name, value in extras.items() if name in parameters}
    return Answer(calls=(ToolCall(tool, {**arguments, **offered}),), finish="tool_calls")


def _at(talk: Conversation, path: str) -> str:
    return f"{talk.root}/{path}"


def _relative(talk: Conversation, path: str) -> str:
    return path.strip().removeprefix(f"{talk.root}/")


# Speaking in the reply format -----------------------------------------------------------------------------


def _whole_reply(work: Work) -> Answer:
    parts = [_file_block(path, content) for path, content in work.files.items() if content is not None]
    return Answer(text="\n\n".join([*parts, work.claim]))


def _file_block(path: str, content: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"### FILE {path}\n{fence}\n{content.removesuffix('\n')}\n{fence}"


# The ones who do no work ----------------------------------------------------------------------------------


def _stuck(talk: Conversation) -> Answer:
    if talk.tools:
        return _call(talk, "terminal", "Look around", command="ls -la")
    block = "<<<<<<< SEARCH\nthis line stands nowhere\n=======\nneither does this\n>>>>>>> REPLACE"
    return Answer(text=f"### EDIT {talk.target_file or 'README.md'}\n```\n{block}\n```")


def _talker(talk: Conversation) -> Answer:
    return Answer(
        text=f"Certainly! To deal with {talk.target_file or 'this task'}, one would first read the code, "
        "then weigh the options, and finally write thorough tests. I have done all of that, and it works."
    )


def _cut(reply: Answer) -> Answer:
    """The answer broken off half-way, as when the output limit is reached."""
    calls = tuple(ToolCall(call.name, call.arguments, raw=_half(call)) for call in reply.calls)
    return Answer(text=reply.text[: len(reply.text) // 2], calls=calls, finish="length")


def _half(call: ToolCall) -> str:
    whole = json.dumps(dict(call.arguments))
    return whole[: len(whole) // 2]


_SPEAKERS: Mapping[Character, Callable[[Conversation], Answer]] = {
    Character.STUCK: _stuck,
    Character.TALKER: _talker,
}
