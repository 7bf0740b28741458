import pytest

from nightcrew.testing import Character, Fault, FaultKind, ScriptedModel
from nightcrew.testing.faults import CallNumber, FaultBook

MODEL = ScriptedModel(id="twin/a:free")
KIND = FaultKind.SERVER_ERROR


def _strikes(fault: Fault, calls: list[CallNumber], *, elapsed: float = 0.0, seed: int = 0) -> list[bool]:
    book = FaultBook([fault], seed)
    return [book.strike(MODEL, call, elapsed) is not None for call in calls]


def _talk(turns: int, key: str = "c") -> list[CallNumber]:
    return [CallNumber(conversation=n, model=n + 10, account=n + 100, key=key) for n in range(1, turns + 1)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(kind=KIND), [True, True, True, True]),
        (Fault(kind=KIND, at_call=(2, 4)), [False, True, False, True]),
        (Fault(kind=KIND, from_call=3), [False, False, True, True]),
        (Fault(kind=KIND, at_call=(12,), per="model"), [False, True, False, False]),
        (Fault(kind=KIND, from_call=104, per="account"), [False, False, False, True]),
        (Fault(kind=KIND, times=2), [True, True, False, False]),
        (Fault(kind=KIND, models=("twin/*",)), [True] * 4),
        (Fault(kind=KIND, models=("other/*", "twin/b")), [False] * 4),
        (Fault(kind=KIND, probability=0), [False] * 4),
    ],
)
def test_when_a_fault_strikes(fault: Fault, expected: list[bool]) -> None:
    assert _strikes(fault, _talk(4)) == expected


@pytest.mark.parametrize(("elapsed", "expected"), [(4.9, False), (5.0, True), (9.9, True), (10.0, False)])
def test_a_fault_in_a_window_of_time(elapsed: float, expected: bool) -> None:
    fault = Fault(kind=KIND, after_seconds=5, before_seconds=10)
    assert _strikes(fault, _talk(1), elapsed=elapsed) == [expected]


def test_times_count_each_conversation_apart() -> None:
    fault = Fault(kind=KIND, at_call=(1,), times=1)
    calls = [*_talk(1, "one"), *_talk(1, "one"), *_talk(1, "two")]
    assert _strikes(fault, calls) == [True, False, True]


def test_chance_follows_the_seed() -> None:
    fault, calls = Fault(kind=KIND, probability=0.3), _talk(2000)
    first = _strikes(fault, calls, seed=1)
    assert first == _strikes(fault, calls, seed=1) != _strikes(fault, calls, seed=2)
    assert 0.25 < sum(first) / len(first) < 0.35


@pytest.mark.parametrize(
    ("character", "kinds"),
    [
        (Character.OUT_OF_QUOTA, {FaultKind.RATE_LIMIT_DAY}),
        (Character.SLOW, {FaultKind.LATENCY}),
        (
            Character.FLAKY,
            {None, FaultKind.RATE_LIMIT_UPSTREAM, FaultKind.BAD_GATEWAY, FaultKind.ERROR_IN_200},
        ),
        (Character.CAPABLE, {None}),
    ],
)
def test_characters_that_are_faults(character: Character, kinds: set[FaultKind | None]) -> None:
    book, model = FaultBook([], 0), ScriptedModel(id="twin/a", character=character)
    struck = [book.strike(model, call, 0.0) for call in _talk(60)]
    assert {fault.kind if fault else None for fault in struck} == kinds
