"""A bug fix's reproducer: tests that fail on base because of what the product does, and pass with the
patch."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from nightcrew.execution.sandbox import WORKSPACE
from nightcrew.validation.change.change import Change, changed_lines
from nightcrew.validation.change.paths import is_configuration, is_prose
from nightcrew.validation.faults.literals import other_parameters
from nightcrew.validation.faults.target import files_of
from nightcrew.validation.gate import answered, failed, not_measurable, passed
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.run_results import GOOD, NO_RUN, Run, SessionResult, TestOutcome
from nightcrew.validation.running.runs import Session, run_sessions
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "behaviour"
MOST_ALONE = 8  # tests that are run alone on base
SECONDS = 300
# A test that fails on a wrong value of a built-in type shows the bug; one that needs a name, attribute
# or parameter that only the patch adds does not.
_TYPE = r"(?:NoneType|int|float|str|bytes|bool|list|tuple|dict|set|generator|coroutine)"
_SIGNATURE = r"unexpected keyword|positional argument|required keyword|takes no|multiple values for"
_UNFIT_VALUE = re.compile(
    rf"AttributeError: '{_TYPE}' object has no attribute|(?:KeyError|IndexError|StopIteration):"
    rf"|TypeError: (?!'(?!{_TYPE}')\w+' object)(?!.*(?:{_SIGNATURE}))"
    r"|ValueError: (?:not enough|too many) values to unpack"
)

_MISSING_NAME = re.compile(
    r"AttributeError: .* has no attribute '(\w+)'|ImportError: cannot import name '(\w+)'"
    r"|TypeError: .* unexpected keyword argument '(\w+)'|NameError: name '(\w+)' is not defined"
)


_ABSENT = re.compile(
    r"(?:FileNotFound|ModuleNotFound|Import|Attribute|Name|Type|Lookup|fixture)\w*Error|Failed"
)
_REFUSING = re.compile(r"TypeError: (?:\w+\.)*(\w+)\(\) (?:got an unexpected|takes|got multiple)")


def judge_reproducer(room: CleanRoom, examination: Examination, kept: int) -> GateResult:
    """Checks that a test fails on base for the right reason and passes with the patch."""
    product = [one for one in room.changes if one.before is not None and not room.is_test(one.path)]
    if all(is_prose(one) or is_configuration(one.path) for one in product):
        return failed(
            NAME, "The bug fix changes none of the product's code.", "Repair the code where the bug is."
        )
    # An existing test that failed on base and passes now shows the bug as well as a new one.
    already = [
        nodeid
        for nodeid, test in examination.patched.run("all").tests.items()
        if test.outcome in GOOD and examination.base_outcomes.get(nodeid) in {"failed", "error", "xfailed"}
    ]
    if not (examination.own_tests or examination.data_tests or already):
        if examination.tests_for_elsewhere:
            return not_measurable(NAME, "The tests of the patch need what is not there.")
        return failed(
            NAME,
            "No test shows the bug: the patch brings none.",
            "Add a test that fails before the fix because of the bug, and passes after it.",
        )
    tries = [*_tries(room, examination)]
    on_base, shown = (tries[-1].on_base, tries[-1].shown) if tries else (NO_RUN, ())
    if on_base is None:
        return not_measurable(NAME, "The reproducer could not be run on base.")
    reproducers = sorted({*shown, *already})
    if not reproducers:
        return _none_shows(room, examination, tries)
    room.measured.reproducers = tuple(reproducers)
    seen = [on_base.tests[nodeid] for nodeid in shown]
    # Where base crashes, coming to an end is the repair, and tests need not look at the value.
    room.measured.crash_on_base = bool(seen) and all(one.kind != "assertion" for one in seen)
    return passed(
        NAME,
        f"All {kept} tests that pass on base still do; {len(reproducers)} fail on base and pass "
        f"with the fix.",
        kept=kept,
        reproducers=reproducers[:20],
        strength=1.0,
    )


class _Try(NamedTuple):
    """Some tests, as the patch has them, run on base's product: `shown` are those that show the bug there."""

    candidates: Sequence[str]
    on_base: Run | None
    shown: Sequence[str]


def _tries(room: CleanRoom, examination: Examination) -> Iterator[_Try]:
    """Tries the tests of the patch; then those whose data it changes; then its tests again, with the values
    that it brings given to base (`LIMIT = 5`), and files that no product holds. Ends with the first try that
    shows the bug."""
    after, own = examination.patched.run("all"), examination.own_tests
    # A test may import a constant that only the fix has. With that constant alone, base still has its bug.
    values = _with_new_values(room) | _beside_product(room)
    for candidates, texts in ((own, {}), (examination.data_tests, {}), (own if values else (), values)):
        if candidates:
            on_base = _run_on_base(room, examination, candidates, texts)
            shown = [one for one in candidates if on_base is not None and _shows(on_base, after, one)]
            yield _Try(candidates, on_base, shown)
            # A later try costs a run, and could only confirm what is shown.
            if shown or on_base is None:
                return


def _beside_product(room: CleanRoom) -> dict[str, str]:
    """New texts of files that lie in a folder without any Python package, such as projects to try it on."""
    packages = {PurePosixPath(one).parent for one in room.base_tree.paths if one.endswith("__init__.py")}
    roots = {
        PurePosixPath(one).relative_to(WORKSPACE) for one in room.python_paths if one.startswith(WORKSPACE)
    }
    found: dict[str, str] = {}
    for one in room.changes:
        folders = {*PurePosixPath(one.path).parents} - {PurePosixPath()}
        other = room.is_test(one.path) or one.path.endswith(".py") or is_configuration(one.path)
        if folders and one.after is not None and not other and not folders & (packages | roots):
            found[one.path] = one.after
    return found


def _with_new_values(room: CleanRoom) -> dict[str, str]:
    """Base's texts of the product's files, with the literal values that only the new texts bind to names."""
    found: dict[str, str] = {}
    for change in room.changes:
        tree = parse(change.after or "") if change.before and change.path.endswith(".py") else None
        if tree is None or room.is_test(change.path):
            continue
        values = [
            ast.unparse(node)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and not any(ast.unparse(one) in (change.before or "") for one in node.targets)
        ]
        if values:
            found[change.path] = "\n".join([change.before or "", *values, ""])
    return found


def _run_on_base(
    room: CleanRoom, examination: Examination, candidates: Sequence[str], product: Mapping[str, str]
) -> Run | None:
    """Runs tests as the patch has them on base's product, in which some files have another text."""
    texts = {one.path: one.after for one in room.changes if room.is_test(one.path)} | dict(product)
    limit = examination.cpu_seconds(candidates)
    others = sorted(set(examination.base_outcomes) - set(candidates))
    # In edited files an id that base has too may belong to another case now.
    edited = examination.test_files
    one = Experiment("all", SECONDS, exclude=others, own=edited, cpu_seconds=limit, cover=True)
    (result,) = run_sessions(
        room, room.base, [Session([one], paths=files_of(tuple(candidates)))],
        measured=examination.product_files, test_files=examination.all_test_files, replaced=texts,
    )  # fmt: skip
    run = result.run("all")
    # The bug itself may end or stop the process. Then each test left is run alone, so that the others count.
    if result.collected and not run.done:
        return replace(run, tests={**run.tests, **_alone(room, texts, examination, result, candidates)})
    return None if result.problem and not result.errors else run


def _none_shows(room: CleanRoom, examination: Examination, tries: Sequence[_Try]) -> GateResult:
    """The result where no test shows the bug."""
    after, first = examination.patched.run("all"), tries[0]
    assert first.on_base is not None
    asking = [one for one in first.candidates if _uses_new_name(room, first.on_base, after, one)]
    if asking:
        return _ask(room, asking, first.on_base, "uses what the fix brings")
    last = tries[-1].on_base or first.on_base
    asking = [one for one in tries[-1].candidates if _crashes_beyond(room, last, after, one)]
    if asking:
        return _ask(room, asking, last, "crashes in a library that gets what the product makes")
    reason = _reason(first.on_base, after, first.candidates)
    return failed(
        NAME,
        f"No test in the patch fails on base because of the bug and passes with the fix: {reason}.",
        "Write a test that calls the broken code; on base it must fail by its assertion, not by an import.",
        evidence={"candidates": list(first.candidates)[:20]},
    )


def _alone(
    room: CleanRoom,
    texts: Mapping[str, str | None],
    examination: Examination,
    whole: SessionResult,
    candidates: Sequence[str],
) -> dict[str, TestOutcome]:
    """Runs alone each test of the patch that the suite did not reach on base: one that ends its process,
    or does not end, fails because of what the product does."""
    missing = {item.nodeid for item in whole.collected} - whole.run("all").tests.keys()
    names = [nodeid for nodeid in candidates if nodeid in missing][:MOST_ALONE]
    alone = [
        Experiment(name, SECONDS, items=[name], cpu_seconds=examination.cpu_seconds([name])) for name in names
    ]
    (result,) = run_sessions(
        room, room.base, [Session(alone)], test_files=examination.all_test_files, replaced=texts
    )
    ended = {name: result.run(name).tests.get(name) for name in names}
    return {
        name: test or TestOutcome(name, "failed", "crash", "it does not come to an end", 0.0)
        for name, test in ended.items()
    }


def _shows(on_base: Run, after: Run, nodeid: str) -> bool:
    before, now = on_base.tests.get(nodeid), after.tests.get(nodeid)
    return (
        before is not None
        and now is not None
        and now.outcome in GOOD
        and (before.outcome == "failed" or (before.outcome == "error" and before.kind == "crash"))
        and is_right_reason(before)
    )


def is_right_reason(test: TestOutcome) -> bool:
    """True where a check failed, the product crashed, or the test could not use the product's result."""
    return test.kind in {"assertion", "crash"} or bool(_UNFIT_VALUE.match(test.message))


def _uses_new_name(room: CleanRoom, on_base: Run, after: Run, nodeid: str) -> bool:
    """True where a test runs changed lines and passes, and on base ends at a name or a parameter that only
    the fix has."""
    before = on_base.tests.get(nodeid)
    if not _repairs(room, on_base, after, nodeid) or before is None:
        return False
    product = [one for one in room.changes if not room.is_test(one.path)]
    refusing = _REFUSING.search(before.message)
    if refusing is not None and refusing[1] in {one.rpartition(".")[2] for one in other_parameters(room)}:
        return True
    missing = _MISSING_NAME.search(before.message)
    if missing is None:
        return False
    name = re.compile(rf"\b{re.escape(next(filter(None, missing.groups())))}\b")
    # Base has the name too, so that the test uses it in another way than the fix explains.
    if any(name.search(one.before or "") for one in product):
        return False
    return any(name.search(one.after or "") for one in product)


def _crashes_beyond(room: CleanRoom, on_base: Run, after: Run, nodeid: str) -> bool:
    """True where a test runs changed lines and passes, and on base crashes outside of the product, and not
    for what is missing there."""
    before = on_base.tests.get(nodeid)
    if not _repairs(room, on_base, after, nodeid) or before is None:
        return False
    return before.kind == "test_crash" and _ABSENT.match(before.message) is None


def _repairs(room: CleanRoom, on_base: Run, after: Run, nodeid: str) -> bool:
    """True where a test fails on base, and passes with the change, of which it runs lines."""
    before, now = on_base.tests.get(nodeid), after.tests.get(nodeid)
    if before is None or now is None or now.outcome not in GOOD or before.outcome != "failed":
        return False
    return any(_runs_change(after, nodeid, one) for one in room.changes if not room.is_test(one.path))


def _runs_change(after: Run, nodeid: str, change: Change) -> bool:
    """True where the test runs a line that the change has altered in a file of base."""
    covered = after.coverage.get(change.path)
    if covered is None or not change.before or not change.after:
        return False
    return not changed_lines(change.before, change.after).isdisjoint(covered.by_test.get(nodeid, ()))


def _ask(room: CleanRoom, asking: list[str], on_base: Run, how: str) -> GateResult:
    """A new setting may be how the bug is repaired: whether base has the bug is for a person to see."""
    room.measured.reproducers = tuple(asking)
    first = asking[0]
    message = on_base.tests[first].message
    what = f"{first} {how}, so it cannot show the bug on base ({message})"
    finding = Finding(what, first.split("::")[0], severity=Severity.PERSON)
    question = "Is this how the bug is repaired? No test shows that base has it."
    return answered(
        NAME,
        [finding],
        opening="Whether base has the bug is not shown",
        question=question,
    )


def _reason(on_base: Run, after: Run, candidates: Sequence[str]) -> str:
    for nodeid in candidates:
        before, now = on_base.tests.get(nodeid), after.tests.get(nodeid)
        if now is None or now.outcome not in GOOD:
            return f"{nodeid} does not pass with the fix"
        if before is None:
            return f"{nodeid} cannot even be collected on base"
        if before.outcome in GOOD:
            return f"{nodeid} passes on base too"
        return f"{nodeid} fails on base in the test itself ({before.message})"
    return "there is none"
