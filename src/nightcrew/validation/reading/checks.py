"""The checks of a test one by one: what each is about, and how strict it is."""

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from nightcrew.validation.reading.names import called, names_of
from nightcrew.validation.reading.suite import (
    Function,
    all_functions,
    cannot_fail,
    comparison_cannot_fail,
    is_weak,
    tests_in,
    tree_text,
    walk,
)

CHECKING = re.compile(
    r"_*(assert|check|verify|expect|ensure|should|must|raises|warns|fail|deprecated_call|validate|compare|given|approx)"
)
_INTERFACE = re.compile(r"\bverify(?:Object|Class)\(")
_BROAD = {"Exception", "BaseException"}
_SWALLOWING = {*_BROAD, "AssertionError"}
_TOLERANT = {"approx", "isclose", "allclose", "assertAlmostEqual", "assertAlmostEquals"}
_USUAL_TOLERANCE = 1e-6
_VALUES = (ast.Constant, ast.Dict, ast.List, ast.Set, ast.Tuple)
_EXACT_METHODS = re.compile(r"assert(?:\w*Equals?|Is|IsNone|Not)?$")


class Strictness(IntEnum):
    """How strict a check is; a higher value accepts fewer results."""

    NOTHING = 0  # it cannot fail
    TYPE = 1  # any value of a type, or any value except None
    PARTLY = 2  # membership, order, truth: it accepts many values
    NEARLY = 3  # values near one value
    EXACTLY = 4  # one value, one exception


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its text, the names that it is about, and what it requires."""

    text: str
    subject: frozenset[str]
    strictness: Strictness
    tolerance: float = 0.0
    errors: frozenset[str] = frozenset()  # the errors that it expects
    matches: bool = False  # it checks the error's text too
    conditional: bool = False

    @property
    def key(self) -> tuple[str, bool, bool]:
        """Equal for two checks that require the same, equally often."""
        return self.text, self.conditional, self.strictness is Strictness.NOTHING

    @property
    def is_refusal(self) -> bool:
        """True for a check that expects a certain error."""
        return bool(self.errors) and self.strictness is Strictness.EXACTLY

    def looser_than(self, other: "Check") -> str:
        """How this check is less strict than the other; empty where it is not."""
        if self.conditional and not other.conditional:
            return "a check is made only sometimes"
        if self.strictness < other.strictness:
            return "a check lets more pass"
        if self.strictness is Strictness.NEARLY and self.tolerance > other.tolerance > 0.0:
            return "a tolerance is wider"
        if other.errors and (_wider(self.errors, other.errors) or (other.matches and not self.matches)):
            return "an expected error is less exact"
        return ""


@dataclass(frozen=True, slots=True)
class TestFunction:
    """One test's source; `name` is qualified by its class."""

    __test__ = False
    name: str
    node: Function
    checks: tuple[Check, ...]

    @property
    def count(self) -> int:
        """How many of its checks can fail."""
        return sum(one.strictness is not Strictness.NOTHING for one in self.checks)

    @property
    def refuses(self) -> bool:
        """True where a check expects a certain error."""
        return any(one.is_refusal for one in self.checks)

    @property
    def only_refuses(self) -> bool:
        """True where every check expects an error, so that the test is about no value."""
        return bool(self.checks) and all(one.is_refusal for one in self.checks)

    @property
    def is_about_interface(self) -> bool:
        """True where every check asks only what something is or has."""
        asking = (one.strictness is Strictness.TYPE or _INTERFACE.search(one.text) for one in self.checks)
        return bool(self.checks) and all(asking)

    @property
    def empty(self) -> tuple[str, ...]:
        """The checks that cannot fail."""
        return tuple(one.text[:120] for one in self.checks if one.strictness is Strictness.NOTHING)


def read_tests(
    tree: ast.Module,
    inherited: Mapping[str, Function] | None = None,
    only: Collection[str] | None = None,
) -> tuple[TestFunction, ...]:
    """The tests of a module with what they check; `test_suite` is no test, it lists tests for other runners.

    `inherited`: functions and methods of other test files that the module may call, by their last name.
    `only`: the names of the tests that are read; None for all.
    """
    own = {name.split(".")[-1]: node for name, node in all_functions(tree).items()}
    helpers = {**(inherited or {}), **own}
    tests = {name: node for name, node in tests_in(tree).items() if name != "test_suite"}
    tests = {name: node for name, node in tests.items() if only is None or name in only}
    return tuple(TestFunction(name, node, checks_of(node, helpers)) for name, node in tests.items())


def checks_of(node: Function, helpers: Mapping[str, Function] | None = None) -> tuple[Check, ...]:
    """The checks of a test in order, with those of the module's helpers that it calls."""
    return tuple(_Reader(helpers or {}, {node.name}).read(node.body))


# ------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads bodies of statements; knows the values of names, and whether a failure would be caught."""

    def __init__(self, helpers: Mapping[str, Function], seen: set[str], swallowed: bool = False) -> None:
        self.helpers, self.seen, self.swallowed = helpers, seen, swallowed
        self.bound: dict[str, str] = {}

    def read(self, body: list[ast.stmt]) -> Iterator[Check]:
        for statement in body:
            yield from self._statement(statement)
            if isinstance(statement, ast.Return):
                return

    def _statement(self, node: ast.stmt) -> Iterator[Check]:
        match node:
            case ast.If():
                yield from self._branches([node.body, node.orelse])
            case ast.Match():
                yield from self._branches([case.body for case in node.cases])
            case ast.Try():
                yield from self._inside(node.body, any(map(_swallows, node.handlers)))
                for handler in node.handlers:
                    yield from (replace(one, conditional=True) for one in self.read(handler.body))
                yield from self.read([*node.orelse, *node.finalbody])
            case ast.Assert():
                yield self._assertion(node.test)
            case ast.Raise():
                yield self._check(node, Strictness.EXACTLY)
            case _:
                yield from self._other(node)

    def _other(self, node: ast.stmt) -> Iterator[Check]:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            self.bound[node.targets[0].id] = tree_text(node.value)
        held = [one for name in ("body", "orelse") for one in getattr(node, name, [])]
        inner = {id(part) for one in held for part in walk(one)}
        for call in walk(node):
            if isinstance(call, ast.Call) and id(call) not in inner:
                yield from self._called(call)
        suppressed = isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items)
        yield from self._inside(held, suppressed)

    def _inside(self, body: list[ast.stmt], swallowed: bool) -> Iterator[Check]:
        before, self.swallowed = self.swallowed, self.swallowed or swallowed
        yield from self.read(body)
        self.swallowed = before

    def _branches(self, bodies: list[list[ast.stmt]]) -> Iterator[Check]:
        """Checks of every branch; where each branch has some, at least one always runs."""
        found = [list(self.read(one)) for one in bodies]
        for branch in found:
            for one in branch:
                yield one if all(found) else replace(one, conditional=True)

    def _check(self, node: ast.AST, strictness: Strictness, tolerance: float = 0.0) -> Check:
        strictness = Strictness.NOTHING if self.swallowed else strictness
        names = frozenset(names_of(node) - {"self", "pytest"})
        return Check(ast.unparse(node), names, strictness, tolerance)

    def _assertion(self, test: ast.expr) -> Check:
        if cannot_fail(test, self.bound):
            return self._check(test, Strictness.NOTHING)
        return self._check(test, *_demanded(test))

    def _called(self, call: ast.Call) -> Iterator[Check]:
        name = called(call)
        if name in self.helpers and name not in self.seen:
            inner = _Reader(self.helpers, self.seen | {name}, self.swallowed)
            yield from inner.read(self.helpers[name].body)
        elif name in {"simplefilter", "filterwarnings"} and "'error'" in ast.unparse(call):
            yield self._check(call, Strictness.EXACTLY)  # from here on a warning fails the test
        elif CHECKING.match(name) and name != "approx":
            yield self._by_name(name, call)

    def _by_name(self, name: str, call: ast.Call) -> Check:
        if "raises" in name.lower() or "warns" in name.lower():
            errors = _errors(call)
            strictness = Strictness.PARTLY if errors & _BROAD or not errors else Strictness.EXACTLY
            matches = "regex" in name.lower() or any(one.arg == "match" for one in call.keywords)
            return replace(self._check(call, strictness), errors=errors, matches=matches)
        return self._check(call, *_method(name, call, self.bound))


def _demanded(test: ast.expr) -> tuple[Strictness, float]:
    if is_weak(test):
        return Strictness.TYPE, 0.0
    is_choice = isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or)
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    operators = [one for part in parts if isinstance(part, ast.Compare) for one in part.ops]
    # `a == 1 or a == 2` accepts a wrong value that `a == 1` would refuse.
    if is_choice or not any(isinstance(one, ast.Eq | ast.Is) for one in operators):
        return Strictness.PARTLY, 0.0
    tolerance = _tolerance(test)
    return (Strictness.NEARLY, tolerance) if tolerance else (Strictness.EXACTLY, 0.0)


def _method(name: str, call: ast.Call, bound: Mapping[str, str]) -> tuple[Strictness, float]:
    """What one of unittest's methods requires; a helper of unknown strictness counts as exact."""
    arguments = call.args
    if name in {"assertTrue", "assert_"} and arguments:
        # A second value that should be compared is only the message.
        given = arguments[1] if arguments[1:] else ast.Constant("")
        meant = isinstance(given, _VALUES) and not isinstance(getattr(given, "value", None), str)
        empty = meant or cannot_fail(arguments[0], bound)
        return (Strictness.NOTHING, 0.0) if empty else _demanded(arguments[0])
    if name == "assertFalse" and arguments:
        empty = isinstance(arguments[0], ast.Constant) and not arguments[0].value
        return (Strictness.NOTHING if empty else Strictness.PARTLY), 0.0
    if name in {"assertIsNotNone", "assertIsInstance"}:
        return Strictness.TYPE, 0.0
    if name in {"assertEqual", "assertEquals", "assertIs"} and len(arguments) >= 2:
        compared = ast.Compare(arguments[0], [ast.Eq()], [arguments[1]])
        if comparison_cannot_fail(compared, {}):
            return Strictness.NOTHING, 0.0
    tolerance = _tolerance(call)
    if tolerance:
        return Strictness.NEARLY, tolerance
    partly = name.startswith("assert") and name[6:7].isupper() and not _EXACT_METHODS.match(name)
    return (Strictness.PARTLY if partly else Strictness.EXACTLY), 0.0


def _tolerance(node: ast.AST) -> float:
    """The widest tolerance in an expression; 0 where it has none."""
    widest = 0.0
    for call in walk(node):
        if isinstance(call, ast.Call) and called(call) in _TOLERANT:
            keywords = {
                one.arg: one.value.value for one in call.keywords if isinstance(one.value, ast.Constant)
            }
            numbers = {key: value for key, value in keywords.items() if isinstance(value, int | float)}
            places = numbers.pop("places", None)
            found = [10.0**-places] if places is not None else [float(one) for one in numbers.values()]
            widest = max([widest, *(found or [_USUAL_TOLERANCE])])
    return widest


def _errors(call: ast.Call) -> frozenset[str]:
    first = call.args[0] if call.args else None
    parts = first.elts if isinstance(first, ast.Tuple) else [first] if first is not None else []
    return frozenset(ast.unparse(one).split(".")[-1] for one in parts)


def _wider(new: frozenset[str], old: frozenset[str]) -> bool:
    """True where the check now accepts more errors than before."""
    if new > old or (new & _BROAD and not old & _BROAD):
        return True
    above = [getattr(builtins, one, None) for one in new - old]
    below = [getattr(builtins, one, None) for one in old - new]
    pairs = ((up, down) for up in above for down in below)
    return any(isinstance(up, type) and isinstance(down, type) and issubclass(down, up) for up, down in pairs)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """True for a handler that would hide a failing assert: it catches the error and does not raise one."""
    if handler.type is not None:
        caught = {node.id for node in walk(handler.type) if isinstance(node, ast.Name)}
        if not caught & _SWALLOWING:
            return False
    nodes = [node for statement in handler.body for node in walk(statement)]
    calls = [called(node) for node in nodes if isinstance(node, ast.Call)]
    return not any(isinstance(node, ast.Raise | ast.Assert) for node in nodes) and not any(
        map(CHECKING.match, calls)
    )


def _suppresses(context: ast.expr) -> bool:
    is_suppress = isinstance(context, ast.Call) and called(context) == "suppress"
    return is_suppress and bool(names_of(context) & _SWALLOWING)
