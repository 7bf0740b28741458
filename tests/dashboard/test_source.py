"""Where figures come from: one open ledger, which finds new facts, read no more often than it may cost."""

import time
from pathlib import Path

import pytest

from nightcrew.dashboard.source import Reading, Session
from nightcrew.errors import Transient
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.settings import Settings
from tests.ledger.story import task

PATIENCE = 30.0


def submitted(ledger: Ledger) -> int:
    return ledger.summary().tasks


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def submit(settings: Settings, name: str) -> None:
    with MetricsCollector(settings.ledger_dir, name) as collector:
        collector.task_submitted(task(name))


def test_the_open_ledger_finds_what_is_recorded_later(settings: Settings) -> None:
    session = Session(settings)
    opened = set()
    for number in range(3):
        with session.open() as ledger:
            opened.add(id(ledger))
            assert submitted(ledger) == number
        submit(settings, f"t-{number}")
    assert len(opened) == 1


def test_after_an_error_it_is_opened_anew(settings: Settings) -> None:
    session = Session(settings)
    with pytest.raises(Transient), session.open():
        raise Transient("a file was damaged")
    with session.open() as ledger:
        assert submitted(ledger) == 0


def test_fresh_figures_are_not_read_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(Session(settings), submitted)
    assert reading.latest(PATIENCE) == 0
    submit(settings, "t-1")
    assert reading.latest(PATIENCE) == 0
    monkeypatch.setattr(time, "monotonic", lambda: float("inf"))
    assert reading.latest(PATIENCE) == 0, "the old ones are shown while new ones are read"


def test_a_page_does_not_wait_longer_than_its_patience(settings: Settings) -> None:
    assert Reading(Session(settings), lambda ledger: None).latest(0.0) is None
