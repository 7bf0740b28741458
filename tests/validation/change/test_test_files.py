"""What is a test, and what is product in spite of its place."""

from pathlib import Path

import pytest

from nightcrew.validation.change.test_files import TestFiles
from nightcrew.validation.change.tree import Tree

FILES = {
    "src/shop/__init__.py": "",
    "src/shop/web.py": "from shop.tests.strings import clean\nimport shop.test_mode\n",
    "src/shop/test_mode.py": "ON = False\n",
    "src/shop/testing/__init__.py": "",
    "src/shop/testing/hosts.py": "TRUSTED = set()\n",
    "src/shop/tests/__init__.py": "",
    "src/shop/tests/strings.py": "def clean(text): return text\n",
    "src/shop/tests/helpers.py": "",
    "src/shop/test/__init__.py": "",
    "src/shop/test/client.py": "",
    "testing/plugins.py": "",
    "testing/test_core.py": "",
    "tests/conftest.py": "",
    "tests/helpers.py": "",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TestFiles:
    root: Path = tmp_path_factory.mktemp("tree")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return TestFiles(Tree(root))


@pytest.mark.parametrize(
    "path",
    [
        "tests/helpers.py", "tests/data/order.json", "tests/test_new.py", "conftest.py",
        "src/shop/conftest.py",
        "src/shop/tests/helpers.py", "src/shop/tests/test_web.py", "testing/plugins.py", "test/test_first.py",
        "src/shop/test_web.py", "src/shop/web_test.py",
    ],
)  # fmt: skip
def test_what_serves_tests(files: TestFiles, path: str) -> None:
    assert files.holds(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/shop/web.py", "src/shop/testing/hosts.py", "src/shop/testing/new.py", "src/shop/test/client.py",
        "src/shop/tests/strings.py", "src/shop/test_mode.py", "README.md",
    ],
)  # fmt: skip
def test_what_is_product(files: TestFiles, path: str) -> None:
    assert not files.holds(path)


@pytest.mark.parametrize(
    ("text", "path", "is_test"),
    [
        ("[tool:pytest]\npython_files = test.py\n", "test.py", True),
        ("[tool:pytest]\npython_files = test.py\n", "shop.py", False),
        ("[tool:pytest]\npython_files = *.py\n", "shop.py", False),
        ("[metadata]\nname = shop\n", "test.py", False),
    ],
)
def test_the_repositorys_own_names_of_test_files_count(
    tmp_path: Path, text: str, path: str, is_test: bool
) -> None:
    (tmp_path / "setup.cfg").write_text(text)
    assert TestFiles(Tree(tmp_path)).holds(path) is is_test
