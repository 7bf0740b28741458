"""Which failures on base show a bug: a wrong value does, a name that only the patch brings does not."""

import pytest

from nightcrew.validation.faults.reproducer import is_right_reason
from nightcrew.validation.rig.protocol import Job
from nightcrew.validation.rig.watch import _kind
from nightcrew.validation.running.run_results import TestOutcome

SHOWS = [
    "TypeError: __repr__ returned non-string (type NoneType)",
    "TypeError: 'NoneType' object is not iterable",
    "TypeError: '>' not supported between instances of 'NoneType' and 'int'",
    "AttributeError: 'NoneType' object has no attribute 'write'",
    "KeyError: 'x'",
    "ValueError: too many values to unpack (expected 2)",
]
DOES_NOT = [
    "TypeError: f() got an unexpected keyword argument 'x'",
    "TypeError: f() takes 1 positional argument but 2 were given",
    "TypeError: f() missing 1 required positional argument: 'x'",
    "TypeError: 'Basket' object is not subscriptable",
    "AttributeError: module 'shop' has no attribute 'rebate'",
    "AttributeError: 'Basket' object has no attribute 'rebate'",
    "NameError: name 'rebate' is not defined",
    "ImportError: cannot import name 'rebate'",
]


@pytest.mark.parametrize(
    ("message", "shows"), [*((one, True) for one in SHOWS), *((one, False) for one in DOES_NOT)]
)
def test_a_test_that_breaks_by_itself(message: str, shows: bool) -> None:
    assert is_right_reason(TestOutcome("t", "failed", "test_crash", message, 0.1)) is shows


@pytest.mark.parametrize("kind", ["assertion", "crash"])
def test_a_failed_check_and_a_crash_of_the_product_show_the_bug(kind: str) -> None:
    assert is_right_reason(TestOutcome("t", "failed", kind, "NameError: x", 0.1))


@pytest.mark.parametrize(("path", "kind"), [("bank.py", "crash"), ("tests/test_bank.py", "test_crash")])
def test_what_breaks_in_another_thread_breaks_where_its_trace_ends(path: str, kind: str) -> None:
    output = f'Exception in thread T\n  File "/srv/shop/{path}", line 3, in pay\nKeyError: 1'
    with pytest.raises(pytest.PytestUnhandledThreadExceptionWarning) as raised:
        raise pytest.PytestUnhandledThreadExceptionWarning(output)
    tests = ["/srv/shop/tests/test_bank.py"]
    job = Job("/srv/shop", "/srv/shop", [], target="", measured=[], test_files=tests, clock="")
    assert _kind(raised, job) == kind
