"""What no test has to miss: code for another Python or platform, or a missing module."""

import ast

import pytest

from nightcrew.validation.formalities.excuses import Elsewhere, Span
from nightcrew.validation.reading.source_text import SourceText

TEXT = """\
import sys

WINDOWS = sys.platform == "win32"

try:
    import fast
except ImportError:
    fast = None
except ValueError:
    fast = 1


def f(x, y):
    if sys.version_info < (3, 9):
        return x
    elif WINDOWS and x:
        return y
    if WINDOWS or x:
        return 3
    if WINDOWS and x == 4093:
        return 4
    if sys.argv:
        return 5
    return 1 if not WINDOWS else 2


if __name__ == "__main__":
    f(1, 2)
"""


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere(ast.parse(TEXT), SourceText(TEXT))


def shown(spans: list[Span]) -> list[str]:
    return [TEXT[start:end] for start, end in spans]


def test_conditions_on_where_the_code_runs(elsewhere: Elsewhere) -> None:
    """A value that decides beside the platform, and a platform that need not decide, do not count."""
    assert shown(elsewhere.conditions) == ["sys.version_info < (3, 9)", "WINDOWS and x", "not WINDOWS"]


def test_what_runs_under_such_conditions(elsewhere: Elsewhere) -> None:
    branches = shown(elsewhere.branches)
    assert branches[:3] == ["return x", "elif WINDOWS and x:\n        return y", "return y"]
    assert branches[3:5] == ["1", "2"]
    assert branches[5:] == ["fast = None", "f(1, 2)"]


def test_fallbacks(elsewhere: Elsewhere) -> None:
    assert shown(elsewhere.fallbacks) == ["fast = None", "f(1, 2)"]
