"""What could take for ever, what is left by the dead, and faults that are tried many to a process."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.validation.running import examination
from nightcrew.validation.verdict import VerdictKind
from tests.validation.house import FILES, GOOD_TEST, PRICES, House, last_gate, make_house

ENDLESS = (
    GOOD_TEST
    + '\n\ndef test_waits():\n    while total([]) == 0:\n        pass\n    assert total(["0.01"]) == 1\n'
)


def test_tests_that_do_not_end_are_rejected(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LEAST_SECONDS", 5.0)
    verdict = house.judge({"tests/test_prices.py": ENDLESS})
    assert verdict.kind is VerdictKind.REJECTED
    assert "test_waits" in verdict.summary
    assert last_gate(verdict).name == "new_tests"


def test_a_suite_that_needs_more_than_our_time_is_not_measurable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where base is so slow that our own limit is all there is, nobody can say whose fault it is."""
    monkeypatch.setattr(examination, "MOST_SECONDS", 5.0)
    verdict = house.judge({"tests/test_prices.py": ENDLESS})
    assert verdict.kind is VerdictKind.NOT_MEASURABLE
    assert "slow" in verdict.summary


def test_a_room_whose_owner_was_killed_is_swept_up(house: House) -> None:
    left = house.settings.work_dir / "room-dead"
    left.mkdir(parents=True)
    (left / ".owner").write_text("")
    house.judge({"tests/test_prices.py": "def test_a(:\n"})
    assert not left.exists()
    assert not list(house.settings.work_dir.glob("room-*"))


def test_what_a_function_remembers_hides_no_fault(
    tmp_path: Path, settings: Settings, sandbox: Sandbox
) -> None:
    """In one process a cached answer from before would be given for every fault after it."""

    def killed(name: str, prices: str) -> object:
        house = make_house(tmp_path / name, settings, sandbox, {**FILES, "src/shop/prices.py": prices})
        verdict = house.judge({"tests/test_prices.py": GOOD_TEST})
        mutation = next(gate for gate in verdict.gates if gate.name == "mutation")
        return [mutation.evidence[word] for word in ("mutants", "killed_share", "survivors")]

    def remembered(name: str) -> str:
        return f"@__import__('functools').lru_cache\ndef {name}("

    plain = PRICES.replace("def parse_price(", "@(lambda function: function)\ndef parse_price(")
    cached = PRICES.replace("def parse_price(", remembered("parse_price"))
    assert killed("cached", cached) == killed("plain", plain)
