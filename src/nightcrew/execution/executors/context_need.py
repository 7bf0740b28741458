"""Measures how many tokens of context a task needs, in its repository, before a model is chosen.

It measures what an executor shows to a model: the briefing with the repository's conventions, the whole
target, its tests, the modules it imports, and a list of files, at three characters per token. What an
executor adds, and the room for its answers, does not depend on the task.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.workspace import Checkout
from nightcrew.execution.environments.layout import read_target
from nightcrew.execution.executors.briefing import conventions_of, instructions
from nightcrew.execution.executors.context_pack import CHARACTERS_PER_TOKEN, gather
from nightcrew.task import ExecutorName, Task

log = logging.getLogger(__name__)

USUAL_TOKENS = 16_000  # if there is no file to measure
ROOM_TOKENS: Mapping[str, int] = {
    ExecutorName.DIRECT: 11_000,  # its reply format, the output of failing tests, and an answer of 8,000
    ExecutorName.OPENHANDS: 16_000,  # its prompt and tools (4,000), looking around, and an answer
}
_MOST_CHARACTERS = 3_000_000  # a million tokens, the most that is ever sent
_NAMED = 3


@dataclass(frozen=True, slots=True)
class ContextNeed:
    """The task's own context in tokens, and how that number was found."""

    tokens: int
    source: str


def measured_need(task: Task, open_base: Callable[[], Checkout]) -> ContextNeed:
    """The need of `task`, measured in the checkout of its base; the usual one if there is none to measure."""
    try:
        return _need(task, open_base())
    except (BadInput, OSError) as error:
        log.warning("the context of task %s cannot be measured: %s", task.task_id, error)
        return ContextNeed(USUAL_TOKENS, f"the usual number, not measured: {error}")


# ---------------------------------------------------------------------------------------------------------


def _need(task: Task, base: Checkout) -> ContextNeed:
    tree, commit = base.path, base.commit
    config = read_target(tree, task.target_file)
    judged_by = (config.test,) if task.acceptance is None else (config.test, task.acceptance)
    words = instructions(task, judged_by=judged_by, conventions=conventions_of(tree))
    pack = gather(tree, task.target_file, _MOST_CHARACTERS)
    tokens = -(-(len(words) + len(pack.text)) // CHARACTERS_PER_TOKEN)
    source = f"measured from {_names(pack.files)} at {commit[:12]}"
    if task.target_file in pack.files or tokens >= USUAL_TOKENS:
        return ContextNeed(tokens, source)
    missing = f"{task.target_file} is not there yet" if task.target_file else "no target file is named"
    return ContextNeed(USUAL_TOKENS, f"the usual number, as {missing}; {tokens:,} {source}")


def _names(files: Sequence[str]) -> str:
    """The names of the first files, and the number of others."""
    named, more = files[:_NAMED], len(files) - _NAMED
    listed = ", ".join(named) or "the list of files"
    return f"{listed} and {more} more" if more > 0 else listed
