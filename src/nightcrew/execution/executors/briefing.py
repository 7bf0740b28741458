"""The prompt that describes a task to a model, the same for every executor.

The lines `Task type:`, `Target file:` and `Task:` are a contract: scripted models recognise a task by them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from nightcrew.execution.assignment import Assignment
from nightcrew.execution.checkout.reading import read_text
from nightcrew.execution.sandbox import WORKSPACE
from nightcrew.task import Task, TaskType

REJECTED_BEFORE = "Why the previous attempt was rejected:"

_CONVENTION_FILES = (
    "AGENTS.md",
    "CLAUDE.md",
    "CONTRIBUTING.md",
    "CONTRIBUTING.rst",
    ".github/CONTRIBUTING.md",
)
_CONVENTION_CHARACTERS = 8_000
_FEEDBACK_CHARACTERS = 12_000

_RULES: dict[TaskType, tuple[str, ...]] = {
    TaskType.UNIT_TEST: (
        "Add tests for the target file, as new test functions. Do not change the code under test, existing "
        "tests or any configuration.",
        "Each test must be able to fail: assert exact results, errors and effects. The tests are run against "
        "broken versions of the target and must notice, and against equivalent ones and must pass.",
        "No mocks of the target itself, no sleeping, no network, no dependence on time, order or randomness.",
    ),
    TaskType.BUG_FIX: (
        "Fix the cause in the code, and add a test that fails without the fix and passes with it.",
        "Do not delete, skip or weaken an existing test. Keep the change as small as it can be.",
    ),
    TaskType.REFACTORING: (
        "Improve what is complained about and keep the behaviour and the public names exactly as they are.",
        "Do not change existing tests.",
    ),
    TaskType.DOCUMENTATION: (
        "Change docstrings, comments and documentation files only: the code must stay the same.",
        "Describe what the code does, with the parameters it really has. Examples in docstrings must run.",
    ),
    TaskType.CODE_GENERATION: (
        "Write the code and tests for it. Do not delete, skip or weaken an existing test.",
    ),
    TaskType.ANALYSIS: (
        "Do not change code. Write your findings to the target file, or to analysis.json if none is named, "
        'as a JSON object {"findings": [{"file": ..., "line": ..., "quote": ..., "message": ...}]}; each '
        "quotes the line as it stands in the file.",
    ),
    TaskType.BUILD_SCRIPT: (
        "Write or change the build script only; it must work without network, from a clean checkout.",
    ),
}

_ALWAYS = (
    "Leave test configuration (conftest.py, pytest.ini, pyproject.toml, tox.ini, setup.cfg) as it is unless "
    "the task is about it. Leave no temporary files behind.",
)


def briefing(assignment: Assignment) -> str:
    """The task, its rules, the repository's conventions, what judges it, and why it was rejected before."""
    return instructions(
        assignment.task,
        judged_by=assignment.judged_by,
        conventions=assignment.conventions,
        feedback=assignment.feedback,
    )


def instructions(task: Task, *, judged_by: Sequence[str], conventions: str, feedback: str = "") -> str:
    """The briefing from its parts, before there is an assignment."""
    parts = _parts(task, judged_by, conventions, feedback)
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def conventions_of(checkout: Path) -> str:
    """The repository's rules for contributors, cut to a maximum length; empty if there are none."""
    parts, room = [], _CONVENTION_CHARACTERS
    for name in _CONVENTION_FILES:
        text = read_text(checkout, name, room) if room > 0 else None
        if text and text.strip():
            parts.append(f"[{name}]\n{text.strip()}")
            room -= len(text)
    return "\n\n".join(parts)


# ---------------------------------------------------------------------------------------------------------


def _parts(task: Task, judged_by: Sequence[str], conventions: str, feedback: str) -> Iterator[str]:
    yield f"You work on the repository in {WORKSPACE}, without network. No one answers questions; decide."
    yield (
        f"Task type: {task.task_type}\n"
        f"Target file: {task.target_file or '-'}\n"
        f"Task: {task.description.strip()}"
    )
    yield "Rules:\n" + "\n".join(f"- {rule}" for rule in (*_RULES[task.task_type], *_ALWAYS))
    if judged_by:
        commands = "\n".join(f"- {command}" for command in judged_by)
        yield f"The change is judged in a fresh checkout, among other checks by these commands:\n{commands}"
    if conventions:
        yield f"The repository's own conventions:\n{conventions}"
    if feedback.strip():
        yield f"{REJECTED_BEFORE}\n{feedback.strip()[:_FEEDBACK_CHARACTERS]}"
