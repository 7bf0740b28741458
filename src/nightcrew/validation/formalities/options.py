"""What a new function holds for whoever uses it in another way than its tests do: options that are empty by
default, and attributes that it gives as they are. It does nothing for those who do not ask for it."""

import ast
from collections.abc import Collection, Iterator

from nightcrew.validation.reading.names import defaults_of, dotted, is_text, own_name
from nightcrew.validation.reading.suite import Function

_ASKED_BY_PYTHON = {"__hash__": "hash", "__iter__": "iter", "__len__": "len", "__str__": "str"}


def only_reads(function: Function) -> bool:
    """True for a property, or a method that Python itself calls, which gives attributes of the object, or
    what Python's own function of that name says about them."""
    body = [one for one in function.body if not is_text(one)]
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    is_property = [own_name(one) for one in function.decorator_list] == ["property"]
    asked = _ASKED_BY_PYTHON.get(function.name)
    if value is None or not (is_property or (asked and not function.decorator_list)):
        return False
    if isinstance(value, ast.Call) and own_name(value.func) == asked and len(value.args) == 1:
        value = value.args[0]
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return all(isinstance(one, ast.Attribute) and dotted(one).split(".")[:-1] == ["self"] for one in parts)


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
