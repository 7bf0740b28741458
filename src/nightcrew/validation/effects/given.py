"""Calls in which what a function is given decides more than a value: which attribute is reached, how a text
is filled in, what a log tells. Names are followed within one function."""

import ast
from collections.abc import Iterator, Sequence

from nightcrew.validation.questions.powers import Power, Use
from nightcrew.validation.reading.names import last_part, own_name, parameters_of
from nightcrew.validation.reading.suite import Function, children, walk
from nightcrew.validation.tables import Table

_TABLE = Table("powers")
_BY_NAME, _FILLING, _TELLING = (_TABLE.words("input", key) for key in ("by_name", "filling", "telling"))
_LOGS = _TABLE.pattern("input", "logs")
_ATTRIBUTES = {"__getattr__", "__getattribute__", "__setattr__", "__delattr__"}
_OBJECTS = {"self", "cls"}
_COUNTING = {"len", "type", "bool", "isinstance"}  # what they give tells little of their argument


def uses_of_input(nodes: Sequence[ast.AST]) -> Iterator[Use]:
    """The calls of this kind in a file's functions."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = _given(node)
            calls = (one for one in walk(node) if isinstance(one, ast.Call))
            for call in calls:
                power = _power(call, given, node.name)
                if power is not None:
                    yield Use(power, ast.unparse(call)[:80], call.lineno)


# ------------------------------------------------------------------------------------------------------


def _power(call: ast.Call, given: set[str], function: str) -> Power | None:
    name = own_name(call.func)
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name in _BY_NAME and holder is None and function not in _ATTRIBUTES:
        return Power.BY_NAME if _has(call.args[1:2], given) else None
    if name in _FILLING and holder is not None and not isinstance(holder, ast.Constant | ast.JoinedStr):
        return Power.BY_NAME if _has([holder], given) else None
    if name in _TELLING and holder is not None and _LOGS.fullmatch(last_part(holder)):
        shown = [part for one in children(call) if one is not call.func for part in _shown(one)]
        return Power.TELLS if _has(shown, given | _OBJECTS) else None
    return None


def _shown(value: ast.AST) -> Iterator[ast.AST]:
    """The names of an expression, but those that are only counted."""
    if isinstance(value, ast.Name):
        yield value
    elif not (isinstance(value, ast.Call) and own_name(value.func) in _COUNTING):
        for inner in children(value):
            yield from _shown(inner)


def _has(values: Sequence[ast.AST], given: set[str]) -> bool:
    return any(isinstance(one, ast.Name) and one.id in given for value in values for one in walk(value))


def _given(function: Function) -> set[str]:
    """The parameters of a function and of those inside it, and the names bound to what comes from them."""
    found = {
        one.arg for node in walk(function) if isinstance(node, ast.arguments) for one in parameters_of(node)
    } - _OBJECTS
    bindings = list(_bindings(function))
    size = -1
    while size < len(found):
        size = len(found)
        found |= {name for target, value in bindings if _has([value], found) for name in _stored(target)}
    return found


def _bindings(function: Function) -> Iterator[tuple[ast.AST, ast.expr]]:
    for node in walk(function):
        match node:
            case ast.Assign():
                yield from ((target, node.value) for target in node.targets)
            case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value):
                yield node.target, value
            case ast.NamedExpr():
                yield node.target, node.value
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                yield node.target, node.iter
            case ast.withitem(optional_vars=ast.expr() as target):
                yield target, node.context_expr


def _stored(target: ast.AST) -> set[str]:
    return {one.id for one in walk(target) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
