"""The cost report, as a person reads it."""

from decimal import Decimal
from pathlib import Path

import pytest

from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.report import cell, cost_report_markdown, markdown_table, usd

GOLDEN = Path(__file__).parent / "golden" / "cost_report.md"


def test_the_report_of_a_night(night: Ledger) -> None:
    assert cost_report_markdown(night) == GOLDEN.read_text(encoding="utf-8")


def test_the_report_of_an_empty_ledger(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        report = cost_report_markdown(ledger)
    assert "Nothing is recorded yet." in report and "unknown" not in report


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "unknown"),
        (Decimal(0), "$0.00"),
        (Decimal("1234.567"), "$1,234.57"),
        (Decimal("0.1"), "$0.10"),
        (Decimal("0.0123456"), "$0.012"),
        (Decimal("0.000000002"), "$0.0000000020"),
    ],
)
def test_an_amount_shows_its_first_digits(amount: Decimal | None, words: str) -> None:
    assert usd(amount) == words


def test_an_unknown_cost_is_shown_as_such_and_a_missing_figure_is_a_dash() -> None:
    assert cell("cost_usd", None) == "unknown"
    assert cell("mean_score", None) == "–"


def test_text_cannot_break_the_table() -> None:
    table = markdown_table([{"model": "a|b\nc"}], {"model": "Model"})
    assert table.splitlines()[2] == "| a\\|b c |"
