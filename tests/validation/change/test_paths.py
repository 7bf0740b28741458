"""What a file is by its path."""

from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_configuration, is_of_site, is_prose, is_release_note
from nightcrew.validation.gates.scope import _type_refusal

NOTES = ("CHANGES.rst", "docs/_newsfragments/12.misc.rst", "changelog.d/12.fix.md", "docs/history.md", "NEWS")
OTHERS = ("README.md", "shop/newsletter.py", "docs/changes_of_mind.md", "renews/a.md")


@pytest.mark.parametrize(
    ("path", "is_note"), [*((one, True) for one in NOTES), *((one, False) for one in OTHERS)]
)
def test_notes_of_a_release(path: str, is_note: bool) -> None:
    assert is_release_note(path) is is_note


@pytest.mark.parametrize(
    ("path", "is_of"), [("mkdocs.yml", True), ("docs/_static/a.css", True), ("shop/docs.json", False)]
)
def test_a_site_of_documents(path: str, is_of: bool) -> None:
    assert is_of_site(path) is is_of


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [
        ("tests/test_a.py", False),
        ("CHANGES.rst", False),
        ("news/12.misc", False),
        ("README.md", True),
        ("changes/run.py", True),
    ],
)
def test_tests_may_come_with_a_note_for_users(path: str, is_refused: bool) -> None:
    task = SimpleNamespace(task_type=TaskType.UNIT_TEST, target_file="shop/a.py")
    room: Any = SimpleNamespace(task=task, is_test=lambda path: path.startswith("tests/"))
    assert bool(_type_refusal(room, Change(path, None, "Words.\n"))) is is_refused


@pytest.mark.parametrize(
    ("path", "configures", "is_read"),
    [
        (".gitignore", False, False),
        (".editorconfig", False, False),
        ("docs/guide.md", False, False),
        (".travis.yml", True, True),  # it runs commands
        (".pylintrc", True, True),  # it can: `init-hook`
        ("shop/data.json", False, True),
        ("tools/run.sh", False, True),
    ],
)
def test_what_programs_read_and_what_configures_them(path: str, configures: bool, is_read: bool) -> None:
    assert is_configuration(path) is configures
    assert is_prose(Change(path, "a\n", "b\n")) is not is_read
