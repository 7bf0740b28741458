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
from nightcrew.execution.executors.edit_format import EditFormat, format_words, read_reply, request_fields
from nightcrew.execution.executors.edits import apply, planned
from nightcrew.execution.executors.reply import BadEdits, Edit
from nightcrew.plain_text import quoted
from nightcrew.task import TaskType

log = logging.getLogger(__name__)

CALLS = 3
_ANSWER_TOKENS = 8_000
_TEST_SECONDS = 120.0
_OUTPUT_CHARACTERS = 6_000
_NO_EDIT = "the answer has no edit"


class DirectExecutor:
    """Works with plain model calls through the attempt's door."""

    def execute(self, assignment: Assignment) -> Report:
        """Ask, check, apply and test; ask again if that helps. At most three calls."""
        talk = _Conversation(assignment)
        try:
            report = _work(talk)
        except Transient as error:
            why = assignment.door.usage().stopped or error
            report = Report(AttemptEnd.INFRASTRUCTURE, str(why))
        except _Ended as end:
            report = end.report
        return replace(report, last_message=talk.last_message, text_was_read=talk.text_was_read)


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
    text_was_read: bool | None = None  # the first reply in text had edits in the right form
    started: float = field(default_factory=time.monotonic)

    def seconds_left(self) -> float:
        return self.assignment.limits.wall_seconds - (time.monotonic() - self.started)

    def ask(self, question: str, kind: EditFormat) -> tuple[Edit, ...]:
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
        self.last_message = _answer(door.complete({**request, **request_fields(kind)}))
        self.messages.append({"role": "assistant", "content": self.last_message})
        is_first = kind is EditFormat.TEXT and self.text_was_read is None
        self.text_was_read = False if is_first else self.text_was_read
        edits = read_reply(self.last_message, kind)
        self.text_was_read = bool(edits) if is_first else self.text_was_read
        return edits


def _work(talk: _Conversation) -> Report:
    tree, (kind, *others) = talk.assignment.checkout.path, talk.assignment.formats
    question: str | None = _first_question(talk.assignment, kind)
    repaired = applied = False
    problem = ""
    while question is not None and talk.calls < CALLS:
        try:
            wanted = talk.ask(question, kind)
            if not wanted and not applied:
                raise BadEdits(_NO_EDIT)
            contents = planned(wanted, tree)
        except BadEdits as error:
            # Only one repair: a model that misses the format twice will miss it again.
            kind, problem = others[0] if others else kind, str(error)
            question, repaired = None if repaired else _repair(problem, kind), True
            continue
        if not contents:
            break
        apply(contents, tree)
        applied, problem = True, ""
        failing = _failing_tests(talk, list(contents))
        question = _repair_question(failing) if failing else None
    if applied:
        return Report(AttemptEnd.FINISHED, f"edits applied after {_calls(talk)}")
    if problem != _NO_EDIT:
        return Report(AttemptEnd.INVALID_OUTPUT, f"the edits could not be applied: {problem}")
    shown = quoted(talk.last_message) if talk.last_message.strip() else "the answer was empty"
    return Report(AttemptEnd.PROSE, f"the model answered with text, without any edit: {shown}")


def _first_question(assignment: Assignment, kind: EditFormat) -> str:
    """The briefing and the files that fit into the window, less the room for the answer."""
    words = briefing(assignment)
    tokens = assignment.context_tokens - min(_ANSWER_TOKENS, assignment.context_tokens // 4)
    room = tokens * CHARACTERS_PER_TOKEN - len(words) - len(format_words(kind))
    failing = ""
    if assignment.task.task_type is TaskType.BUG_FIX:
        failing = (
            _run_tests(assignment, assignment.judged_by[0], _TEST_SECONDS) if assignment.judged_by else ""
        )
    pack = context_pack(assignment.checkout.path, assignment.task.target_file, room - len(failing))
    shown = f"Output of the tests before any change:\n{failing}" if failing else ""
    return "\n\n".join(part for part in (words, pack, shown, format_words(kind)) if part)


def _repair(problem: str, kind: EditFormat) -> str:
    if problem == _NO_EDIT:
        return f"Your last message has no edit in it, and only edits change anything.\n\n{format_words(kind)}"
    return (
        f"Your edits could not be applied, and none of them was:\n{problem}\n\n"
        f"Send all edits again, complete and corrected.\n\n{format_words(kind)}"
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
