"""The pages: with a full ledger, with an empty one, and with text that nobody here wrote."""

from dataclasses import replace
from pathlib import Path

import pytest

from nightcrew.dashboard import pages
from nightcrew.dashboard.figures import Figures, read_figures
from nightcrew.dashboard.sections import ALL_SECTIONS
from nightcrew.ledger.ledger import Ledger


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    with Ledger(tmp_path_factory.mktemp("empty")) as ledger:
        return read_figures(ledger)


def test_a_night_shows_what_an_accepted_change_cost_and_every_table(night_figures: Figures) -> None:
    page = pages.overview(night_figures, None)
    assert "of 6 attempts at 6 tasks" in page
    assert "<dt>Cost per accepted change</dt><dd>$0.0035</dd>" in page
    assert "The database cannot be reached" in page
    for section in ALL_SECTIONS:
        assert f"<h3>{section.title}</h3>" in page
    assert '<a href="/nightcrew/tasks/t-tests">t-tests</a>' in page
    assert '<a href="/nightcrew/tasks?repo=https%3A//example.org/shop.git">shop</a>' in page


def test_an_empty_ledger_says_what_each_panel_would_show(empty: Figures) -> None:
    page = pages.overview(empty, None)
    for section in ALL_SECTIONS:
        assert not empty.tables[section.title]
        assert section.empty in page
    assert "nothing is accepted yet" in page and "None" not in page.replace('<p class="quiet">None.</p>', "")


def test_a_page_does_not_wait_for_the_ledger() -> None:
    page = pages.overview(None, None)
    assert "The ledger is being read" in page and "data-soon" in page


def test_text_that_nobody_here_wrote_is_shown_and_not_run(night_figures: Figures) -> None:
    evil = "<script>alert(1)\u202egpj"
    row = night_figures.tables["By repository"][0] | {"repo": evil}
    page = pages.overview(
        replace(night_figures, tables={**night_figures.tables, "By repository": [row]}), None
    )
    assert "<script>alert" not in page and "\u202e" not in page
    assert "alert(1)" in page


def test_durations_have_two_units(tmp_path: Path) -> None:
    spans = {None: "–", 0.4: "0 s", 59: "59 s", 61: "1 min 1 s", 3_660: "1 h 1 min", 90_000: "1 d 1 h"}
    span = pages.FILTERS["span"]
    assert {seconds: span(seconds) for seconds in spans} == spans
