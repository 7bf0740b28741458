"""What a comment or an issue asks for is read; what only shows a command is not."""

import pytest

from nightcrew.errors import BadInput
from nightcrew.task import TaskType
from nightcrew.watch.command import Command, command_in, command_of_labels, described


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/nightcrew unit_test src/x.py", Command(TaskType.UNIT_TEST, "src/x.py", "")),
        ("/nightcrew unit_test `src/x.py`", Command(TaskType.UNIT_TEST, "src/x.py", "")),
        ("Please.\n\n/nightcrew bug_fix", Command(TaskType.BUG_FIX, None, "")),
        (
            "/nightcrew bug_fix src/x.py only the sum",
            Command(TaskType.BUG_FIX, "src/x.py", "only the sum"),
        ),
        ("/nightcrew refactoring names are odd", Command(TaskType.REFACTORING, None, "names are odd")),
        ("thanks", None),
        ("say /nightcrew bug_fix in a comment", None),
        ("```\n/nightcrew bug_fix\n```", None),
        ("> /nightcrew bug_fix", None),
        ("<!-- \n/nightcrew bug_fix\n-->", None),
        ("/nightcrewed bug_fix", None),
    ],
)
def test_a_command_stands_at_the_start_of_a_line(text: str, asked: Command | None) -> None:
    assert command_in(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "/nightcrew",
        "/nightcrew please",
        "/nightcrew unit_test",
        "/nightcrew unit_test --repo=/etc",
        "/nightcrew documentation -x",
        "/nightcrew unit_test a\x1bb.py",
    ],
)
def test_a_command_that_is_not_understood_says_how_it_is_written(text: str) -> None:
    with pytest.raises(BadInput, match="/nightcrew TYPE FILE"):
        command_in(text)


def test_labels_name_the_type() -> None:
    assert command_of_labels(["nightcrew", "Bug"], "t", "b").task_type is TaskType.BUG_FIX
    assert command_of_labels(["nightcrew"], "t", "b").task_type is TaskType.CODE_GENERATION
    asked = command_of_labels(["bug"], "t", "Please.\n/nightcrew unit_test a.py")
    assert asked == Command(TaskType.UNIT_TEST, "a.py", "")


def test_a_description_is_bounded_and_has_no_control_characters() -> None:
    text = described("Title\x1b[2J", "a\u202eb" + "x" * 100_000, "words")
    assert len(text) < 9_000 and text.startswith("Title\\u001b[2J\n\nwords\n\na\\u202eb")
