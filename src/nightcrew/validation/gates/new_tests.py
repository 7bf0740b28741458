"""New tests: they are found, pass in every order and world without the network, reach the target, and check
something."""

import ast
import re
from collections.abc import Mapping
from itertools import chain

from nightcrew.task import TaskType
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.gate import JUDGED_TESTS, Gate, answered, counted, failed, not_measurable, passed
from nightcrew.validation.reading.edited_tests import MOCKS
from nightcrew.validation.reading.suite import all_functions, read, walk
from nightcrew.validation.reading.variants import executable_lines
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, examine, name_of
from nightcrew.validation.running.run_results import Run, TestOutcome
from nightcrew.validation.verdict import Finding, GateResult, Severity

NAME = "new_tests"
MOST_SKIPPED = 0.5
LEAST_AIMED = 0.34
MANY = 50  # parametrized cases of one test
_FRAME = re.compile(r"^(?!/)(\S+\.py):\d+: in ", re.MULTILINE)
LEAST_SHARE = 0.4
_WORLDS = {
    "new": "with only the new tests run",
    "reversed": "in reversed order",
    "shuffled": "in another order",
    "alone": "alone",
    "away": "at another date and time zone",
    "chance": "with other random numbers",
}


class NewTests(Gate):
    """Runs the tests that the patch adds in many worlds."""

    name = NAME
    types = JUDGED_TESTS

    def run(self, room: CleanRoom) -> GateResult:
        """Reports the first thing that is wrong with the tests; else passes with what they reach."""
        examination = examine(room)
        if examination.base.problem:
            return not_measurable(
                NAME, "The suite cannot be run on base, so nothing is known about new tests."
            )
        if not examination.test_files and room.task.task_type is not TaskType.UNIT_TEST:
            return passed(NAME, "The change brings no tests of its own.")
        if examination.too_slow:
            return not_measurable(NAME, examination.too_slow)
        return (
            _not_collected(room, examination)
            or _not_passing(examination)
            or _network(examination)
            or _traces(examination)
            or _unstable(examination)
            or _idle(room, examination)
            or _elsewhere(examination)
            or _reach(room, examination)
        )


def _not_collected(room: CleanRoom, examination: Examination) -> GateResult | None:
    session = examination.patched
    hint = "Put the tests into a file that pytest finds (tests/test_*.py) and check that it imports."
    for path, text in session.errors:
        if path.split("::")[0] in examination.test_files or not examination.base.errors:
            last = [line for line in text.strip().splitlines() if line.strip()][-1:] or [""]
            reason = last[0].strip()[:300]
            # A missing dependency of the product is the environment's fault, and no attempt can repair it.
            product = _product_that_does_not_import(room, text)
            if product:
                return not_measurable(
                    NAME,
                    f"{product}, which the change does not touch, cannot be imported: {reason}",
                    "Let `setup` in nightcrew.toml install what it needs, or build it there.",
                )
            return failed(
                NAME,
                f"{path} cannot be collected: {reason}",
                hint,
                evidence={"error": text[-1200:]},
            )
    if session.problem:
        return failed(NAME, f"The new tests cannot be run: {session.problem}.", hint)
    # Other gates judge the other evidence: the bug's reproducer and the task's command.
    added_cases = room.task.task_type is not TaskType.UNIT_TEST
    is_none = not examination.new_tests.items and not examination.tests_for_elsewhere
    if is_none and not added_cases:
        paths = ", ".join(examination.test_files[:3]) or "no test file"
        message = f"pytest finds no new test in the change ({paths}), run as `{room.config.test}` says."
        return failed(NAME, message, hint)
    return None


def _product_that_does_not_import(room: CleanRoom, traceback: str) -> str:
    """The repository's file in which an import failed, where the change does not edit it."""
    frames = [path for path in _FRAME.findall(traceback) if (room.patched / path).is_file()]
    last = frames[-1] if frames else ""
    is_import = re.search(r"^E\s+(?:ModuleNotFound|Import)Error", traceback, re.MULTILINE) is not None
    return last if is_import and last and not room.is_test(last) and room.change(last) is None else ""


def _not_passing(examination: Examination) -> GateResult | None:
    run = examination.patched.run("all")
    tests = [run.tests.get(nodeid) for nodeid in examination.new_tests.nodeids]
    lost = [nodeid for nodeid, test in zip(examination.new_tests.nodeids, tests, strict=True) if test is None]
    # A test that calls `os._exit(0)` would otherwise hide the tests after it.
    if lost or not run.done:
        message = (
            f"The test run ended before all new tests had run (from {lost[0] if lost else 'its end'} on)."
        )
        return failed(NAME, message, "No test may end the process; let pytest run to its end.")
    ran = [test for test in tests if test is not None]
    bad = [test for test in ran if test.failed]
    if bad:
        return failed(
            NAME,
            f"{len(bad)} of {len(ran)} new tests fail, the first is {bad[0].nodeid}: {bad[0].message}",
            "Find out what the code really does before you assert it; if the code is wrong, say so instead.",
            evidence={"failed": [[test.nodeid, test.message] for test in bad[:20]]},
        )
    good = [test for test in ran if test.outcome == "passed"]
    if ran and (not good or len(good) < (1 - MOST_SKIPPED) * len(ran)):
        return failed(
            NAME,
            f"Only {len(good)} of {len(ran)} new tests are really run; the others are skipped or "
            f"expected to fail.",
            "Do not skip tests and do not mark them as expected failures.",
        )
    return None


def _elsewhere(examination: Examination) -> GateResult | None:
    what = "it does not pass here, as no test of base with its mark does, or one fails with its error"
    findings = [Finding(what, one, severity=Severity.PERSON) for one in examination.tests_for_elsewhere]
    return answered(NAME, findings, opening="New tests need what is not there") if findings else None


def _network(examination: Examination) -> GateResult | None:
    before = set(chain(examination.base.network, *(run.network for run in examination.base.runs.values())))
    # A suite of base that reaches for the network is the repository's own affair: then the whole suite shows
    # nothing about the new tests, which also run alone.
    runs = [run for name, run in examination.patched.runs.items() if name != "all" or not before]
    reached = sorted(set(chain(examination.patched.network, *(run.network for run in runs))))
    fresh = [one for one in reached if one not in before]
    if fresh:
        hint = "Tests must not reach for the network; give the code its data directly."
        return failed(
            NAME, f"The tests reach for the network: {fresh[0]}.", hint, evidence={"network": fresh}
        )
    return None


def _traces(examination: Examination) -> GateResult | None:
    """A result where state that the new tests leave behind affects the tests after them."""
    # What tests of base leave behind anyway is not held against the new ones.
    left = [one for one in examination.patched.traces if one not in examination.base.traces]
    if not left:
        return None
    return failed(
        NAME,
        f"The tests leave {left[0]} changed behind them.",
        "Work on copies (`tmp_path`), and undo what you replace (`monkeypatch`).",
        evidence={"changed": left[:20]},
    )


def _unstable(examination: Examination) -> GateResult | None:
    """A result where a test's outcome differs between worlds."""
    session = examination.patched
    reference = session.run("all").tests
    new = set(examination.new_tests.nodeids)
    seen: set[str] = set()
    for name, run in sorted(session.runs.items()):
        if name == "all":
            continue
        world = _WORLDS.get(name.split(":")[0].split("-")[0], name)
        problem = _difference(run, reference, new)
        if problem:
            nodeid, what = problem
            return failed(
                NAME,
                f"{nodeid} does not always pass: {world} it {what}.",
                "Make it depend on nothing but its own inputs: no clock, time zone, random number, order "
                "of tests, or state that another test leaves behind.",
                evidence={"world": name, "test": nodeid},
            )
        seen |= set(run.tests)
    if new - seen:
        return failed(NAME, "New tests were lost when run again.", "No test may end the process.")
    return None


def _difference(run: Run, reference: Mapping[str, TestOutcome], new: set[str]) -> tuple[str, str] | None:
    for nodeid, test in run.tests.items():
        if nodeid in new and test.outcome != reference[nodeid].outcome:
            return (
                nodeid,
                f"is {test.outcome} ({test.message[:200]})" if test.message else f"is {test.outcome}",
            )
    if not run.done:
        last = next(reversed(list(run.tests)), "the first test")
        return last, "does not end" if run.timed_out else "ends the process"
    return None


def _idle(room: CleanRoom, examination: Examination) -> GateResult | None:
    """A result where a test runs no code of the repository, or all its cases are the same."""
    cases: dict[str, list[TestOutcome]] = {}
    ours = set(examination.new_tests.nodeids)  # an existing test of every file gets a case for a new file
    for nodeid, test in examination.patched.run("new").tests.items():
        if test.outcome == "passed" and nodeid in ours:
            cases.setdefault(name_of(nodeid), []).append(test)
    hint = "Take it out, or let it call the code with an input of its own and check its result."
    for name, tests in cases.items():
        if not any(test.own_calls for test in tests) and _runs_nothing(room, name):
            return failed(NAME, f"{name} runs no code of this repository.", hint, evidence={"idle": name})
        inputs = {test.given for test in tests}
        # A parametrized test that makes one call again and again only raises the number of tests.
        if len(tests) >= MANY and len(inputs) * MANY <= len(tests):
            message = f"The {len(tests)} cases of {name} make {counted(len(inputs), 'different call')}."
            return failed(NAME, message, hint, evidence={"idle": name})
    return None


def _runs_nothing(room: CleanRoom, name: str) -> bool:
    """True for a test that calls no product code, reads none of its values, and starts no program."""
    path, _, function = name.partition("::")
    text = room.source(path) or ""
    tree = read(text)
    node = all_functions(tree).get(function.replace("::", "."))
    # What a started program runs is not seen from here, so that the test is believed.
    if node is None or "subprocess" in text:
        return False
    paths = (one.relative_to(room.patched).as_posix() for one in room.patched.rglob("*.py"))
    roots = {module_name(one).split(".")[0] for one in paths if not room.is_test(one)}
    imported = {
        part.split(".")[0]
        for one in walk(tree)
        if isinstance(one, ast.Import | ast.ImportFrom)
        for part in (
            [alias.name for alias in one.names] if isinstance(one, ast.Import) else [one.module or "."]
        )
    }
    words = {str(getattr(one, "attr", getattr(one, "id", ""))) for one in walk(node)}
    # A test that only reads constants of the product calls nothing and still checks it, but not through a
    # mock.
    return not imported & {*roots, ""} or bool(words & MOCKS)


def _reach(room: CleanRoom, examination: Examination) -> GateResult:
    target = room.target
    count = len(examination.new_tests.items)
    if target is None or not target.endswith(".py") or room.task.task_type is not TaskType.UNIT_TEST:
        return passed(NAME, f"{count} new tests pass in every order and world.", tests=count)
    before = examination.coverage(examination.base.run("all"), target)
    after = examination.coverage(examination.patched.run("all"), target)
    new = {name: after.by_test.get(name, frozenset()) for name in examination.new_tests.nodeids}
    reached = frozenset(chain.from_iterable(new.values()))
    # Base's own run is taken away: only what no test reached before counts as new.
    lines, arcs = after.lines - before.lines, after.arcs - before.arcs
    if not reached:
        return failed(
            NAME,
            f"No new test runs any function of {target}.",
            f"Import {target} and call its functions.",
            strength=0.0,
        )
    body = executable_lines(room.source(target) or "")
    share = len(reached & body) / max(len(body), 1)
    off = _off_target(examination, new, 1.0 if not lines else share)
    if off:
        return failed(NAME, off, f"Test what {target} does, by calling it.", strength=0.1)
    room.measured.adds_no_coverage = not lines and not arcs
    dated = all(run.dated for run in examination.patched.runs.values())
    unsaid = "" if dated else " The date could not be changed under this Python, so other dates are untried."
    return passed(
        NAME,
        f"{count} new tests pass in every order and world; {len(reached)} lines of {target} run in them, "
        f"{len(lines)} lines and {len(arcs)} branches for the first time.{unsaid}",
        strength=0.7 + 0.3 * share,
        tests=count,
        new_lines=len(lines),
        new_branches=len(arcs),
        share_of_target=round(share, 4),
        other_dates=dated,
    )


def _off_target(examination: Examination, new: Mapping[str, frozenset[int]], share: float) -> str:
    """A result where the new tests reach the target only by accident, while they test something else.
    Tests may use a public function that calls the target; then they run most of it, or no new line."""
    run = examination.patched.run("new")
    direct = {name_of(nodeid) for nodeid, test in run.tests.items() if test.direct_calls}
    names = {name_of(nodeid) for nodeid in new}
    touching = {name_of(nodeid) for nodeid, lines in new.items() if lines}
    if len(touching) < LEAST_AIMED * len(names):
        return f"Only {len(touching)} of {len(names)} new tests run any code of the target."
    if len(direct) < LEAST_AIMED * len(touching) and share < LEAST_SHARE:
        return (
            f"Only {len(direct)} of {len(touching)} new tests call the target, and together they "
            f"run {share:.0%} of it; "
            "they test something else."
        )
    return ""
