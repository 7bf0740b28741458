"""Acceptance: the command given with the task fails on base, and succeeds with the change because of the
change."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from nightcrew.execution.sandbox import Completed
from nightcrew.task import Task, TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.gate import Gate, answered, failed, not_measurable, passed
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.reading.variants import raising
from nightcrew.validation.running.base_faults import missing_outside
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command, tail
from nightcrew.validation.running.examination import examine
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "acceptance"
MOST_PROGRAMS = 3  # of one script that are made to fail
_PROGRAM = re.compile(
    r"(?:^[ \t]*+|[;&|(] *+|\b(?:then|do|exec|if) ++)[@+-]{0,9} {0,99}(?:\w{1,99}=\S{0,99} {1,9}){0,9}"
    r"(cargo|cc|docker|gcc|git|go|make|mkdocs|nox|npm|pip3?|poetry|pytest|python3?|sphinx-build|tox|twine|uv)\b",
    re.MULTILINE,
)
"""Programs whose failure decides whether a script has done its work, where a script starts them."""
_FAILING = """\
stubs=$(mktemp -d) && printf '#!/bin/sh\\nexit 1\\n' > "$stubs/{program}" && chmod +x "$stubs"/* || exit 3
PATH="$stubs:$PATH"; export PATH
{command}"""


class Acceptance(Gate):
    """The task's own command."""

    name = NAME
    types = (TaskType.CODE_GENERATION, TaskType.BUILD_SCRIPT)

    def applies(self, task: Task) -> bool:
        """True where the task gives a command, or where nothing else could show that the work is done."""
        return task.acceptance is not None or super().applies(task)

    def run(self, room: CleanRoom) -> GateResult:
        """Runs the command on base, on the change, and on the change with its new code broken."""
        command = room.task.acceptance
        if command is None:
            return _without_command(room)
        problem = _failing(room, command) or _shows_nothing(room, command)
        if problem is not None:
            return problem
        room.measured.command_shows_work = True
        unheard = [*_unheard(room, command)] if room.task.task_type is TaskType.BUILD_SCRIPT else []
        if unheard:
            return answered(
                NAME,
                unheard,
                opening="The command succeeds, and nothing shows that it would tell of a failure",
                hint="Let the script end with an error where a program that it starts does, and run twice.",
                question="Is that wanted?",
            )
        return passed(
            NAME, f"`{command}` fails on base and succeeds with the change.", strength=1.0, command=command
        )


# ---------------------------------------------------------------------------------------------------------


def _failing(room: CleanRoom, command: str) -> GateResult | None:
    """A result where the command does not succeed with the change."""
    after = run_command(room, room.patched, command)
    if not _succeeds(after):
        missing = _missing(room, after)
        if missing and missing == _missing(room, _on_base(room, command)):
            return not_measurable(
                NAME,
                f"The acceptance command cannot be run, with the change or without it: {missing}.",
                "Let `setup` and `[env]` in nightcrew.toml bring what it needs.",
            )
        ended = after.killed_by or f"exit code {after.returncode}"
        return failed(
            NAME,
            f"The acceptance command fails ({ended}): {tail(after)}",
            f"Make `{command}` succeed: {tail(after)}",
            evidence={"command": command, "output": tail(after, 2000)},
        )
    return None


def _shows_nothing(room: CleanRoom, command: str) -> GateResult | None:
    """A result where the command succeeds without the change's work, too."""
    keeps_behaviour = room.task.task_type in {TaskType.REFACTORING, TaskType.DOCUMENTATION}
    if not keeps_behaviour and _succeeds(_on_base(room, command)):
        return not_measurable(
            NAME, "The acceptance command succeeds without the change too, so it shows nothing."
        )
    if not keeps_behaviour and _succeeds(_emptied(room, command)):
        return not_measurable(
            NAME,
            "The acceptance command succeeds with the change's files empty too, so it shows nothing.",
            "Let the command check what comes out, not only that nothing fails.",
        )
    broken, values = _broken_product(room), _base_values(room)
    # The command may be about the values of other files of the change.
    if (broken and _succeeds(run_command(room, room.patched, command, replaced=broken))) and (
        not values or _succeeds(run_command(room, room.patched, command, replaced=values))
    ):
        return failed(
            NAME,
            "The acceptance command succeeds even when the changed code raises in every function.",
            "The command has to run the code that you write; do not end the process early.",
            strength=0.0,
            evidence={"command": command, "broken": sorted(broken)},
        )
    return None


def _succeeds(completed: Completed) -> bool:
    return completed.returncode == 0 and completed.killed_by is None


def _on_base(room: CleanRoom, command: str) -> Completed:
    """Runs the command on base's product with the change's tests: a command may name tests of the change."""
    tests = {one.path: one.after for one in room.changes if one.after is not None and room.is_test(one.path)}
    return run_command(room, room.base, command, replaced=tests)


def _missing(room: CleanRoom, completed: Completed) -> str:
    """What the command needs and does not find, other than the repository's own code."""
    return missing_outside(room, tail(completed, 10_000))


def _emptied(room: CleanRoom, command: str) -> Completed:
    """Runs the command with each file that the change adds or edits made empty."""
    texts = {one.path: "" for one in room.changes if one.after is not None and not room.is_test(one.path)}
    return run_command(room, room.patched, command, replaced=texts)


def _unheard(room: CleanRoom, command: str) -> Iterator[Finding]:
    """Programs that the change's scripts start, and that may fail without the command failing; and scripts
    that fail where they have run before."""
    for change in room.changes:
        text = "" if room.is_test(change.path) or change.path.endswith(".py") else change.after or ""
        lines = {found[1]: text.count("\n", 0, found.start(1)) + 1 for found in _PROGRAM.finditer(text)}
        for program, line in [*lines.items()][:MOST_PROGRAMS]:
            failing = _FAILING.format(program=program, command=command)
            if _succeeds(run_command(room, room.patched, failing)):
                what = f"it succeeds although `{program}` fails"
                yield Finding(what, change.path, line, severity=Severity.UNPROVEN)
    scripts = [one for one in room.changes if (one.after or "").startswith("#!") and "sh" in _shell(one)]
    twice = {path: text for one in scripts for path, text in _twice(one).items()}
    once_more = command if twice else f"(\n{command}\n) && (\n{command}\n)"
    again = run_command(room, room.patched, once_more, replaced=twice)
    if not _succeeds(again):
        path = room.task.target_file or room.changes[0].path
        yield Finding(f"it fails when it is run again: {tail(again, 120)}", path, severity=Severity.UNPROVEN)


def _shell(script: Change) -> str:
    """The name of the program that runs a script."""
    return PurePosixPath((script.after or "").split("\n", 1)[0]).name.split(" ")[-1]


def _twice(script: Change) -> dict[str, str]:
    """Files in which a script runs twice: the task's command may clean up before it starts the script."""
    inner = PurePosixPath(script.path).with_name(f".{PurePosixPath(script.path).name}.once")
    run = f'{_shell(script)} "$(dirname "$0")/{inner.name}" "$@"'
    return {str(inner): script.after or "", script.path: f"#!/bin/sh\n{run} >/dev/null && {run}\n"}


def _broken_product(room: CleanRoom) -> dict[str, str]:
    """Every Python file of the product with a changed function, with every function made to raise. Where only
    values change, no function has to run."""
    broken: dict[str, str] = {}
    for path in examine(room).product_files:
        text = room.source(path)
        change = room.change(path)
        if (
            change is None
            or text is None
            or parse(text) is None
            or not changed_functions(change.before, text)
        ):
            continue
        source = raising(text)
        if source is not None:
            broken[path] = source
    return broken


def _base_values(room: CleanRoom) -> dict[str, str]:
    """Base's text of the Python files of the product in which no function changes."""
    changes = (one for one in room.changes if one.path in examine(room).product_files)
    return {
        one.path: one.before
        for one in changes
        if one.before is not None and not changed_functions(one.before, one.after)
    }


def _without_command(room: CleanRoom) -> GateResult:
    """The result for new code without a command: its own tests can show that it works."""
    if room.measured.tests_notice_faults:
        return passed(
            NAME, "No acceptance command; the tests in the change notice faults in it.", strength=0.8
        )
    if room.task.task_type is TaskType.BUILD_SCRIPT:
        names = [Path(one.path).name for one in room.changes]
        return not_measurable(
            NAME, f"Nothing shows that {names[0]} works: give the task an acceptance command."
        )
    return not_measurable(
        NAME,
        "Nothing shows that the new code works: give the task an acceptance command, or tests in the change.",
    )
