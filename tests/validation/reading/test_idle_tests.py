# ruff: noqa: E501
"""New tests that earn no place, by their text."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.idle_tests import idle_test, only_sizes, replaced_target, tries_new_inputs
from nightcrew.validation.running.clean_room import CleanRoom


def room(tests: str, product: str = "def half(x): return x / 2\n", before: str | None = None) -> CleanRoom:
    change = Change("tests/test_half.py", before, tests)
    fake: Any = SimpleNamespace(
        target="half.py", changes=(change,), source=lambda path: product, is_test=lambda path: "test" in path
    )
    fake.once = lambda make: make(fake)
    return cast(CleanRoom, fake)


HEAD = "import pytest\nfrom half import half\n\n"
PARAMETRIZED = (
    HEAD + "@pytest.mark.parametrize('x', {cases})\ndef test_half(x):\n    assert half({used}) == 2\n"
)


@pytest.mark.parametrize(
    ("tests", "word"),
    [
        ("def test_it():\n    assert half.__code__.co_code.hex() == 'ab'\n", "looks at code"),
        ("def test_it():\n    assert 'x / 2' in inspect.getsource(half)\n", "looks at code"),
        ("def test_it():\n    assert sys.version_info[:2] == (3, 12)\n", "machine"),
        ("def test_it():\n    assert os.getuid() == 0 and half(4) == 2\n", "machine"),
        (
            "def test_it():\n    major, minor = platform.python_version_tuple()[:2]\n    assert minor == '12'\n",
            "machine",
        ),
        (PARAMETRIZED.format(cases="[4] * 2000", used="x"), "repeats"),
        (PARAMETRIZED.format(cases="[4, 4, 4, 6]", used="x"), "same case 3 times"),
        (PARAMETRIZED.format(cases="range(2000)", used="4"), "2000 times"),
        ("def test_it():\n    assert half(4) in (1, 2, 3)\n", "any of several values"),
        ("def test_it(self):\n    self.assertIn(half(4), [1, 2])\n", "any of several values"),
        ("def test_it():\n    assert half(4) == pytest.approx(2, abs=1.9)\n", "far from the right one"),
        ("def test_it():\n    assert half(-4) == pytest.approx(-2, rel=0.5)\n", "far from the right one"),
        ("def test_it(self):\n    self.assertAlmostEqual(half(4), 2, delta=1)\n", "far from the right one"),
        ("".join(f"def test_{one}():\n    assert half(4) == 2\n\n" for one in "abc"), "copy of test_a"),
    ],
)
def test_what_earns_no_place(tests: str, word: str) -> None:
    assert word in idle_test(room(tests))


@pytest.mark.parametrize(
    "tests",
    [
        PARAMETRIZED.format(cases="[4, 6, 8]", used="x"),
        PARAMETRIZED.format(cases="range(2000)", used="x"),
        PARAMETRIZED.format(cases="range(5)", used="4"),
        "def test_it():\n    assert 1 in half((1, 2))\n    assert half(4) not in (1, 3)\n    assert half(2) in NAMES\n",
        "def test_it():\n    assert half(4) == pytest.approx(2, abs=0.01)\n    assert half(0) == pytest.approx(0, abs=0.1)\n",
        "def test_it(self):\n    self.assertAlmostEqual(half(4), 2, places=2)\n    assert half(1) == pytest.approx(x, rel=1e-3)\n",
        "import sys\n\ndef test_it():\n    if sys.version_info > (3, 10):\n        assert half(4) == 2\n",
        "def test_a():\n    warnings.simplefilter('ignore')\n    assert half(4) == 2\n\ndef test_b():\n    assert half(4) == 2\n",
    ],
)
def test_what_does(tests: str) -> None:
    assert idle_test(room(tests)) == ""


SIZES = "def test_{}():\n    assert len(half('ab')) == 1\n    assert half('aa').count('a') == 1\n\n\n"


def test_most_tests_look_at_more_than_sizes() -> None:
    values = "def test_c():\n    assert half('ab') == 'a'\n"
    assert "2 of 3 new tests look only at lengths" in only_sizes(
        room(SIZES.format("a") + SIZES.format("b") + values)
    )
    assert not only_sizes(room(SIZES.format("a") + SIZES.format("b")))
    assert not only_sizes(room(SIZES.format("a") + values + values.replace("_c", "_d")))


def test_a_product_about_code_is_tested_by_code() -> None:
    product = "def size(f): return len(f.__code__.co_code)\n"
    tests = "def test_size():\n    assert size(f) == len(f.__code__.co_code)\n"
    assert idle_test(room(tests, product)) == ""


PRODUCT = "import time\n\n\ndef half(x):\n    return x / 2\n\n\nclass Halver:\n    def halve(self, x):\n        return half(x)\n"
REAL = "def test_it():\n    assert half(4) == 2\n\n"


@pytest.mark.parametrize(
    ("tests", "word"),
    [
        (
            "@mock.patch('half.half')\ndef test_it(fake):\n    Halver().halve(1)\n    fake.assert_called_once_with(1)\n",
            "half",
        ),
        (
            "def test_it(monkeypatch):\n    monkeypatch.setattr(Halver, 'halve', lambda *_: 2)\n    assert Halver().halve(4) == 2\n",
            "halve",
        ),
        (
            "def test_it():\n    with mock.patch.object(half_module, 'half', return_value=2):\n        assert Halver().halve(9) == 2\n",
            "half",
        ),
        (
            "def test_it(monkeypatch):\n    monkeypatch.setattr(time, 'sleep', print)\n    assert half(4) == 2\n",
            "",
        ),
        (
            REAL
            + "def test_fake(monkeypatch):\n    monkeypatch.setattr(Halver, 'halve', lambda *_: 2)\n    assert Halver().halve(4) == 2\n",
            "",
        ),
    ],
)
def test_what_the_tests_replace(tests: str, word: str) -> None:
    found = replaced_target(room(tests, PRODUCT))
    assert (word in found) if word else found == ""


@pytest.mark.parametrize(
    ("before", "after", "is_new"),
    [
        ("def test_a():\n    assert half(4) == 2\n", "\n\ndef test_b():\n    assert half(4) == 2\n", False),
        ("def test_a():\n    assert half(4) == 2\n", "\n\ndef test_b():\n    assert half(6) == 3\n", True),
        (
            "def test_a():\n    x = 4\n    assert half(x) == 2\n",
            "\n\ndef test_b():\n    x = 4\n    assert half(x) == 2\n",
            False,
        ),
        (
            "def test_a():\n    x = 4\n    assert half(x) == 2\n",
            "\n\ndef test_b():\n    x = 6\n    assert half(x) == 3\n",
            True,
        ),
        ("CASES = [(4, 2)]\n", "CASES += [(6, 3)]\n", True),
        ("CASES = [(4, 2)]\n", "CASES += [(4, 2)]\n", False),
    ],
)
def test_inputs_that_no_other_test_tries(before: str, after: str, is_new: bool) -> None:
    fake = cast(Any, room(before + after, before=before))
    trees = ({"tests/test_half.py": text} for text in (before, before + after))
    fake.base_tree, fake.patched_tree = (SimpleNamespace(python=one) for one in trees)
    assert tries_new_inputs(fake) is is_new
