"""What the recorder of calls notes, and how often it looks."""

import sys
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace

import pytest

from nightcrew.validation.rig.calls import MOST_OF_ONE, MOST_TRIED, Recorder

PRODUCT = """
class Box:
    def __init__(self, held):
        self.held = held

    def twice(self):
        return self.held * 2

def hot(number):
    return number + 1

def cold(number):
    return sum(hot(one) for one in range(number))

def bound(number):
    return None if number in (None, "MIN") else number

def twice_as_hot(number):
    return 2 * number
"""


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "product_of_calls.py").write_text(PRODUCT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "product_of_calls", raising=False)
    return __import__("product_of_calls")


def recorder(product: ModuleType, *changed: tuple[int, int]) -> Recorder:
    path = str(product.__file__)
    job = SimpleNamespace(test_files=[__file__], workspace=str(Path(path).parent))
    return Recorder(job, {path: changed})  # type: ignore[arg-type]


def noted(of: Recorder) -> list[str]:
    return [call["name"] for call in of.end()]


def test_calls_from_tests_are_noted_and_calls_inside_the_product_are_not(product: ModuleType) -> None:
    of = recorder(product)
    of.start("one")
    product.cold(3)
    product.Box(4).twice()
    of.stop()
    assert noted(of) == ["cold", "Box.__init__", "Box.twice"]
    assert {call["module"] for call in of.end()} == {"product_of_calls"}


def test_a_text_that_the_function_knows_among_numbers_is_a_mark(product: ModuleType) -> None:
    of = recorder(product)
    of.start("one")
    for value in ("MIN", 3):
        product.bound(value)
        product.twice_as_hot(value)
    product.bound("MIN")
    of.stop()
    marks = {call["name"]: call["marks"] for call in of.end()}
    assert marks == {"bound": [0], "twice_as_hot": []}  # a text may be anything there


def test_calls_of_an_edited_function_are_noted_wherever_they_come_from(product: ModuleType) -> None:
    of = recorder(product, (9, 10))
    of.start("one")
    product.cold(3)
    of.stop()
    assert noted(of) == ["cold", "hot", "hot", "hot"]


def test_a_function_that_runs_in_a_loop_is_looked_at_a_bounded_number_of_times(
    product: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = recorder(product, (9, 10))
    looked: list[str] = []
    plain = of._note

    def note(frame: FrameType, makes: bool, wanted: bool) -> None:
        looked.append(of.nodeid)
        plain(frame, makes, wanted)

    monkeypatch.setattr(of, "_note", note)
    for test in ("one", "two"):
        of.start(test)
        product.cold(50 * MOST_TRIED)
        for _ in range(50 * MOST_TRIED):
            product.twice_as_hot(1)
        of.stop()
    assert looked.count("one") == 1 + MOST_OF_ONE + MOST_TRIED  # `cold`, `hot` and `twice_as_hot`
    assert looked.count("two") == 1
    assert noted(of).count("hot") == MOST_OF_ONE


def test_noting_a_call_is_no_event_that_the_audit_hears(product: ModuleType) -> None:
    heard: list[str] = []
    is_on = True

    def hear(event: str, _: object) -> None:
        if is_on and "profile" in event:
            heard.append(event)

    sys.addaudithook(hear)
    of = recorder(product)
    of.start("one")
    product.cold(2)
    product.hot(1)
    of.stop()
    of.end()
    is_on = False
    assert not heard
