"""Which edits of a test file leave its old tests as they are."""

import pytest

from nightcrew.validation.change.additions import only_adds

OLD = """\
import shop

LIMIT = 3


class TestPrice:
    def test_low(self):
        assert shop.price(1) == LIMIT


def test_high():
    assert shop.price(9) == helped(9)


def helped(number):
    return number
"""
TEST = "\n\ndef test_more():\n    assert shop.price(2) == 3\n"


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        OLD + TEST,
        TEST + OLD,
        OLD.replace("def test_high", "def test_more():\n    assert shop.price(2)\n\n\ndef test_high"),
        OLD.replace("LIMIT\n\n", "LIMIT\n\n    def test_more(self):\n        assert shop.price(2) == 3\n\n"),
        OLD + "\n\nclass TestMore:\n    def test_it(self):\n        assert shop.price(2) == 3\n",
        "import pytest\nfrom shop import money\n" + OLD + TEST,
        "# A comment.\n" + OLD,
    ],
)
def test_additions_reach_no_old_test(new: str) -> None:
    assert only_adds(OLD, new)


@pytest.mark.parametrize(
    "new",
    [
        OLD.replace("== LIMIT", "== 4"),
        OLD.replace("LIMIT = 3", "LIMIT = 4"),
        OLD + "\n\nLIMIT = 4\n",
        OLD + "\n\ndef helped(number):\n    return 0\n",
        OLD + "\n\ndef price(number):\n    return 0\n",
        OLD + "\n\ndef setup_module():\n    pass\n",
        OLD + "\n\nimport pytest\n\n\n@pytest.fixture(autouse=True)\ndef calm():\n    pass\n",
        OLD + "\n\nfrom other import shop\n",
        OLD + "\n\nfrom other import *\n",
        OLD + "\n\nshop.price = print\n",
        OLD.replace("LIMIT\n\n", "LIMIT\n\n    def setUp(self):\n        pass\n\n"),
        OLD.replace("class TestPrice:", "class TestPrice(Base):"),
        OLD.replace("def test_high():\n    assert shop.price(9) == helped(9)\n", ""),
        None,
    ],
)
def test_what_may_reach_an_old_test_is_no_addition(new: str | None) -> None:
    assert not only_adds(OLD, new)


def test_a_new_file_has_no_old_tests() -> None:
    assert not only_adds(None, OLD)
