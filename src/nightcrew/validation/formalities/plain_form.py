"""Expressions that come to the same, each written in one plain form.

A name stands for its value: a constant, or a local that is assigned once. So does the call of a function that
only gives an expression. Arguments stand by their parameters, without those that the function takes anyway,
and texts by their pieces.
"""

import ast
from collections.abc import Callable, Iterable, Mapping

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.reading.names import defaults_of, expression_of, is_text, own_name, parameters_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, all_functions, copied, read, tree_text, walk

type Values = Callable[[str], ast.expr | None]
_PLAIN = (ast.Name, ast.Attribute, ast.Constant)


def is_same(part: Mutant, tree: ast.Module, values: Values) -> bool:
    """True for an expression that comes to the one that it replaces, in the file of `tree`; `values` gives
    the value of a constant by its name."""
    nodes = [expression_of(part.before), expression_of(part.text)]
    forms = [tree_text(_Plain(part, tree, values).visit(copied(one))) for one in nodes if one is not None]
    return len(forms) == 2 and forms[0] == forms[1]


def is_set_inside(part: Mutant, tree: ast.Module, text: SourceText) -> bool:
    """True for `None` in place of a default that the function now gives the parameter itself."""
    pairs = [(one, *both) for one in all_functions(tree).values() for both in defaults_of(one.args)]
    found = [(one, arg.arg) for one, arg, value in pairs if text.span(value) == (part.start, part.end)]
    if part.before.strip() != "None" or not found:
        return False
    ((function, name),) = found
    using = [one for one in function.body if name in {getattr(node, "id", "") for node in walk(one)}]
    set_to = f"if {name} is None:\n    {name} = {part.text.strip()}"
    return bool(using) and tree_text(using[0]) in map(tree_text, read(set_to).body)


# ---------------------------------------------------------------------------------------------------------


class _Plain(ast.NodeTransformer):
    """Writes an expression of a part's place in its plain form."""

    def __init__(self, part: Mutant, tree: ast.Module, values: Values) -> None:
        self.line, self.tree, self.values = part.line, tree, values
        function = all_functions(tree).get(part.function)
        self.known = [*walk(function)] if function is not None else []
        self.names = [one for one in self.known if isinstance(one, ast.Name) and _is_stored(one)]
        self.open: set[str] = set()  # what is being replaced: a value may be made of its own name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self._local(node.id) or self.values(node.id)
        return self._instead(node.id, value) if value is not None and node.id not in self.open else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        is_class = node.attr == "__class__"
        return ast.Call(ast.Name("type", ast.Load()), [node.value], []) if is_class else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return self._text(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return self._text(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        plain = self._text(node)
        function = self._called(plain.func) if isinstance(plain, ast.Call) else None
        if function is None or not isinstance(plain, ast.Call) or (given := _given(plain, function)) is None:
            return plain
        taken = {one.arg: default for one, default in defaults_of(function.args)}
        value = _value(function, taken | given) if function.name not in self.open else None
        if value is not None:
            return self._instead(function.name, value)
        words = [ast.keyword(name, one) for name, one in given.items() if one is not _owner(plain.func)]
        # Another class may have other defaults for its method, but hardly for a parameter of the same name.
        by_name = {one.arg for one in plain.keywords} if isinstance(plain.func, ast.Attribute) else {*given}
        known = {name: tree_text(default) for name, default in taken.items() if name in by_name}
        words = [one for one in words if known.get(one.arg or "") != tree_text(one.value)]
        return ast.Call(plain.func, [], sorted(words, key=lambda one: one.arg or ""))

    def _instead(self, name: str, value: ast.expr) -> ast.AST:
        self.open.add(name)
        found: ast.AST = self.visit(copied(value))
        self.open.discard(name)
        return found

    def _local(self, name: str) -> ast.expr | None:
        """What the function assigns to a name once, of values that stay the same until the part."""
        stored = [one for one in self.names if one.id == name]
        given = [one for one in self.known if isinstance(one, ast.Assign) and one.targets == stored]
        if not given or given[0].lineno >= self.line:
            return None
        used = {getattr(one, "id", "") for one in walk(given[0].value)}
        lines = {one.lineno for one in self.names if one.id in used}
        kept = not any(given[0].lineno <= line <= self.line for line in lines)
        return _without_default(given[0].value) if kept else None

    def _text(self, node: ast.expr) -> ast.AST:
        """A text by its pieces; any other expression with its own parts in their plain form."""
        pieces = self._pieces(node)
        if any(one.startswith("'") for one in pieces):
            return ast.Tuple([ast.Constant(one) for one in pieces], ast.Load())
        return self.generic_visit(node)

    def _pieces(self, node: ast.expr) -> list[str]:
        """The pieces of a text, its own ones quoted and joined; empty for what is put together otherwise."""
        found: list[str] = []
        match node:
            case ast.Constant(str() as text):
                found = [repr(text)]
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                found = [tree_text(value)]
            case ast.JoinedStr(values=values):
                found = self._joined(values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                found = self._joined([left, right])
            case ast.Call(ast.Attribute(ast.Constant(str() as text), "format"), args, []) if "{" in text:
                texts = text.split("{}")
                is_plain = len(texts) == len(args) + 1 and not any("{" in one or "}" in one for one in texts)
                held = zip(map(ast.Constant, texts), [*args, ast.Constant("")], strict=False)
                found = self._joined([one for both in held for one in both]) if is_plain else []
            case ast.FormattedValue() | ast.BinOp():
                pass
            case _:
                found = [tree_text(node)]
        return found

    def _joined(self, nodes: Iterable[ast.expr]) -> list[str]:
        """The pieces of all of them, with neighbouring texts as one; empty where one has none."""
        found: list[str] = []
        for pieces in map(self._pieces, nodes):
            for one in pieces:
                if one.startswith("'") and found and found[-1].startswith("'"):
                    found[-1] = repr(ast.literal_eval(found[-1]) + ast.literal_eval(one))
                elif one != "''":
                    found.append(one)
            if not pieces:
                return []
        return found

    def _called(self, node: ast.expr) -> Function | None:
        """The function of this file that is called, where nothing else has its name."""
        name, nodes = own_name(node), list(walk(self.tree))
        found = [one for one in nodes if name in (getattr(one, "name", None), getattr(one, "asname", None))]
        is_bound = any(one.id == name for one in nodes if isinstance(one, ast.Name) and _is_stored(one))
        match found:
            case [ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]) as function]:
                is_fit = (function in self.tree.body) is isinstance(node, ast.Name)
                return function if is_fit and not is_bound else None
        return None


class _Given(ast.NodeTransformer):
    """Puts what is given in the place of parameters."""

    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.known.get(node.id, node)


def _value(function: Function, given: Mapping[str, ast.expr]) -> ast.expr | None:
    """The expression of a function that does nothing else, with what its parameters get; that may run as
    often as it is used, so only names and constants are put in."""
    body = [one for one in function.body if not is_text(one)]
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    is_whole = given.keys() == {one.arg for one in parameters_of(function.args)} - {"cls"}
    if value is None or not is_whole or not all(isinstance(one, _PLAIN) for one in given.values()):
        return None
    found: ast.expr = _Given(given).visit(copied(value))
    return found


def _given(call: ast.Call, function: Function) -> dict[str, ast.expr] | None:
    """What each parameter gets; None where that is not known."""
    args, owner = function.args, _owner(call.func)
    names = [one.arg for one in (*args.posonlyargs, *args.args)]
    given = [*([owner] if owner is not None else []), *call.args]
    words = {one.arg or "": one.value for one in call.keywords}
    if len(given) > len(names) or any(isinstance(one, ast.Starred) for one in given):
        return None
    named = dict(zip(names, given, strict=False)) | words
    is_known = words.keys() <= {one.arg for one in (*args.args, *args.kwonlyargs)}
    return named if is_known and len(named) == len(given) + len(words) else None


def _owner(node: ast.expr) -> ast.expr | None:
    return node.value if isinstance(node, ast.Attribute) else None


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _without_default(node: ast.expr) -> ast.expr:
    """`getattr(x, "y")` for `getattr(x, "y", None)`: base asked for what is there."""
    match node:
        case ast.Call(ast.Name("getattr") as function, [held, name, _], []):
            return ast.Call(function, [held, name], [])
    return node
