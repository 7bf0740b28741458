"""Type errors of base are nobody's fault; new ones are told; what is not compared says so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.type_errors import compare_types

OLD = "def double(number: int) -> int:\n    return 2 * number\n\n\ndef name() -> str:\n    return 1\n"


@pytest.fixture
def room(tmp_path: Path) -> CleanRoom:
    """As much of a room as is looked at, in the repository of one file; the environment holds no mypy."""

    @contextmanager
    def copied(tree: Path, replaced: Mapping[str, str]) -> Iterator[Path]:
        with TemporaryDirectory(dir=tmp_path) as name:
            for path, text in replaced.items():
                (Path(name) / path).write_text(text)
            yield Path(name)

    for tree in ("base", "patched", "room/inner", "environment"):
        (tmp_path / tree).mkdir(parents=True)
    told: Any = SimpleNamespace(
        base=tmp_path / "base",
        patched=tmp_path / "patched",
        folder=tmp_path / "room" / "inner",
        environment=SimpleNamespace(path=tmp_path / "environment"),
        changes=(),
        copy=copied,
    )
    return cast(CleanRoom, told)


def change(room: CleanRoom, path: str, before: str, after: str) -> None:
    (room.base / path).write_text(before)
    (room.patched / path).write_text(after)
    room.changes = (Change(path, before, after),)


def test_a_new_error_is_told_and_an_old_one_is_not(room: CleanRoom) -> None:
    change(room, "sums.py", OLD, OLD.replace("return 2 * number", "return str(number)"))
    found = compare_types(room)
    assert found.how == "plain mypy"
    assert len(found.new) == 1
    assert "sums.py: Incompatible return value type" in found.new[0]


def test_what_only_moves_is_no_new_error(room: CleanRoom) -> None:
    change(room, "sums.py", OLD, f"# A comment.\n\n{OLD}")
    assert compare_types(room).new == ()


def test_what_is_not_compared_says_so(room: CleanRoom) -> None:
    change(room, "plain.py", "def f(a):\n    return a\n", "def f(a):\n    return 'a' + 1\n")
    assert compare_types(room).how == "not compared: the changed files have no annotations"


def test_an_ignore_neither_hides_an_error_nor_makes_one(room: CleanRoom) -> None:
    hidden = OLD.replace("    return 1\n", "    return 1  # type: ignore[return-value]\n")
    change(room, "sums.py", hidden, OLD)
    assert compare_types(room).new == ()
    change(room, "sums.py", OLD, OLD.replace("2 * number", "'a'  # type: ignore"))
    assert len(compare_types(room).new) == 1
