"""What a function newly leaves changed for whoever calls next: its object, what it is given, a default.

Only functions that change nothing of the kind on base are reported: the others are meant to.
"""

import ast
from collections.abc import Iterator, Sequence

from nightcrew.validation.questions.powers import Power, Use
from nightcrew.validation.reading.names import defaults_of, last_part, parameters_of
from nightcrew.validation.reading.suite import Function, all_functions, walk
from nightcrew.validation.tables import Table

_CHANGING = Table("powers").words("lasting", "changing")
_MAKING = Table("powers").words("lasting", "making")
_OBJECTS = {"self", "cls"}
_COPYING = {"copy", "deepcopy", "dict", "list", "set"}
_EMPTY = {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque"}


def lasting(old: ast.Module, new: ast.Module) -> Iterator[Use]:
    """The functions of `new` that do so, each with the line of its first change."""
    before = all_functions(old)
    known = {_attribute(node) for node in walk(old) if isinstance(node, ast.Attribute)}
    for name, function in all_functions(new).items():
        now = dict(_changed(function))
        yield from _shared_defaults(name, function, now)
        if name not in before or name.rpartition(".")[2] in _MAKING:
            continue
        for parameter in sorted(_copied(before[name]) - _bound(function)):
            what = f"{name} works on the {parameter} that it is given and not on a copy"
            yield Use(Power.LASTING, what, function.lineno)
        was = dict(_changed(before[name]))
        for what, line in now.items():
            of_object = what.split(".")[0] in _OBJECTS
            is_new = not any((one.split(".")[0] in _OBJECTS) is of_object for one in was)
            if is_new and (not of_object or what in known):
                yield Use(Power.LASTING, f"{name} changes {what}, which its caller goes on with", line)


# ------------------------------------------------------------------------------------------------------


def _shared_defaults(name: str, function: Function, now: dict[str, int]) -> Iterator[Use]:
    """Defaults that are made once and changed by each call."""
    for parameter, value in defaults_of(function.args):
        is_table = isinstance(value, ast.Dict | ast.List | ast.Set) or (
            isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _EMPTY
        )
        if is_table and parameter.arg in now:
            what = f"{name} changes the default of {parameter.arg}, which all calls share"
            yield Use(Power.LASTING, what, now[parameter.arg])


def _bound(function: Function) -> set[str]:
    names = (one for one in walk(function) if isinstance(one, ast.Name))
    return {one.id for one in names if isinstance(one.ctx, ast.Store)}


def _copied(function: Function) -> set[str]:
    """The parameters in whose place a function puts a copy."""
    given = {one.arg for one in parameters_of(function.args)}
    found: set[str] = set()
    for node in walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Call() as call) if name in given:
                whole = isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == f"{name}.copy"
                made = last_part(call) in _COPYING and [ast.unparse(one) for one in call.args] == [name]
                found |= {name} if whole or made else set()
    return found


def _changed(function: Function) -> Iterator[tuple[str, int]]:
    """The parameters, and the attributes of the object (`self.x`), that a function changes, with lines."""
    nodes = [*walk(function)]
    inner = [one.args for one in nodes if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    given = {one.arg for each in inner for one in parameters_of(each)} - _bound(function) - _OBJECTS
    given -= {one.arg for each in inner for one in (each.vararg, each.kwarg) if one is not None}
    parts = dict(_parts(nodes, given))
    for node in nodes:
        for target in _targets(node):
            attribute, root = _attribute(target), _root(target)
            if root in _OBJECTS and attribute:
                yield attribute, target.lineno
            elif root in given or root in parts:
                yield parts.get(root, root), target.lineno


def _parts(nodes: Sequence[ast.AST], given: set[str]) -> Iterator[tuple[str, str]]:
    """Names that are bound to a part of a parameter, with the parameter."""
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                is_asked = isinstance(value, ast.Call) and ast.unparse(value.func) == "getattr"
                held = value.args[0] if isinstance(value, ast.Call) and is_asked and value.args else value
                if (held is not value or not isinstance(value, ast.Name)) and _root(held) in given:
                    yield name, _root(held)


def _targets(node: ast.AST) -> Iterator[ast.Attribute | ast.Subscript | ast.Name]:
    """What a statement or a call changes."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign() | ast.Delete():
            targets = [inner for one in node.targets for inner in getattr(one, "elts", [one])]
        case ast.AugAssign() | ast.AnnAssign():
            targets = [node.target]
        case ast.Call(func=ast.Attribute(value=holder, attr=method)) if method in _CHANGING:
            if isinstance(holder, ast.Attribute | ast.Subscript | ast.Name):
                yield holder
    yield from (one for one in targets if isinstance(one, ast.Attribute | ast.Subscript))


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _attribute(node: ast.AST) -> str:
    """`self.x` of an attribute of the object, or of what is reached through one; empty for others."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        inner = node.value
        if isinstance(inner, ast.Name):
            is_own = isinstance(node, ast.Attribute) and inner.id in _OBJECTS
            return f"{inner.id}.{node.attr}" if is_own and isinstance(node, ast.Attribute) else ""
        node = inner
    return ""
