"""Type errors of base are nobody's fault; new ones are reported; what is not compared says so."""

from pathlib import Path

import pytest

from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.environments.environment import Environment
from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind
from nightcrew.target_config import TargetConfig
from nightcrew.task import Task, TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.type_errors import compare_types

OLD = "def double(number: int) -> int:\n    return 2 * number\n\n\ndef name() -> str:\n    return 1\n"


@pytest.fixture
def room(tmp_path: Path) -> CleanRoom:
    """A room for the repository of one file; its environment holds no mypy."""
    for tree in ("base", "patched", "room", "environment"):
        (tmp_path / tree).mkdir(parents=True)
    return CleanRoom(
        task=Task(task_id="t-types", description="types", repo=str(tmp_path), task_type=TaskType.BUG_FIX),
        commit="0" * 40,
        config=TargetConfig(),
        sandbox=open_sandbox(SandboxKind.BUBBLEWRAP),
        environment=Environment(tmp_path / "environment", tmp_path / "environment/bin/python", "none"),
        folder=tmp_path / "room",
        base=tmp_path / "base",
        patched=tmp_path / "patched",
        changes=(),
        cache=tmp_path / "cache",
        types=tmp_path / "types",
    )


def change(room: CleanRoom, path: str, before: str, after: str) -> None:
    (room.base / path).write_text(before)
    (room.patched / path).write_text(after)
    room.changes = (Change(path, before, after),)


def test_a_new_error_is_reported_and_an_old_one_is_not(room: CleanRoom) -> None:
    change(room, "sums.py", OLD, OLD.replace("return 2 * number", "return str(number)"))
    found = compare_types(room)
    assert (found.how, found.is_their_own) == ("plain mypy", False)
    assert len(found.new) == 1
    assert "sums.py: Incompatible return value type" in found.new[0]


def test_what_only_moves_is_no_new_error(room: CleanRoom) -> None:
    change(room, "sums.py", OLD, f"LIMIT = 1\n\n{OLD}")
    found = compare_types(room)
    assert (found.how, found.new) == ("plain mypy", ())


def test_mypy_is_left_out_where_no_type_can_have_changed(room: CleanRoom) -> None:
    described = OLD.replace("-> int:\n", '-> int:\n    """Twice the number."""  # of course\n')
    change(room, "sums.py", OLD, described)
    assert compare_types(room).how == "not compared: only docstrings and comments differ"
    for comment in ("  # type: ignore[return-value]", "  # mypy: disable-error-code=return-value"):
        change(room, "sums.py", OLD.replace("return 1", f"return 1{comment}"), described)
        assert compare_types(room).how == "plain mypy"


def test_what_is_not_compared_says_so(room: CleanRoom) -> None:
    change(room, "plain.py", "def f(a):\n    return a\n", "def f(a):\n    return 'a' + 1\n")
    assert compare_types(room).how == "not compared: the changed files have no annotations"


def test_an_ignore_that_is_lost_makes_no_error(room: CleanRoom) -> None:
    hidden = OLD.replace("    return 1\n", "    return 1  # type: ignore[return-value]\n")
    change(room, "sums.py", hidden, OLD)
    assert compare_types(room).new == ()


def test_an_ignore_that_is_new_hides_no_error(room: CleanRoom) -> None:
    change(room, "sums.py", OLD, OLD.replace("2 * number", "'a'  # type: ignore"))
    assert len(compare_types(room).new) == 1


@pytest.mark.parametrize("name", ["@options.py", "-c.py", "--config-file=mypy.ini.py"])
def test_a_files_name_is_never_an_option(room: CleanRoom, name: str) -> None:
    """mypy reads options from the file that is named after an @."""
    for tree in (room.base, room.patched):
        (tree / name.removeprefix("@")).write_text("--version\n")
    change(room, name, OLD, OLD.replace("return 2 * number", "return str(number)"))
    found = compare_types(room)
    assert found.new or found.how == "not compared: plain mypy could not be run"  # it is no module's name


def test_the_types_of_pythons_library_are_found_out_once_and_hold_nothing_of_a_repository(
    room: CleanRoom, tmp_path: Path
) -> None:
    change(room, "sums.py", OLD, OLD.replace("return 2 * number", "return str(number)"))
    first = compare_types(room)
    (kept,) = room.types.iterdir()
    files = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    assert files
    assert not any(b"sums" in content for content in files.values())
    remove_tree(room.folder / "types")
    assert compare_types(room) == first
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == files
    assert list(room.types.iterdir()) == [kept]
