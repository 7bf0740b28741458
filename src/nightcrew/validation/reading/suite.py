"""What a test module's text says: its tests, what they check, and whether a check could ever fail."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

type Function = ast.FunctionDef | ast.AsyncFunctionDef

_CHECKING = re.compile(
    r"_*(assert|check|verify|expect|ensure|should|must|raises|warns|fail|deprecated_call|validate|compare|given|approx)"
)
_WEAK_CALLS = {"isinstance", "issubclass", "hasattr", "callable"}
_SWALLOWING = {"Exception", "BaseException", "AssertionError"}


@dataclass(frozen=True, slots=True)
class TestFunction:
    """One test as it is written: `name` is qualified by its class."""

    __test__ = False
    name: str
    node: Function
    checks: int  # that can fail
    weak_checks: int  # of those, the ones about types, None or mere truth
    empty_checks: tuple[str, ...]  # that cannot fail
    sleeps: bool
    conditional: bool


def parse(text: str) -> ast.Module | None:
    """The tree, None where it is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def tests_in(tree: ast.Module) -> dict[str, Function]:
    """Test functions and methods by qualified name (`TestX.test_y`); a later definition hides an earlier
    one."""
    return {name: node for name, node in _named(tree.body, "") if node.name.startswith("test")}


def all_functions(tree: ast.Module) -> dict[str, Function]:
    """Every module-level function and method by qualified name."""
    return dict(_named(tree.body, ""))


def _named(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _named(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _named([*node.body, *getattr(node, "orelse", [])], prefix)


def read_tests(tree: ast.Module) -> tuple[TestFunction, ...]:
    """The tests of a module with what they check; a `test_suite` only lists tests for other runners."""
    helpers = {name.split(".")[-1]: node for name, node in all_functions(tree).items()}
    tests = {name: node for name, node in tests_in(tree).items() if name != "test_suite"}
    return tuple(_read(name, node, helpers) for name, node in tests.items())


def _read(name: str, node: Function, helpers: Mapping[str, Function]) -> TestFunction:
    counter = _Checks(helpers, {node.name})
    counter.visit_body(node.body)
    for decorator in node.decorator_list:
        if "given" in ast.dump(decorator) and counter.total == 0:
            counter.total += 0
    nodes = list(ast.walk(node))
    return TestFunction(
        name,
        node,
        counter.total,
        counter.weak,
        tuple(counter.empty),
        any(isinstance(one, ast.Attribute) and one.attr == "sleep" for one in nodes),
        any(isinstance(one, ast.If) for one in nodes),
    )


class _Checks(ast.NodeVisitor):
    """Counts checks that can fail, through helpers of the same module."""

    def __init__(self, helpers: Mapping[str, Function], seen: set[str]) -> None:
        self.helpers, self.seen = helpers, seen
        self.total = self.weak = 0
        self.empty: list[str] = []
        self.bound: dict[str, str] = {}
        self.swallowed = 0

    def visit_body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def visit_Assign(self, node: ast.Assign) -> None:
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.bound[node.targets[0].id] = ast.dump(node.value)
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        if self.swallowed or cannot_fail(node.test, self.bound):
            self.empty.append(ast.unparse(node)[:120])
            return
        self.total += 1
        self.weak += is_weak(node.test)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.total += not self.swallowed

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in self.helpers and name not in self.seen:
            inner = _Checks(self.helpers, self.seen | {name})
            inner.swallowed = self.swallowed
            inner.visit_body(self.helpers[name].body)
            self.total += inner.total
            self.weak += inner.weak
            self.empty += inner.empty
        elif name in {"simplefilter", "filterwarnings"} and "'error'" in ast.unparse(node):
            self.total += not self.swallowed  # from here on a warning fails the test
        elif _CHECKING.match(name) and not self.swallowed:
            if _unittest_tautology(name, node):
                self.empty.append(ast.unparse(node)[:120])
            else:
                self.total += 1
                self.weak += name in {"assertIsNotNone", "assertIsInstance"}
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        swallows = any(_swallows(handler) for handler in node.handlers)
        self.swallowed += swallows
        self.visit_body(node.body)
        self.swallowed -= swallows
        for handler in node.handlers:
            self.visit_body(handler.body)
        self.visit_body([*node.orelse, *node.finalbody])

    def visit_With(self, node: ast.With) -> None:
        swallows = any("suppress" in ast.dump(item.context_expr) for item in node.items) and any(
            f"id='{name}'" in ast.dump(item.context_expr) for item in node.items for name in _SWALLOWING
        )
        for item in node.items:
            self.visit(item.context_expr)
        self.swallowed += swallows
        self.visit_body(node.body)
        self.swallowed -= swallows


def _swallows(handler: ast.ExceptHandler) -> bool:
    """True for a handler that would hide a failing assert: it catches one and does not complain."""
    if handler.type is not None:
        caught = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        if not caught & _SWALLOWING:
            return False
    complains = (ast.Raise, ast.Assert)
    return not any(
        isinstance(node, complains)
        or (isinstance(node, ast.Call) and _CHECKING.match(ast.unparse(node.func).split(".")[-1]) is not None)
        for statement in handler.body
        for node in ast.walk(statement)
    )


def cannot_fail(test: ast.expr, bound: Mapping[str, str] | None = None) -> bool:
    """True for a condition that holds whatever the code under test does."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Tuple | ast.List | ast.Dict | ast.JoinedStr | ast.Lambda):
        return bool(
            getattr(test, "elts", None) or getattr(test, "keys", None) or getattr(test, "values", True)
        )
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        if any(cannot_fail(value, bound) for value in test.values):
            return True
        return _are_opposites(test.values)
    if isinstance(test, ast.BoolOp):
        return all(cannot_fail(value, bound) for value in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and not test.operand.value
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name):
        if test.func.id == "isinstance" and len(test.args) == 2:
            return isinstance(test.args[1], ast.Name) and test.args[1].id == "object"
        return test.func.id == "bool" and len(test.args) == 1 and cannot_fail(test.args[0], bound)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _comparison_cannot_fail(test, bound or {})
    return False


def _comparison_cannot_fail(test: ast.Compare, bound: Mapping[str, str]) -> bool:
    left, right, operator = test.left, test.comparators[0], test.ops[0]
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return True
    sides = [ast.dump(left), ast.dump(right)]
    if isinstance(operator, ast.Eq | ast.Is | ast.LtE | ast.GtE):
        if sides[0] == sides[1]:
            return True
        resolved = [
            bound.get(side.id, ast.dump(side)) if isinstance(side, ast.Name) else ast.dump(side)
            for side in (left, right)
        ]
        if resolved[0] == resolved[1] and "Call(" in resolved[0]:
            return True
    is_length = isinstance(left, ast.Call) and getattr(left.func, "id", "") == "len"
    return (
        is_length and isinstance(operator, ast.GtE) and isinstance(right, ast.Constant) and right.value == 0
    )


def _are_opposites(values: list[ast.expr]) -> bool:
    """`x or not x`, `a == b or a != b`."""
    dumps = {ast.dump(value) for value in values}
    for value in values:
        if (
            isinstance(value, ast.UnaryOp)
            and isinstance(value.op, ast.Not)
            and ast.dump(value.operand) in dumps
        ):
            return True
        if (
            isinstance(value, ast.Compare)
            and len(value.ops) == 1
            and isinstance(value.ops[0], ast.NotEq | ast.IsNot)
        ):
            opposite = ast.Eq() if isinstance(value.ops[0], ast.NotEq) else ast.Is()
            if ast.dump(ast.Compare(value.left, [opposite], value.comparators)) in dumps:
                return True
    return False


def is_weak(test: ast.expr) -> bool:
    """True for a check about a type, None or mere truth."""
    if isinstance(test, ast.BoolOp):
        return all(is_weak(value) for value in test.values)
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name):
        return test.func.id in _WEAK_CALLS
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        if isinstance(test.ops[0], ast.IsNot | ast.NotEq):
            return isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value is None
        return isinstance(test.left, ast.Call) and getattr(test.left.func, "id", "") == "type"
    return False


def _unittest_tautology(name: str, node: ast.Call) -> bool:
    arguments = node.args
    if name in {"assertTrue", "assert_"} and arguments:
        return cannot_fail(arguments[0])
    if name == "assertFalse" and arguments:
        return isinstance(arguments[0], ast.Constant) and not arguments[0].value
    if name in {"assertEqual", "assertEquals", "assertIs"} and len(arguments) >= 2:
        return _comparison_cannot_fail(ast.Compare(arguments[0], [ast.Eq()], [arguments[1]]), {})
    return False
