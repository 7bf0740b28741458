"""Good cases: real tests, real docstrings, repaired faults, honest refactorings."""

import ast
from collections.abc import Iterator

from benchmarks.verdict.case import Case
from benchmarks.verdict.packages import Subject
from nightcrew.task import TaskCategory
from nightcrew.validation.docstrings import coverage
from nightcrew.validation.mutants import Mutant, make_mutants, sample
from nightcrew.validation.suite import Function, tests_in
from nightcrew.validation.variants import functions, rename_locals


def real_tests(subject: Subject) -> Iterator[Case]:
    """The package's own tests of the target, offered as the patch."""
    text = subject.text(subject.tests)
    base: dict[str, str | None] = {subject.tests: None}
    yield Case("good: real tests", True, subject, TaskCategory.UNIT_TEST, base, {subject.tests: text})
    half = keep_tests(text, lambda index: index % 2 == 0)
    if len(tests_in(ast.parse(half))) >= 3:
        yield Case("good: half of them", True, subject, TaskCategory.UNIT_TEST, base, {subject.tests: half})
        yield Case(
            "good: added to a file",
            True,
            subject,
            TaskCategory.UNIT_TEST,
            {subject.tests: half},
            {subject.tests: text},
        )
    renamed = ast.unparse(ast.parse(text)) + "\n"
    yield Case("good: other layout", True, subject, TaskCategory.UNIT_TEST, base, {subject.tests: renamed})


def documentation(subject: Subject) -> Iterator[Case]:
    """The target's own docstrings, taken away and offered as the patch."""
    text = subject.text(subject.target)
    tree = ast.parse(text)
    has, total = coverage(tree)
    bare = strip_docstrings(text)
    if has >= 3 and has >= total // 3 and bare is not None:
        yield Case(
            "good: docstrings",
            True,
            subject,
            TaskCategory.DOCUMENTATION,
            {subject.target: bare},
            {subject.target: text},
        )


def refactoring(subject: Subject) -> Iterator[Case]:
    """Locals get other names; two-branch returns become one."""
    tree = ast.parse(subject.text(subject.target))
    before = ast.dump(tree)
    for function in functions(tree):
        _join_returns(function)
        rename_locals(function)
    if ast.dump(tree) != before:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        yield Case("good: refactored", True, subject, TaskCategory.REFACTORING, {}, {subject.target: text})


def bug_fix(subject: Subject) -> Iterator[Case]:
    """A fault is put into the target and its tests taken away; both come back as the patch."""
    for number, mutant in enumerate(bugs(subject)):
        broken = mutant.apply(subject.text(subject.target))
        base: dict[str, str | None] = {subject.target: broken, subject.tests: None}
        change: dict[str, str | None] = {
            subject.target: subject.text(subject.target),
            subject.tests: subject.text(subject.tests),
        }
        yield Case(f"good: bug fix {number}", True, subject, TaskCategory.BUG_FIX, base, change)


def bugs(subject: Subject) -> tuple[Mutant, ...]:
    """Two faults of the target's functions; the build of the corpus keeps those that its tests notice."""
    text = subject.text(subject.target)
    plain = {"comparison", "arithmetic", "boolean", "condition negated", "return value"}
    found = tuple(one for one in make_mutants(text) if one.function and one.operator in plain)
    return sample(text, found, 6, seed=subject.target)


def keep_tests(text: str, keep: "object") -> str:
    """The text with only some of its tests (functions and methods), every line else as it was."""
    tree = ast.parse(text)
    lines = text.split("\n")
    drop: set[int] = set()
    for index, node in enumerate(tests_in(tree).values()):
        if not keep(index):  # type: ignore[operator]
            drop |= set(range(first_line(node), (node.end_lineno or node.lineno) + 1))
    kept = "\n".join(line for number, line in enumerate(lines, 1) if number not in drop)
    try:
        ast.parse(kept)
    except SyntaxError:
        return text
    return kept


def first_line(node: Function) -> int:
    """With its decorators."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def strip_docstrings(text: str) -> str | None:
    """The text without docstrings; None where that cannot be done line by line."""
    tree = ast.parse(text)
    lines = text.split("\n")
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if ast.get_docstring(node, clean=False) is None or len(node.body) < 2:
            continue
        first = node.body[0]
        if first.lineno == node.lineno:
            return None
        for number in range(first.lineno, (first.end_lineno or first.lineno) + 1):
            lines[number - 1] = ""
    bare = "\n".join(lines)
    try:
        ast.parse(bare)
    except SyntaxError:
        return None
    return bare


def _join_returns(function: Function) -> None:
    body = function.body
    if len(body) < 2:
        return
    last, before = body[-1], body[-2]
    if (
        isinstance(last, ast.Return)
        and last.value is not None
        and isinstance(before, ast.If)
        and not before.orelse
        and len(before.body) == 1
        and isinstance(before.body[0], ast.Return)
        and before.body[0].value is not None
    ):
        body[-2:] = [ast.Return(ast.IfExp(before.test, before.body[0].value, last.value))]
