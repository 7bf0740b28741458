"""Refactorings that change what a caller can tell, each by one call."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskCategory
from nightcrew.validation.faults.observed_calls import observed_difference
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from tests.validation.house import House, make_house

CODE = """\
import time


def words(text):
    found = []
    for one in text.split():
        found.append(one.lower())
    return found


def firsts(items):
    return (one[:1] for one in items)


def ordered(items):
    return sorted(items)


def hour(seconds):
    return time.gmtime(seconds).tm_hour


def unique(items):
    seen = set()
    found = []
    for one in items:
        if one not in seen:
            seen.add(one)
            found.append(one)
    return found
"""
TESTS = """\
from shop.texts import firsts, hour, ordered, unique, words


def test_all():
    assert words("Ada Lovelace") == ["ada", "lovelace"]
    assert list(firsts(["ab", "cd"])) == ["a", "c"]
    assert ordered([2, 1]) == [1, 2]
    assert hour(3600) == 1
    assert unique(["a", "b", "a"]) == ["a", "b"]
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    folder: Path = tmp_path_factory.mktemp("texts") / "repo"
    files = {"src/shop/__init__.py": "", "src/shop/texts.py": CODE, "tests/test_texts.py": TESTS}
    return make_house(folder, settings, sandbox, files)


@contextmanager
def room_of(house: House, code: str) -> Iterator[CleanRoom]:
    wanted = {
        "description": "simplify",
        "repo": str(house.repo),
        "task_type": TaskCategory.REFACTORING,
        "target_file": "src/shop/texts.py",
    }
    task, patch = Task.model_validate(wanted), house.patch({"src/shop/texts.py": code})
    with open_room(task, patch, commit=house.commit, settings=house.settings, sandbox=house.sandbox) as room:
        yield room


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("text.split()", "text.split(' ')", "words("),
        ("one.lower()", "one.casefold()", "words("),
        ("return (one[:1] for one in items)", "return [one[:1] for one in items]", "lazily"),
        ("return sorted(items)", "items.sort()\n    return items", "which is an argument"),
        ("time.gmtime", "time.localtime", "hour("),
        (
            "        if one not in seen:\n",
            "        if not any(one == other for other in (x for x in found)):\n",
            "times the lines",
        ),
    ],
)
def test_what_a_caller_can_tell(texts: House, old: str, new: str, word: str) -> None:
    assert old in CODE
    with room_of(texts, CODE.replace(old, new)) as room:
        assert word in observed_difference(room, room.changes[0])


def test_the_same_in_other_words(texts: House) -> None:
    loop = (
        "    found = []\n    for one in text.split():\n        found.append(one.lower())\n    return found\n"
    )
    code = CODE.replace(loop, "    return [one.lower() for one in text.split()]\n")
    with room_of(texts, code.replace("return sorted(items)", "return sorted(list(items))")) as room:
        assert observed_difference(room, room.changes[0]) == ""
