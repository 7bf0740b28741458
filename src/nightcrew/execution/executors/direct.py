"""The executor *direct*: one to three model calls instead of an agent's thirty to ninety.

The first call gets the task with the needed files and answers with edits. Further calls repair edits that
cannot be applied, or a change with failing tests. All edits of an answer are checked before any is applied.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nightcrew.errors import Transient
from nightcrew.execution.assignment import Assignment, Report
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.execution.environments.environment import command_environment
from nightcrew.execution.executors.briefing import briefing
from nightcrew.execution.executors.context_pack import CHARACTERS_PER_TOKEN, context_pack
from nightcrew.execution.executors.edits import apply, planned
from nightcrew.execution.executors.reply import BadEdits, Edit, read_edits
from nightcrew.plain_text import quoted
from nightcrew.task import TaskType

log = logging.getLogger(__name__)

CALLS = 3
_ANSWER_TOKENS = 8_000
_TEST_SECONDS = 120.0
_OUTPUT_CHARACTERS = 6_000

REPLY_FORMAT = """\
You cannot run commands or see more files. Answer with the edits only, in this format:

For a new file, or to write a file anew, a heading and the whole file in a fence:
### FILE path/of/the/file.py
```
the whole content, from the first line to the last
```
### END
To change parts of an existing file, a heading and one block for each change:
### EDIT path/of/the/file.py
<<<<<<< SEARCH
lines that stand in the file exactly once, copied exactly
=======
the lines that take their place
>>>>>>> REPLACE
Paths are relative to the repository's root. If the content holds a fence, use a longer one around it. If it \
holds a line like =======, use longer marks (<<<<<<<< SEARCH, ========, >>>>>>>> REPLACE). Never leave lines \
out, as in "rest unchanged"."""


class DirectExecutor:
    """Works with plain model calls through the attempt's door."""

    def execute(self, assignment: Assignment) -> Report:
        """Ask, check, apply and test; ask again if that helps. At most three calls."""
        talk = _Conversation(assignment)
        try:
            return _work(talk)
        except Transient as error:
            why = assignment.door.usage().stopped or error
            return Report(AttemptEnd.INFRASTRUCTURE, str(why), talk.last_message)
        except _Ended as end:
            return replace(end.report, last_message=talk.last_message)


# ---------------------------------------------------------------------------------------------------------


class _Ended(Exception):
    """The conversation cannot continue."""

    def __init__(self, end: AttemptEnd, detail: str) -> None:
        super().__init__(detail)
        self.report = Report(end, detail)


@dataclass(slots=True)
class _Conversation:
    """The conversation so far."""

    assignment: Assignment
    messages: list[dict[str, str]] = field(default_factory=list)
    calls: int = 0
    last_message: str = ""
    started: float = field(default_factory=time.monotonic)

    def seconds_left(self) -> float:
        return self.assignment.limits.wall_seconds - (time.monotonic() - self.started)

    def ask(self, question: str) -> tuple[Edit, ...]:
        """The edits in the model's answer.

        Raises:
            BadEdits: they cannot be parsed.
        """
        if self.seconds_left() <= 0:
            raise _Ended(
                AttemptEnd.WALL_TIME, f"no answer within {self.assignment.limits.wall_seconds:.0f} s"
            )
        self.calls += 1
        self.messages.append({"role": "user", "content": question})
        door = self.assignment.door
        request = {"model": door.model, "messages": self.messages, "max_tokens": _ANSWER_TOKENS}
        self.last_message = _answer(door.complete(request))
        self.messages.append({"role": "assistant", "content": self.last_message})
        return read_edits(self.last_message)


def _work(talk: _Conversation) -> Report:
    tree = talk.assignment.checkout.path
    question: str | None = _first_question(talk.assignment)
    repaired = applied = False
    problem = ""
    while question is not None and talk.calls < CALLS:
        try:
            wanted = talk.ask(question)
            contents = planned(wanted, tree)
        except BadEdits as error:
            # Only one repair: a model that misses the format twice will miss it again.
            question, repaired, problem = None if repaired else _repair(str(error)), True, str(error)
            continue
        if not contents:
            break
        apply(contents, tree)
        applied, problem = True, ""
        failing = _failing_tests(talk, list(contents))
        question = _repair_question(failing) if failing else None
    if applied:
        return Report(AttemptEnd.FINISHED, f"edits applied after {_calls(talk)}", talk.last_message)
    if problem:
        return Report(
            AttemptEnd.INVALID_OUTPUT, f"the edits could not be applied: {problem}", talk.last_message
        )
    shown = quoted(talk.last_message) if talk.last_message.strip() else "the answer was empty"
    detail = f"the model answered with text, without any edit: {shown}"
    return Report(AttemptEnd.PROSE, detail, talk.last_message)


def _first_question(assignment: Assignment) -> str:
    """The briefing and the files that fit into the window, less the room for the answer."""
    words = briefing(assignment)
    tokens = assignment.context_tokens - min(_ANSWER_TOKENS, assignment.context_tokens // 4)
    room = tokens * CHARACTERS_PER_TOKEN - len(words) - len(REPLY_FORMAT)
    failing = ""
    if assignment.task.task_type is TaskType.BUG_FIX:
        failing = (
            _run_tests(assignment, assignment.judged_by[0], _TEST_SECONDS) if assignment.judged_by else ""
        )
    pack = context_pack(assignment.checkout.path, assignment.task.target_file, room - len(failing))
    shown = f"Output of the tests before any change:\n{failing}" if failing else ""
    return "\n\n".join(part for part in (words, pack, shown, REPLY_FORMAT) if part)


def _repair(problem: str) -> str:
    return (
        f"Your edits could not be applied, and none of them was:\n{problem}\n\n"
        f"Send all edits again, complete and corrected.\n\n{REPLY_FORMAT}"
    )


def _repair_question(output: str) -> str:
    return (
        f"Your edits were applied, and these tests fail:\n{output}\n\n"
        "Send edits against the files as they are now. If they failed before and are not part of the "
        "task, answer with the word UNCHANGED and no edits."
    )


def _answer(reply: Mapping[str, Any]) -> str:
    """The text of a chat answer; a truncated or refused answer ends the attempt accordingly."""
    choices = reply.get("choices") or []
    if not choices:
        raise Transient("the provider answered without a choice")
    finish = choices[0].get("finish_reason")
    text = (choices[0].get("message") or {}).get("content") or ""
    if finish == "length":
        raise _Ended(AttemptEnd.TRUNCATED, "the output limit truncated the answer")
    if finish == "content_filter":
        raise _Ended(AttemptEnd.MODEL_UNFIT, "the provider's filter refused to answer")
    return str(text)


def _failing_tests(talk: _Conversation, changed: list[str]) -> str:
    """The output of the changed test files if they fail; empty if they pass or cannot be run."""
    tests = [name for name in changed if name.rpartition("/")[2].startswith("test_") and name.endswith(".py")]
    if not tests or talk.seconds_left() < 5:
        return ""
    quoted = " ".join(f"'{name.replace("'", "'\\''")}'" for name in tests)
    command = f"python -m pytest -q -p no:cacheprovider {quoted}"
    return _run_tests(talk.assignment, command, min(_TEST_SECONDS, talk.seconds_left()))


def _run_tests(assignment: Assignment, command: str, seconds: float) -> str:
    """The end of the output of a command that failed, but not by a limit; else empty."""
    completed = assignment.sandbox.run(
        ["/bin/sh", "-c", command],
        workspace=assignment.checkout.path,
        mounts=assignment.environment.mounts,
        env=command_environment(assignment.environment, assignment.checkout.path, assignment.root),
        limits=replace(assignment.limits, wall_seconds=seconds),
        read_only_workspace=True,
    )
    if completed.returncode == 0 or completed.killed_by is not None:
        return ""
    return (completed.stdout + completed.stderr).decode(errors="replace").strip()[-_OUTPUT_CHARACTERS:]


def _calls(talk: _Conversation) -> str:
    return "one call" if talk.calls == 1 else f"{talk.calls} calls"
