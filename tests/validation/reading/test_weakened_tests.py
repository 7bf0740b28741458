import pytest

from nightcrew.validation.reading.weakened_tests import what_was_weakened

BEFORE = """\
import pytest

CASES = [(1, 2), (2, 3)]


@pytest.mark.parametrize(("a", "b"), [(1, 2), (2, 3)])
def test_next(a, b):
    assert a + 1 == b


class TestMore:
    def test_near(self):
        assert 0.1 + 0.2 == pytest.approx(0.3, abs=1e-9)
"""


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("def test_next", "def test_other", "deleted or renamed"),
        ("def test_next", "def _test_next", "deleted or renamed"),
        ("a + 1 == b", "a + 1 >= b", "changed"),
        ("abs=1e-9", "abs=1e-1", "changed"),
        ("    assert a + 1 == b", "    a + 1", "0 assertions instead of 1"),
        ("    assert a + 1 == b", "    return\n    assert a + 1 == b", "changed"),
        ("@pytest.mark.para", "@pytest.mark.skip\n@pytest.mark.para", "skipped or expected"),
        ("    assert a + 1 == b", "    pytest.skip('x')\n    assert a + 1 == b", "skipped or expected"),
        (
            "    assert a + 1 == b",
            "    try:\n        assert a + 1 == b\n    except AssertionError:\n        pass",
            "wrapped in try",
        ),
        ("(2, 3)])", "])", "changed"),
        ("CASES = [(1, 2), (2, 3)]", "CASES = [(1, 2)]", "CASES"),
        ("import pytest\n", "import pytest\npytestmark = pytest.mark.skip\n", "skips the tests"),
        ("class TestMore:", "class TestMore:\n    __test__ = False", "__test__"),
        ("class TestMore:", "@pytest.mark.skip\nclass TestMore:", "decorator"),
        (
            "class TestMore:",
            "@pytest.fixture(autouse=True)\ndef quiet(monkeypatch):\n    pass\n\n\nclass TestMore:",
            "every existing test",
        ),
        ("class TestMore:", "def test_next():\n    pass\n\n\nclass TestMore:", "second time|changed"),
    ],
)
def test_what_weakens(old: str, new: str, word: str) -> None:
    import re

    assert old in BEFORE
    assert re.search(word, what_was_weakened(BEFORE, BEFORE.replace(old, new, 1)))


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE.replace("\n\n\n", "\n\n\n\n# a comment\n"),
        BEFORE + "\n\ndef test_new():\n    assert 1 + 1 == 2\n",
        BEFORE + "    def test_in_class(self):\n        assert 1 + 1 == 2\n",
        BEFORE.replace("(2, 3)])", "(2, 3), (3, 4)])"),
        BEFORE.replace("    assert a + 1 == b", "    assert a + 1 == b\n    assert b - 1 == a"),
        BEFORE.replace("import pytest", "import math\nimport pytest"),
    ],
)
def test_what_only_adds(after: str) -> None:
    assert what_was_weakened(BEFORE, after) == ""


def test_a_deleted_file_of_tests() -> None:
    assert "deleted" in what_was_weakened(BEFORE, None)
    assert what_was_weakened("HELPER = 1\n", None) == ""
