"""The shape of the source tree, as `make house` counts it, does not get worse."""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", ROOT / "scripts" / "house.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def texts(house: ModuleType) -> dict[Path, str]:
    files = (file for root in house.ROOTS for file in (ROOT / root).rglob("*.py"))
    return {file.relative_to(ROOT): file.read_text() for file in files}


def test_a_folder_can_be_looked_through(texts: dict[Path, str]) -> None:
    assert max(Counter(file.parent for file in texts).values()) <= 20


def test_a_file_and_a_function_can_be_read_at_once(house: ModuleType, texts: dict[Path, str]) -> None:
    long = [str(file) for file, text in texts.items() if len(text.splitlines()) > 310]
    long += [name for text in texts.values() for name, length in house.functions(text) if length > 50]
    assert long == []


def test_no_file_imports_itself_by_way_of_others(house: ModuleType) -> None:
    assert house.circles(ROOT) == []


def test_no_function_is_hard_to_follow(house: ModuleType) -> None:
    assert house.reported("radon", "cc", "--min", "D", place=ROOT) == "0"


def test_lines_are_not_repeated(house: ModuleType, texts: dict[Path, str]) -> None:
    assert house.repeated(list(texts.values())) <= 12


def test_the_hardest_modules_explain_themselves(house: ModuleType, texts: dict[Path, str]) -> None:
    modules = house.hardest(ROOT, [ROOT / file for file in texts])
    assert [module.name for module in modules if 100 * module.comments < 4 * module.code] == []


def test_only_comments_that_explain_are_counted(house: ModuleType) -> None:
    text = "# ----------\nx = 1  # noqa: E501\n# because two is even\nz = 3  # of a kind"
    assert house.comments(text) == 2
    assert len(house.code_lines('"""Title."""\n\nx = (\n    1\n)  # one\n# two\n')) == 3
