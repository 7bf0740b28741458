"""Good cases: real tests, real docstrings, fixed faults, correct refactorings."""

import ast
from collections.abc import Iterator

from benchmarks.verdict.case import Case
from benchmarks.verdict.packages import Subject
from nightcrew.task import TaskType
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.reading.docstrings import coverage
from nightcrew.validation.reading.suite import Function, tests_in
from nightcrew.validation.reading.variants import functions, rename_locals


def real_tests(subject: Subject) -> Iterator[Case]:
    """The package's own tests of the target, offered as the patch."""
    text = subject.text(subject.tests)
    base: dict[str, str | None] = {subject.tests: None}
    yield Case("good: real tests", True, subject, TaskType.UNIT_TEST, base, {subject.tests: text})
    half = keep_tests(text, lambda index: index % 2 == 0)
    if len(tests_in(ast.parse(half))) >= 3:
        yield Case("good: half of them", True, subject, TaskType.UNIT_TEST, base, {subject.tests: half})
        yield Case(
            "good: added to a file",
            True,
            subject,
            TaskType.UNIT_TEST,
            {subject.tests: half},
            {subject.tests: text},
        )
    for kind, rewritten in (
        ("good: other layout", heading(text) + ast.unparse(ast.parse(text)) + "\n"),
        ("good: as a class", _in_class(text)),
        ("good: with a helper", _with_helper(text)),
    ):
        if rewritten is not None:
            yield Case(kind, True, subject, TaskType.UNIT_TEST, base, {subject.tests: rewritten})


def _in_class(text: str) -> str | None:
    """Plain test functions as the methods of one class; None where there are none."""
    tree = ast.parse(text)
    plain = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
    if len(plain) < 3:
        return None
    for node in plain:
        node.args.args.insert(0, ast.arg("self"))
    holder = ast.parse("class TestTogether:\n    pass").body[0]
    assert isinstance(holder, ast.ClassDef)
    holder.body = list(plain)
    tree.body = [*(node for node in tree.body if node not in plain), holder]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


HELPER = """
def same_value(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"
"""


def _with_helper(text: str) -> str | None:
    """`assert a == b` through a helper function; None where there is none."""
    tree, changed = ast.parse(text), 0
    for node in ast.walk(tree):
        held = getattr(node, "body", None)
        body: list[ast.stmt] = held if isinstance(held, list) else []
        for index, one in enumerate(body):
            test = one.test if isinstance(one, ast.Assert) else None
            if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
                call = ast.Call(ast.Name("same_value"), [test.left, test.comparators[0]], [])
                body[index] = ast.Expr(call)
                changed += 1
    return f"{ast.unparse(ast.fix_missing_locations(tree))}\n\n{HELPER}" if changed >= 3 else None


def documentation(subject: Subject) -> Iterator[Case]:
    """The target's own docstrings, removed on base and offered as the patch."""
    text = subject.text(subject.target)
    tree = ast.parse(text)
    has, total = coverage(tree)
    bare = strip_docstrings(text)
    if has >= 3 and has >= total // 3 and bare is not None:
        yield Case(
            "good: docstrings",
            True,
            subject,
            TaskType.DOCUMENTATION,
            {subject.target: bare},
            {subject.target: text},
        )
    some = strip_docstrings(text, every=2)
    if has >= 6 and some is not None:
        start: dict[str, str | None] = {subject.target: some}
        change: dict[str, str | None] = {subject.target: text}
        yield Case("good: half the docstrings", True, subject, TaskType.DOCUMENTATION, start, change)


def refactoring(subject: Subject) -> Iterator[Case]:
    """Renames locals, joins two-branch returns, and turns clumsy code into the original."""
    for kind, clumsy in CLUMSY.items():
        top = heading(subject.text(subject.target))
        worse = clumsy(ast.parse(subject.text(subject.target)))
        # Base and patch have the same layout, so only the rewriting differs.
        plain = top + ast.unparse(ast.parse(subject.text(subject.target))) + "\n"
        if worse is not None and top + worse != plain:
            start: dict[str, str | None] = {subject.target: top + worse}
            yield Case(kind, True, subject, TaskType.REFACTORING, start, {subject.target: plain})
    tree = ast.parse(subject.text(subject.target))
    before = ast.dump(tree)
    for function in functions(tree):
        _join_returns(function)
        rename_locals(function)
    if ast.dump(tree) != before:
        top = heading(subject.text(subject.target))
        text = top + ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        yield Case("good: refactored", True, subject, TaskType.REFACTORING, {}, {subject.target: text})


def bug_fix(subject: Subject) -> Iterator[Case]:
    """Puts a fault into the target and removes its tests; the patch restores both."""
    for number, mutant in enumerate(bugs(subject)):
        broken = mutant.apply(subject.text(subject.target))
        base: dict[str, str | None] = {subject.target: broken, subject.tests: None}
        change: dict[str, str | None] = {
            subject.target: subject.text(subject.target),
            subject.tests: subject.text(subject.tests),
        }
        yield Case(f"good: bug fix {number}", True, subject, TaskType.BUG_FIX, base, change)


def bugs(subject: Subject) -> tuple[Mutant, ...]:
    """Two faults in the target's functions; the corpus keeps those that its tests notice."""
    text = subject.text(subject.target)
    plain = {"comparison", "arithmetic", "boolean", "condition negated", "return value"}
    found = tuple(one for one in make_mutants(text) if one.function and one.operator in plain)
    return sample(text, found, 6, seed=subject.target)


def heading(text: str) -> str:
    """The comments at the top of a file (its licence, perhaps), which unparsing would lose."""
    lines = text.split("\n")
    count = next((index for index, line in enumerate(lines) if line.strip() and line[0] != "#"), len(lines))
    top = [line for line in lines[:count] if line.startswith("#")]
    return "".join(f"{line}\n" for line in top)


def keep_tests(text: str, keep: "object") -> str:
    """The text with only some of its tests (functions and methods); every other line is unchanged."""
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
    """The definition's first line, including decorators."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def strip_docstrings(text: str, every: int = 1) -> str | None:
    """The text without (every second, ...) docstring; None where that cannot be done line by line."""
    tree = ast.parse(text)
    lines = text.split("\n")
    seen = 0
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if ast.get_docstring(node, clean=False) is None or len(node.body) < 2:
            continue
        first = node.body[0]
        if first.lineno == node.lineno:
            return None
        seen += 1
        if seen % every:
            continue
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


def _nested(tree: ast.Module) -> str | None:
    """Splits `if a and b:` into two conditions."""
    for node in ast.walk(tree):
        test = node.test if isinstance(node, ast.If) and not node.orelse else None
        if isinstance(node, ast.If) and isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            first, *rest = test.values
            inner = rest[0] if len(rest) == 1 else ast.BoolOp(ast.And(), rest)
            node.test, node.body = first, [ast.If(inner, node.body, [])]
    return _written(tree)


def _needless(tree: ast.Module) -> str | None:
    """Assigns the value of `return f(x)` to two variables in turn first."""
    for function in functions(tree):
        for node in ast.walk(function):
            body = getattr(node, "body", None)
            last = body[-1] if isinstance(body, list) and body else None
            if isinstance(body, list) and isinstance(last, ast.Return) and isinstance(last.value, ast.Call):
                body[-1:] = [
                    ast.Assign([ast.Name("interim_outcome")], last.value),
                    ast.Assign([ast.Name("final_outcome")], ast.Name("interim_outcome")),
                    ast.Return(ast.Name("final_outcome")),
                ]
    return _written(tree)


def _else_after_return(tree: ast.Module) -> str | None:
    """Moves the code after a branch that returns into its else."""
    for function in functions(tree):
        for index, node in enumerate(function.body[:-1]):
            if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Return):
                node.orelse = function.body[index + 1 :]
                del function.body[index + 1 :]
                break
    return _written(tree)


def _written(tree: ast.Module) -> str | None:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


CLUMSY = {
    "good: conditions joined": _nested,
    "good: variables removed": _needless,
    "good: else removed": _else_after_return,
}
