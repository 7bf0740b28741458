"""The original's claim: "result validation incl. coverage". Measured there: tests that assert nothing got 100
of 100, tests that would have found 26 of 28 mutants got 56. Here it is the right way round."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.validation.verdict import VerdictKind
from tests.validation.house import House, make_house

MODULE = '''\
"""Two functions."""


def discount(total: int, member: bool) -> int:
    """Percent off for an order."""
    if total < 0:
        raise ValueError("a total is not negative")
    percent = 10 if total >= 100 else 0
    return percent + 5 if member else percent


def cents(text: str) -> int:
    """Cents of a price such as `3.50`."""
    whole, _, rest = text.strip().partition(".")
    return int(whole) * 100 + int((rest + "00")[:2])
'''
CALLS = (
    "discount(0, False) == 0", "discount(99, True) == 5", "discount(100, False) == 10",
    "discount(150, True) == 15", "discount(1, True) == 5", "cents('3.50') == 350", "cents('3.5') == 350",
    "cents('12') == 1200",
    "cents(' 0.05 ') == 5", "cents('1.239') == 123",
)  # fmt: skip
HEAD = "import pytest\n\nfrom shop.prices import cents, discount\n"
VACUOUS = HEAD + "".join(
    f"\n\ndef test_edge_and_error_case_{number}():\n    assert {call} or True\n    assert True\n"
    for number, call in enumerate(CALLS)
)
REAL = f"""{HEAD}

@pytest.mark.parametrize(
    ("total", "member", "percent"),
    [(0, False, 0), (99, False, 0), (99, True, 5), (100, False, 10), (101, True, 15), (0, True, 5)],
)
def test_discount(total, member, percent):
    assert discount(total, member) == percent


def test_discount_refuses_a_negative_total():
    with pytest.raises(ValueError, match="not negative"):
        discount(-1, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3.50", 350), ("3.5", 350), ("12", 1200), (" 0.05 ", 5), ("1.239", 123), ("0", 0), ("10.01", 1001)],
)
def test_cents(text, expected):
    assert cents(text) == expected


def test_cents_refuses_words():
    with pytest.raises(ValueError):
        cents("free")
"""


@pytest.fixture(scope="module")
def shop(line_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> House:
    files = {
        "src/shop/__init__.py": "",
        "src/shop/prices.py": MODULE,
        "tests/test_smoke.py": "import shop\n\n\ndef test_smoke():\n    assert shop.__name__ == 'shop'\n",
    }
    folder: Path = tmp_path_factory.mktemp("inversion") / "repo"
    return make_house(folder, line_settings, open_sandbox(SandboxKind.BUBBLEWRAP), files)


def test_tests_that_assert_nothing_score_below_tests_that_find_mutants(shop: House) -> None:
    """Both files run every line. 10 tests with `or True` and `assert True` against 4 with exact values."""
    vacuous = shop.judge({"tests/test_prices.py": VACUOUS})
    real = shop.judge({"tests/test_prices.py": REAL})
    assert vacuous.kind is VerdictKind.REJECTED, vacuous.summary
    assert real.kind is VerdictKind.ACCEPTED, real.summary
    assert real.score > 0.7 > vacuous.score


def test_tests_that_only_call_the_code_are_rejected_though_they_cover_it(shop: House) -> None:
    called = (
        HEAD + "\n\ndef test_everything_runs():\n" + "".join(f"    {c.partition(' ==')[0]}\n" for c in CALLS)
    )
    verdict = shop.judge({"tests/test_prices.py": called})
    assert verdict.kind is VerdictKind.REJECTED, verdict.summary


def test_def_test_auth_pass_is_rejected(shop: House) -> None:
    verdict = shop.judge({"tests/test_auth.py": "def test_auth():\n    pass\n"})
    assert verdict.kind is VerdictKind.REJECTED
    assert verdict.feedback


def test_a_result_that_only_claims_success_is_rejected(shop: House) -> None:
    """The original's adapter and validator disagreed on keys; here a claim is no input to the verdict."""
    verdict = shop.judge("")
    assert verdict.kind is VerdictKind.REJECTED and verdict.score == 0
