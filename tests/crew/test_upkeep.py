"""Services are supervised whatever the upkeep waits for."""

import threading
from pathlib import Path

import pytest

from nightcrew.crew import upkeep
from nightcrew.crew.supervision import Supervisor
from nightcrew.settings import load_settings


def test_a_pass_that_waits_for_a_dead_service_does_not_keep_it_from_being_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ended while deleted deployments were made again, which waited for it."""
    is_back, waited = threading.Event(), []

    def once(self: upkeep.Upkeep) -> bool:
        waited.append(is_back.wait(30))
        return False

    def check(self: Supervisor) -> bool:
        if waited:
            return False  # as if the crew were stopped
        is_back.set()
        return True

    monkeypatch.setattr(upkeep, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(upkeep.Upkeep, "once", once)
    monkeypatch.setattr(Supervisor, "check", check)
    upkeep.keep_up(load_settings(home=tmp_path), print)
    assert waited[0] is True


def test_when_the_crew_ends_a_pass_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def once(self: upkeep.Upkeep) -> bool:
        seen.append("begins")
        self._ending.wait(30)
        seen.append("ends")
        return False

    monkeypatch.setattr(upkeep.Upkeep, "once", once)
    monkeypatch.setattr(Supervisor, "check", lambda self: not seen)
    monkeypatch.setattr(upkeep, "PAUSE_SECONDS", 0.01)
    upkeep.keep_up(load_settings(home=tmp_path), print)
    assert seen == ["begins", "ends"]
