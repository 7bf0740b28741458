"""Scripted models: the next answer of each character in a conversation.

With tools in the request, they use the OpenHands SDK's tools (terminal, file_editor, finish). Without tools,
they answer in the direct executor's reply format: `### FILE path` and a fenced block. A model has no memory
between calls: like a real one it sees the conversation and continues it. So another model can take over in
the middle.
"""

import json
import random
import re
from collections.abc import Callable, Mapping

from nightcrew.task import TaskType
from nightcrew.testing.answer import Answer, ToolCall
from nightcrew.testing.conversation import Conversation
from nightcrew.testing.scenario import Character, Scenario, ScriptedModel
from nightcrew.testing.solutions import Match, Solution
from nightcrew.testing.steps import Work, call, next_step

_AGENT_TOOLS = {"terminal", "file_editor", "finish"}
STOCK_CHEAT = (
    "def pytest_sessionfinish(session, exitstatus):\n"
    "    session.exitstatus = 0\n\n\n"
    "def pytest_runtest_makereport(item, call):\n"
    "    call.excinfo = None\n"
)


def answer(model: ScriptedModel, talk: Conversation, scenario: Scenario) -> Answer:
    """The next answer of `model`; the same conversation always gets the same answer."""
    character = model.retry_character if talk.rejected_before and model.retry_character else model.character
    if character is Character.SKILL:
        character = _drawn(model, talk, scenario.seed)
    if character in _SPEAKERS:
        return _SPEAKERS[character](talk)
    work = _work(character, solution_for(talk, scenario))
    if talk.schema and model.structured:
        reply = _json_reply(work)
    elif character is Character.FORMLESS:
        reply = _bare_reply(work)
    elif talk.tools and not talk.tools.keys() & _AGENT_TOOLS:
        reply = _edit_calls(talk, work) or _first_tool(talk)
    else:
        reply = next_step(talk, work) if talk.tools else _whole_reply(work)
    return _cut(reply) if character is Character.TRUNCATOR else reply


def solution_for(talk: Conversation, scenario: Scenario) -> Solution | None:
    """The first solution that matches the task, if any."""
    return next((entry for entry in scenario.solutions if _matches(entry.match, talk)), None)


def is_right(
    model: ScriptedModel, seed: int, *, task_type: str, target_file: str | None, description: str
) -> bool:
    """True if a model of the character *skill* does good work at a task; drawn once per model and task.

    `description` is the first line of the task's. So a benchmark knows what any model would have done.
    """
    known = task_type in set(TaskType)
    skill = model.skills.get(TaskType(task_type), model.skill) if known else model.skill
    key = f"{seed}|{model.id}|{task_type}|{target_file}|{description}"
    return random.Random(key).random() < skill


# --------------------------------------------------------------------------------------------------------


def _matches(match: Match, talk: Conversation) -> bool:
    return (
        (match.task_type is None or match.task_type == talk.task_type)
        and (match.target_file is None or match.target_file == talk.target_file)
        and (match.contains is None or match.contains.casefold() in talk.asked.casefold())
    )


def _drawn(model: ScriptedModel, talk: Conversation, seed: int) -> Character:
    right = is_right(
        model, seed, task_type=talk.task_type, target_file=talk.target_file, description=talk.description
    )
    return Character.CAPABLE if right else Character.WRONG


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
    """A test that checks nothing, in place of the good one."""
    tests = [path for path in solution.good if path.rpartition("/")[2].startswith("test_")]
    return dict.fromkeys(tests[:1] or ["tests/test_more.py"], "def test_works():\n    assert True\n")


# Speaking in the reply format -----------------------------------------------------------------------------


def _whole_reply(work: Work) -> Answer:
    parts = [_file_block(path, content) for path, content in work.files.items() if content is not None]
    return Answer(text="\n\n".join([*parts, work.claim]))


def _json_reply(work: Work) -> Answer:
    entries = [
        {"path": path, "content": content, "search": None, "replace": None}
        for path, content in work.files.items()
        if content is not None
    ]
    return Answer(text=json.dumps({"edits": entries}))


def _bare_reply(work: Work) -> Answer:
    """The files in fences, without their names: nobody can know where they belong."""
    blocks = [f"```\n{content}```" for content in work.files.values() if content is not None]
    return Answer(text="\n\n".join(["Here is the code:", *blocks, work.claim]))


def _edit_calls(talk: Conversation, work: Work) -> Answer | None:
    """One call for each file, of a tool that takes a path and the content; None if none is offered."""
    tool = next((name for name, takes in talk.tools.items() if {"path", "content"} <= takes), None)
    files = {path: content for path, content in work.files.items() if content is not None}
    if tool is None or not files:
        return None
    calls = tuple(ToolCall(tool, {"path": path, "content": content}) for path, content in files.items())
    return Answer(calls=calls, finish="tool_calls")


def _first_tool(talk: Conversation) -> Answer:
    """A call of whatever tool is offered, by somebody who is no agent."""
    name, parameters = next(iter(talk.tools.items()))
    return call(talk, name, "As asked", **dict.fromkeys(sorted(parameters), "ready"))


def _file_block(path: str, content: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"### FILE {path}\n{fence}\n{content.removesuffix('\n')}\n{fence}"


# The ones who do no work ----------------------------------------------------------------------------------


def _stuck(talk: Conversation) -> Answer:
    if talk.tools:
        return call(talk, "terminal", "Look around", command="ls -la")
    block = "<<<<<<< SEARCH\nthis line stands nowhere\n=======\nneither does this\n>>>>>>> REPLACE"
    return Answer(text=f"### EDIT {talk.target_file or 'README.md'}\n```\n{block}\n```")


def _talker(talk: Conversation) -> Answer:
    return Answer(
        text=f"Certainly! To deal with {talk.target_file or 'this task'}, one would first read the code, "
        "then weigh the options, and finally write thorough tests. I have done all of that, and it works."
    )


def _wanderer(talk: Conversation) -> Answer:
    """Looks at something else in every turn, and never ends."""
    if talk.tools:
        return call(talk, "terminal", "Look further", command=f"ls -la | head -n {talk.turn}")
    return _talker(talk)


def _cut(reply: Answer) -> Answer:
    """The answer, truncated half-way as by the output limit."""
    calls = tuple(ToolCall(call.name, call.arguments, raw=_half(call)) for call in reply.calls)
    return Answer(text=reply.text[: len(reply.text) // 2], calls=calls, finish="length")


def _half(call: ToolCall) -> str:
    arguments_text = json.dumps(dict(call.arguments))
    return arguments_text[: len(arguments_text) // 2]


_SPEAKERS: Mapping[Character, Callable[[Conversation], Answer]] = {
    Character.STUCK: _stuck,
    Character.TALKER: _talker,
    Character.WANDERER: _wanderer,
}
