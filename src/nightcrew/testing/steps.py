"""How a scripted model uses an agent's tools: terminal, file_editor, finish (OpenHands SDK)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nightcrew.testing.answer import Answer, ToolCall
from nightcrew.testing.conversation import Action, Conversation

EXISTS = "already exists"
GIVE_UP_AFTER = 3
RUN_TESTS = "python -m pytest -q"


@dataclass(frozen=True, slots=True)
class Work:
    """The files that a model will write, and its final message."""

    files: Mapping[str, str | None]
    claim: str


def next_step(talk: Conversation, work: Work) -> Answer:
    """View the target, write missing files, run the tests, finish."""
    past = _past(talk)
    if talk.target_file and not past.viewed and not past.written:
        return call(talk, "file_editor", "Read the target", command="view", path=_at(talk, talk.target_file))
    missing = [path for path, content in work.files.items() if not past.has(path, content)]
    if missing:
        return _write(talk, past, missing, work.files[missing[0]])
    if work.files and not past.tested:
        return call(talk, "terminal", "Run the tests", command=RUN_TESTS)
    return call(talk, "finish", "Finish", message=work.claim)


def call(talk: Conversation, tool: str, summary: str, **arguments: Any) -> Answer:
    """One tool call, with the extra arguments of the tool's schema."""
    parameters = talk.tools.get(tool)
    if parameters is None:
        return Answer(text=f"I would use {tool}, but it is not offered.")
    extras = {"summary": summary, "security_risk": "LOW"}
    offered = {name: value for name, value in extras.items() if name in parameters}
    return Answer(calls=(ToolCall(tool, {**arguments, **offered}),), finish="tool_calls")


# --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Past:
    """The changes to the workspace so far, by path relative to its root."""

    viewed: bool = False
    tested: bool = False
    written: dict[str, str] = field(default_factory=dict)
    standing: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)

    def has(self, path: str, content: str | None) -> bool:
        """True if the file has this content; for None, if the file does not exist."""
        return path in self.removed if content is None else self.written.get(path) == content


def _past(talk: Conversation) -> _Past:
    past = _Past()
    for action in talk.actions:
        if action.tool == "terminal":
            _saw_command(past, talk, str(action.arguments.get("command", "")))
        elif action.tool == "file_editor":
            _saw_edit(past, talk, action)
    return past


def _saw_command(past: _Past, talk: Conversation, command: str) -> None:
    if command == RUN_TESTS:
        past.tested = True
    elif command.startswith("rm -f "):
        for path in (_relative(talk, word) for word in command.split()[2:]):
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


def _write(talk: Conversation, past: _Past, missing: Sequence[str], content: str | None) -> Answer:
    """Write the next file. The editor does not overwrite files, so existing ones are removed first."""
    path = missing[0]
    if past.tries.get(path, 0) >= GIVE_UP_AFTER:
        return call(talk, "finish", "Give up", message=f"I could not write {path}.")
    if content is None or path in past.standing:
        paths = " ".join(_at(talk, name) for name in missing)
        return call(talk, "terminal", "Make room for the new files", command=f"rm -f {paths}")
    return call(
        talk, "file_editor", f"Write {path}", command="create", path=_at(talk, path), file_text=content
    )


def _at(talk: Conversation, path: str) -> str:
    return f"{talk.root}/{path}"


def _relative(talk: Conversation, path: str) -> str:
    return path.strip().removeprefix(f"{talk.root}/")
