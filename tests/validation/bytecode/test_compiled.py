"""The byte code of the judged trees: what it holds, whose it is, and when it is left out."""

import marshal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import CodeType

import pytest

from nightcrew.execution.checkout.base import base_checkout
from nightcrew.task import TaskType
from nightcrew.validation.bytecode.compiled import Compiled
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from tests.validation.house import NAMES, TEST_NAMES, House

NAMES_FILE, TEST_FILE = "src/shop/names.py", "tests/test_names.py"
EVIL = 'import pathlib\npathlib.Path("/workspace/ran").touch()\nVALUE = 1\n'


@pytest.fixture(scope="module")
def room(house: House) -> Iterator[CleanRoom]:
    """A change of the product with a module that leaves a trace where it runs, and one that is not Python."""
    task = house.task(TaskType.BUG_FIX, NAMES_FILE)
    patch = house.patch(
        {NAMES_FILE: NAMES.replace('"!"', '"?"'), "src/shop/evil.py": EVIL, "src/shop/odd.py": "def ("}
    )
    with (
        base_checkout(task.repo, house.commit, house.settings) as base,
        open_room(task, patch, base, settings=house.settings, sandbox=house.sandbox) as room,
    ):
        yield room


def byte_code(copy: Path, path: str) -> dict[bool, bytes]:
    """The byte code of a file, by whether pytest has rewritten it."""
    place = copy / path
    found = (place.parent / "__pycache__").glob(f"{place.stem}.*.pyc")
    return {"-pytest-" in one.name: one.read_bytes() for one in found}


def constants(code: CodeType) -> list[object]:
    inner = [part for one in code.co_consts if isinstance(one, CodeType) for part in constants(one)]
    return [*code.co_consts, *inner]


def test_each_tree_gets_byte_code_of_its_own_text(room: CleanRoom) -> None:
    for tree, ending, other in ((room.base, "!", "?"), (room.patched, "?", "!")):
        with room.copy(tree) as copy:
            room.once(Compiled).add_to(copy, tree, {})
            code = marshal.loads(byte_code(copy, NAMES_FILE)[False][16:])
            assert code.co_filename == f"/workspace/{NAMES_FILE}"
            assert ending in constants(code)
            assert other not in constants(code)
            assert byte_code(copy, TEST_FILE).keys() == {False, True}
            assert not byte_code(copy, "src/shop/odd.py")
            assert not list(copy.glob("ran"))
    assert not (room.folder / "bytecode" / "ran").exists()


def test_a_file_with_another_text_gets_none(room: CleanRoom) -> None:
    with room.copy(room.base, {TEST_FILE: TEST_NAMES + "\n"}) as copy:
        room.once(Compiled).add_to(copy, room.base, {TEST_FILE: TEST_NAMES + "\n"})
        assert not byte_code(copy, TEST_FILE)
        assert byte_code(copy, NAMES_FILE)


def test_what_pytest_rewrites_stays_where_its_path_is_true(room: CleanRoom) -> None:
    with room.copy(room.patched) as copy:
        room.once(Compiled).add_to(copy, room.patched, {}, rewritten=False)
        assert byte_code(copy, TEST_FILE).keys() == {False}


def test_nothing_is_written_through_a_link(room: CleanRoom, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "one").write_text("mine")
    with room.copy(room.base) as copy:
        (copy / "src/shop/__pycache__").symlink_to(kept)
        (copy / "tests/__pycache__").mkdir()
        room.once(Compiled).add_to(copy, room.base, {})
        made = list((copy / "tests/__pycache__").iterdir())
        for one in made:
            one.unlink()
            one.symlink_to(kept / "one")
        room.once(Compiled).add_to(copy, room.base, {})
    assert made
    assert [one.name for one in kept.iterdir()] == ["one"]
    assert (kept / "one").read_text() == "mine"


def test_a_change_of_documents_is_not_compiled(room: CleanRoom) -> None:
    task = room.task.model_copy(update={"task_type": TaskType.DOCUMENTATION})
    with room.copy(room.base) as copy:
        Compiled(replace(room, task=task)).add_to(copy, room.base, {})
        assert not byte_code(copy, NAMES_FILE)
