"""Which tests of base a change can reach, on a real run of base; and the results of those left out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.running import examination
from nightcrew.validation.running.clean_room import CleanRoom, open_room
from nightcrew.validation.running.examination import Examination, examine
from nightcrew.validation.running.reach import reached, readers
from tests.validation.house import House, make_house

PRICES = """\
LIMIT = 100


def one(x):
    return x + 1


def two(x):
    if x > LIMIT:
        return LIMIT

    return x + 2


def shared():
    return LIMIT


def imported():
    return LIMIT


START = imported()
"""
TESTS = """\
import os, subprocess, sys
from pathlib import Path

import pytest

from shop.prices import one, shared, two

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def limit():
    return shared()


def test_one():
    assert one(1) == 2


@pytest.mark.parametrize("x", [1, 200])
def test_two(x):
    assert two(x) in (3, 100)


def test_limit(limit):
    assert limit == 100


def test_readme():
    assert (ROOT / "README.md").read_text()


def test_list():
    assert os.listdir(ROOT / "docs")


def test_program():
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_git():
    subprocess.run(["git", "--version"], check=True)
"""
OTHER = "def test_other():\n    assert True\n"
FILES = {
    "src/shop/__init__.py": "",
    "src/shop/prices.py": PRICES,
    "tests/test_shop.py": TESTS,
    "tests/test_other.py": OTHER,
    "tests/conftest.py": "",
    "README.md": "# Shop\n",
    "docs/a.md": "a\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
}
ONE = PRICES.replace("x + 1", "1 + x")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    return make_house(tmp_path_factory.mktemp("reach") / "repo", settings, sandbox, FILES)


@contextmanager
def room_of(shop: House, files: Mapping[str, str | None]) -> Iterator[CleanRoom]:
    task = shop.task(TaskType.BUG_FIX, "src/shop/prices.py")
    patch = shop.patch(files)
    with (
        base_checkout(task.repo, shop.commit, shop.settings) as base,
        open_room(task, patch, base, settings=shop.settings, sandbox=shop.sandbox) as room,
    ):
        yield room


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"src/shop/prices.py": ONE}, {"test_one"}),
        ({"src/shop/prices.py": PRICES + "\n\ndef three(x):\n    return x\n"}, set()),
        ({"src/shop/prices.py": "# prices\n" + PRICES}, set()),
        ({"README.md": "# The shop\n"}, {"test_readme"}),
        ({"docs/a.md": "b\n"}, set()),
        ({"docs/b.md": "b\n"}, {"test_list"}),
        ({"tests/test_other.py": OTHER + "\n\ndef test_more():\n    assert 1\n"}, {"test_other"}),
        ({"tests/test_new.py": OTHER}, set()),
        ({"src/shop/prices.py": PRICES.replace("LIMIT = 100", "LIMIT = 101")}, None),
        ({"src/shop/prices.py": PRICES.replace("def shared():", "def shared():\n    print()")}, None),
        ({"src/shop/prices.py": PRICES.replace("def imported():", "def imported():\n    print()")}, None),
        ({"tests/test_other.py": "import os\nos.environ['A'] = 'b'\n" + OTHER}, None),
        ({"tests/conftest.py": "import os\n"}, None),
        ({"src/shop/data.json": "{}\n"}, None),
    ],
)
def test_what_is_reached(shop: House, files: dict[str, str | None], names: set[str] | None) -> None:
    with room_of(shop, files) as room:
        base = examine(room).base
        found = reached(room, base, room.changes)
    short = None if found is None else {one.split("::")[1] for one in found}
    assert base.problem == ""
    assert short == (None if names is None else names | {"test_program"})


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"README.md": "# The shop\n"}, ("tests/test_shop.py",)),
        ({"docs/new.rst": "New\n"}, ("tests/test_shop.py",)),  # it lists a folder
        ({"CHANGES": "new\n"}, ("tests/test_shop.py",)),
        ({"src/shop/prices.py": '"""Prices."""\n' + PRICES}, ("tests/test_shop.py",)),
        ({"src/shop/prices.py": ONE}, None),
        ({"README.md": "# The shop\n", "src/shop/prices.py": ONE}, None),
        ({"tests/test_other.py": "# others\n" + OTHER}, None),
    ],
)
def test_who_may_read_words(shop: House, files: dict[str, str | None], found: tuple[str, ...] | None) -> None:
    with room_of(shop, files) as room:
        assert readers(room) == found


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ({"tests/conftest.py": 'NAME = "README.md"\n'}, None),
        ({"tests/conftest.py": "import os\n\nFILES = os.listdir()\n"}, ()),
        ({"tests/conftest.py": 'import glob\n\nFILES = glob.glob("*.md")\n'}, None),
        ({"src/shop/prices.py": 'NAME = "README.md"\n'}, None),
        ({"src/shop/prices.py": 'ENDINGS = (".md", ".txt")\n'}, ()),
        ({"setup.py": 'TEXT = open("README.md").read()\n'}, ()),
        (
            {"tests/test_ending.py": 'def test_it():\n    assert "a.md".endswith(".md")\n'},
            ("tests/test_ending.py",),
        ),
        ({"pytest.ini": "[pytest]\naddopts = --doctest-glob=*.md\n"}, None),
        ({"pytest.ini": "[pytest]\naddopts = --doctest-modules\n"}, ()),
    ],
)
def test_what_base_says_of_documents(
    base: dict[str, str], found: tuple[str, ...] | None, tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    files = {"src/shop/prices.py": PRICES, "tests/test_other.py": OTHER, "README.md": "# Shop\n", **base}
    with room_of(make_house(tmp_path / "repo", settings, sandbox, files), {"README.md": "# A\n"}) as room:
        assert readers(room) == found


def test_tests_that_are_left_out_have_the_results_of_a_whole_run(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"src/shop/prices.py": ONE.replace("    return 1 + x", "    y = 1\n    return y + x")}
    with room_of(shop, files) as room:
        whole = Examination(room).patched.run("all")
        monkeypatch.setattr(examination, "AGAIN", 1)
        partly = Examination(room)
        assert len(partly._unreached) > 4
        run = partly.patched.run("all")
    assert {name: one.outcome for name, one in run.tests.items()} == {
        name: one.outcome for name, one in whole.tests.items()
    }
    assert list(run.tests) == list(whole.tests)
    assert run.coverage == whole.coverage
