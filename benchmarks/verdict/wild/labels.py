# ruff: noqa: E501
"""Is a step what it looks like? A run decides: tests fail before and pass after, in a plain environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from benchmarks.verdict.wild.clones import Clone, write
from benchmarks.verdict.wild.mining import PROSE, Kind, Mined, is_about_words, is_product, is_test_file
from benchmarks.verdict.wild.plain_room import Outcomes, PlainRoom

MOST_TESTS = 3000
_GOOD = {"passed"}
_BAD = {"failure", "error"}


@dataclass(frozen=True, slots=True)
class Label:
    """The result of a run: `mined` with its true kind and target, the tests that show it, or why it is none."""

    mined: Mined
    holds: bool
    why: str = ""
    shown: tuple[str, ...] = ()


def label(room: PlainRoom, clone: Clone, mined: Mined) -> Label:
    """Run a step and its parent."""
    parent = clone.step(mined.commit).parent
    change = clone.change(mined.commit, mined.paths)
    if mined.kind is Kind.DOCUMENTATION:
        return _documentation(clone, mined, parent, change)
    clone.check_out(parent, room.tree(clone))
    environment = room.environment(clone)
    if environment is None:
        return Label(mined, False, "cannot be installed")
    tests = tuple(path for path in mined.paths if is_test_file(path) and change[path] is not None)
    if mined.kind is not Kind.REFACTORING and not tests:
        return Label(mined, False, "no test file is left")

    def outcomes(texts: Mapping[str, str | None], paths: tuple[str, ...]) -> Outcomes | None:
        clone.check_out(parent, room.tree(clone))
        write(room.tree(clone), texts)
        return room.run(clone, environment, [path for path in paths if (room.tree(clone) / path).exists()])

    if mined.kind is Kind.REFACTORING:
        code = [path for path in change if path.endswith(".py")]
        if all(is_about_words(clone.text(parent, path) or "", change[path] or "") for path in code):
            return Label(mined, False, "no code changes")
        return _refactoring(mined, outcomes, change)
    after = outcomes(change, tests)
    if not after or len(after) > MOST_TESTS:
        return Label(mined, False, "its tests do not come to their end")
    if mined.kind is Kind.TESTS:
        before = outcomes({}, tests)
        fresh = tuple(sorted(set(after) - set(before or {})))
        good = bool(fresh) and all(after[one] == "passed" for one in fresh)
        target = _target(room, clone, environment, fresh, tests, outcomes, change) if good else ""
        return Label(
            mined.with_target(target), bool(target), "" if target else "no new passing test of a file", fresh
        )
    for_tests = {path: text for path, text in change.items() if _is_for_tests(path)}
    found = _fix(mined, outcomes, for_tests, tests, after)
    failing = {one for one, what in after.items() if what in _BAD}
    if found.holds and failing - {one for one, what in (outcomes({}, tests) or {}).items() if what in _BAD}:
        return Label(found.mined, False, "a test of its own fails with it")
    return found


def passes(room: PlainRoom, clone: Clone, parent: str, change: Mapping[str, str | None], tests: tuple[str, ...],
           shown: tuple[str, ...]) -> bool:  # fmt: skip
    """True where a change lets the tests that showed its original pass, and fails none in the same files."""
    clone.check_out(parent, room.tree(clone))
    environment = room.environment(clone)
    if environment is None:
        return False
    before = (
        room.run(clone, environment, [path for path in tests if (room.tree(clone) / path).exists()]) or {}
    )
    write(room.tree(clone), change)
    after = room.run(clone, environment, [path for path in tests if (room.tree(clone) / path).exists()])
    if not after:
        return False
    broken = [one for one, what in after.items() if what in _BAD and before.get(one) == "passed"]
    return not broken and all(after.get(one) in _GOOD for one in shown)


# ---------------------------------------------------------------------------------------------------------

type _Run = Callable[[Mapping[str, str | None], tuple[str, ...]], Outcomes | None]


def _is_for_tests(path: str) -> bool:
    """True for a test and for the data of tests: without these, a test fails whatever the product does."""
    return is_test_file(path) or bool({"test", "tests", "testing"} & {*PurePosixPath(path).parts[:-1]})


def _fix(mined: Mined, run: _Run, tests_only: Mapping[str, str | None], tests: tuple[str, ...],
         after: Outcomes) -> Label:  # fmt: skip
    before = run(tests_only, tests) or {}
    shown = tuple(sorted(one for one, what in after.items() if what in _GOOD and before.get(one) in _BAD))
    absent = tuple(sorted(one for one, what in after.items() if what in _GOOD and one not in before))
    broken = [one for one, what in after.items() if what in _BAD and before.get(one) not in _BAD]
    if broken:
        return Label(mined, False, "a test fails with it")
    product = [path for path in mined.paths if is_product(path)]
    if mined.kind is Kind.FIX:
        return Label(
            mined.with_target(product[0]), bool(shown), "" if shown else "no test fails without it", shown
        )
    shown = shown or absent
    return Label(
        mined.with_target(product[0]), bool(shown), "" if shown else "its tests pass without it", shown
    )


def _documentation(clone: Clone, mined: Mined, parent: str, change: Mapping[str, str | None]) -> Label:
    for path, text in change.items():
        before = clone.text(parent, path)
        if not path.endswith((".py", *PROSE)):
            return Label(mined, False, "a file that is no document")
        if path.endswith(".py") and not is_about_words(before or "", text or ""):
            return Label(mined, False, "code changes too")
    written = [path for path, text in change.items() if text is not None]
    if not written or all(change[path] == clone.text(parent, path) for path in written):
        return Label(mined, False, "nothing is written")
    return Label(mined.with_target(written[0]), True)


def _refactoring(mined: Mined, run: _Run, change: Mapping[str, str | None]) -> Label:
    before, after = run({}, ()), run(change, ())
    if not before or len(before) > MOST_TESTS or before != after or "passed" not in before.values():
        return Label(mined, False, "the suite does not say the same before and after")
    product = [path for path in mined.paths if is_product(path) and change[path] is not None]
    return Label(mined.with_target(product[0] if product else ""), bool(product))


def _target(room: PlainRoom, clone: Clone, environment: object, fresh: tuple[str, ...], tests: tuple[str, ...],
            run: _Run, change: Mapping[str, str | None]) -> str:  # fmt: skip
    """The product file of which the new tests run most, beyond what importing it runs."""
    del run
    from pathlib import Path

    assert isinstance(environment, Path)
    write(room.tree(clone), change)
    names = " or ".join(sorted({one.split("::")[-1].split("[")[0] for one in fresh})[:40])
    all_of = room.coverage(clone, environment, tests, "-k", names)
    imported = room.coverage(clone, environment, tests, "--collect-only")
    run_lines = {
        path: len(lines - imported.get(path, set())) for path, lines in all_of.items() if is_product(path)
    }
    return (
        max(run_lines, key=lambda path: (run_lines[path], path), default="")
        if any(run_lines.values())
        else ""
    )
