"""What a new function holds for whoever uses it in another way than its tests do: options that are empty by
default. It does nothing for those who do not ask for it."""

import ast
from collections.abc import Collection, Iterator

from nightcrew.validation.reading.names import defaults_of, dotted, is_text
from nightcrew.validation.reading.suite import Function


def for_options(function: Function, switches: Collection[str]) -> Iterator[ast.stmt]:
    """Statements that run only where a parameter that is empty by default, and no switch, is given, and that
    only set variables and attributes of the function's own."""
    empty = {one.arg for one, value in defaults_of(function.args) if _is_empty(value)} - {*switches}
    for one in function.body:
        match one:
            case (
                ast.If(test=ast.Name(name), body=body, orelse=[])
                | ast.If(
                    test=ast.Compare(ast.Name(name), [ast.IsNot()], [ast.Constant(None)]),
                    body=body,
                    orelse=[],
                )
                | ast.For(iter=ast.Name(name), body=body, orelse=[])
            ):
                if name in empty and all(map(_is_own, body)):
                    yield one


def of_other_types(function: Function) -> Iterator[ast.stmt]:
    """The start of an `__eq__` or `__ne__` which says that an object of another class is not equal."""
    unequal = {"__eq__": False, "__ne__": True}.get(function.name)
    body = [one for one in function.body if not is_text(one)]
    match body:
        case [
            ast.If(
                test=ast.UnaryOp(ast.Not(), ast.Call(ast.Name("isinstance"), [ast.Name(), _])),
                body=[ast.Return(ast.Constant(bool() as given))],
                orelse=[],
            ) as first,
            _,
            *_,
        ] if given is unequal:
            yield first


# ---------------------------------------------------------------------------------------------------------


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return not node.elts
    return isinstance(node, ast.Constant) and (node.value is None or node.value == "")


def _is_own(node: ast.stmt) -> bool:
    """True for an assignment to a local variable, or to an attribute or entry of `self`."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    return all(
        isinstance(one, ast.Name) or dotted(one).startswith("self.") for one in targets if one is not None
    )
