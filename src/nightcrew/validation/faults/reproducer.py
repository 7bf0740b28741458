"""A bug fix's reproducer: tests that fail on base because of what the product does, and pass with the
patch."""

import re

from nightcrew.validation.faults.generality import answers_only_its_tests
from nightcrew.validation.gate import failed, not_measurable, passed
from nightcrew.validation.reading.hard_coded import hard_coded_answers
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, name_of
from nightcrew.validation.running.run_results import Run, TestOutcome
from nightcrew.validation.running.runs import Session, run_sessions
from nightcrew.validation.verdict import GateResult

NAME = "behaviour"
GOOD = {"passed", "xpassed"}
# A test that trips over a wrong value of a built-in type shows the bug; one that asks for a name, attribute
# or parameter that only the patch brings does not.
_TYPE = r"(?:NoneType|int|float|str|bytes|bool|list|tuple|dict|set|generator|coroutine)"
_SIGNATURE = r"unexpected keyword|positional argument|required keyword|takes no|multiple values for"
_UNFIT_VALUE = re.compile(
    rf"AttributeError: '{_TYPE}' object has no attribute|(?:KeyError|IndexError|StopIteration):"
    rf"|TypeError: (?!'(?!{_TYPE}')\w+' object)(?!.*(?:{_SIGNATURE}))"
    r"|ValueError: (?:not enough|too many) values to unpack"
)


def judge_reproducer(room: CleanRoom, examination: Examination, kept: int) -> GateResult:
    """Fail-to-pass for the right reason, and no answers written for the tests' inputs."""
    if not any(one.path in examination.product_files and one.before for one in room.changes):
        return failed(
            NAME, "The bug fix changes none of the product's code.", "Repair the code where the bug is."
        )
    hard_coded = hard_coded_answers(room)
    if hard_coded:
        return failed(
            NAME,
            f"The product answers the tests' own inputs: {hard_coded}.",
            "Repair the cause for every input; do not answer the one in the test.",
            evidence={"hard_coded": hard_coded},
        )
    candidates = _candidates(examination)
    already = [
        nodeid
        for nodeid, test in examination.patched.run("all").tests.items()
        if test.outcome in GOOD and examination.base_outcomes.get(nodeid) in {"failed", "error", "xfailed"}
    ]
    if not candidates and not already:
        return failed(
            NAME,
            "No test shows the bug: the patch brings none.",
            "Add a test that fails before the fix because of the bug, and passes after it.",
        )
    on_base = reproduce_on_base(room, examination)
    if on_base is None:
        return not_measurable(NAME, "The reproducer could not be run on base.")
    after = examination.patched.run("all")
    shown = [nodeid for nodeid in candidates if _shows(on_base, after, nodeid)]
    reproducers = sorted({*shown, *already})
    if not reproducers:
        reason = _reason(on_base, after, candidates)
        return failed(
            NAME,
            f"No test in the patch fails on base because of the bug and passes with the fix: {reason}.",
            "Write a test that calls the broken code; on base it must fail by its assertion, not by "
            "an import.",
            evidence={"candidates": list(candidates)[:20]},
        )
    narrow = answers_only_its_tests(room)
    if narrow:
        return failed(
            NAME,
            f"The fix repairs its own test and nothing else: {narrow}.",
            "Repair the cause for every input; do not answer the one in the test.",
            evidence={"narrow": narrow},
        )
    room.memory["reproducers"] = reproducers
    return passed(
        NAME,
        f"All {kept} tests that pass on base still do; {len(reproducers)} fail on base and pass "
        f"with the fix.",
        kept=kept,
        reproducers=reproducers[:20],
        strength=1.0,
    )


def reproduce_on_base(room: CleanRoom, examination: Examination) -> Run | None:
    """The patch's tests on base's product."""
    tests = [one for one in room.changes if room.is_test(one.path)]
    texts = {one.path: one.after for one in tests if one.after is not None}
    gone = [one.path for one in tests if one.after is None]
    with room.copy(room.base, texts, without=gone) as tree:
        session = Session([{"id": "all", "cover": True, "seconds": 300}])
        (result,) = run_sessions(
            room, tree, [session], measured=examination.product_files, test_files=examination.all_test_files
        )
    return None if result.problem and not result.errors else result.run("all")


def _candidates(examination: Examination) -> list[str]:
    changed = [
        item.nodeid
        for item in examination.patched.collected
        if name_of(item.nodeid) in examination.changed_tests
    ]
    return [*examination.new_tests.nodeids, *changed]


def _shows(on_base: Run, after: Run, nodeid: str) -> bool:
    before, now = on_base.tests.get(nodeid), after.tests.get(nodeid)
    return (
        before is not None
        and now is not None
        and now.outcome in GOOD
        and before.outcome == "failed"
        and is_right_reason(before)
        and any(nodeid in covered.by_test for covered in on_base.coverage.values())
    )


def is_right_reason(test: TestOutcome) -> bool:
    """A check failed, the product crashed, or the test could not go on with what the product gave it."""
    return test.kind in {"assertion", "crash"} or bool(_UNFIT_VALUE.match(test.message))


def _reason(on_base: Run, after: Run, candidates: list[str]) -> str:
    for nodeid in candidates:
        before, now = on_base.tests.get(nodeid), after.tests.get(nodeid)
        if now is None or now.outcome not in GOOD:
            return f"{nodeid} does not pass with the fix"
        if before is None:
            return f"{nodeid} cannot even be collected on base"
        if before.outcome in GOOD:
            return f"{nodeid} passes on base too"
        if not is_right_reason(before):
            return f"{nodeid} fails on base in the test itself ({before.message})"
        return f"{nodeid} fails on base without running the code that is changed"
    return "there is none"
