"""What a new expression does to a value, one step at a time. Each step is left out, and a test should notice:
else nothing shows that the step is wanted."""

import ast
import builtins
import copy
from collections.abc import Collection, Iterator

from nightcrew.validation.reading.names import dotted, own_name
from nightcrew.validation.reading.suite import copied, tree_text, walk
from nightcrew.validation.tables import Table

_TABLE = Table("interfaces")
_METHODS = _TABLE.words("library", "adjusting_methods")
_KEEPING = _TABLE.words("library", "keeping")
_ITERATING = {"enumerate", "join", "len", "list", "map", "sorted", "sum", "tuple"}
_BOUNDING = {"max", "min"}  # which adjust a value where they also get a number
_NAMED = (ast.Name, ast.Attribute)
_SETS = {"dict.fromkeys", "frozenset", "set"}

type Step = tuple[ast.expr | ast.stmt, ast.expr | ast.stmt]
"""An expression, and what stands in its place without the step."""


def steps(node: ast.AST, modules: Collection[str], tables: Collection[str]) -> Iterator[Step]:
    """The steps of one expression or statement, but not of expressions inside it. `modules`: names of
    imported modules; `tables`: names of tables that begin empty."""
    match node:
        case ast.Subscript(value=value, slice=ast.Slice(upper=ast.Constant())):
            yield node, value
        case ast.Subscript(value=value, slice=index) if isinstance(node.ctx, ast.Load) and _is_place(index):
            yield node, value
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from ((node, one) for one, other in ((left, right), (right, left)) if _is_flag(other))
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(name), slice=key)]) if name in tables:
            # Of equal keys only the last value stays, unless something looks them up.
            yield key, _read(f"(({ast.unparse(key)}), len({name}))")
        case ast.Assign(targets=[ast.Name()], value=ast.Call(func=ast.Name("sorted"), args=[held])):
            # What keeps an order of its own may be meant to keep it.
            yield node.value, ast.Call(ast.Name("list"), [held], [])
        case ast.Assign(targets=[_, _, *_] as targets, value=value):
            for one in targets:
                yield node, ast.Assign([other for other in targets if other is not one], value)
        case ast.For(iter=value) | ast.comprehension(iter=value) | ast.Starred(value=value):
            yield from _repeated(value)
        case ast.Compare(left=left, ops=[_], comparators=[right]):
            sides = [[*steps(one, modules, tables)] for one in (left, right) if _alike(left, right)]
            yield from _of_comparison(node, sides)
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
            yield from _of_texts(node)
        case ast.Call():
            yield from _of_call(node, modules)


def emptied(call: ast.Call) -> Iterator[Step]:
    """The plain values of a list or table that the call gets by name, taken out of it."""
    for value in (word.value for word in call.keywords):
        held = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [])
        if held and all(isinstance(one, ast.Constant) for one in held):
            empty = ast.Dict([], []) if isinstance(value, ast.Dict) else ast.List([], ast.Load())
            yield value, empty if isinstance(value, ast.Dict | ast.List) else ast.Tuple([], ast.Load())


def _of_call(node: ast.Call, modules: Collection[str]) -> Iterator[Step]:
    match node:
        case ast.Call(func=ast.Attribute(value=held, attr="insert"), args=[ast.Constant(0), one]):
            yield node, _called(held, "append", one)
            return
        case ast.Call(func=ast.Attribute(value=held, attr="replace"), args=[one, ast.Constant("" | b"")]):
            # What may be meant at the beginning only goes wherever it stands.
            yield from [(node, _called(held, "removeprefix", one))] if isinstance(one, _NAMED) else ()
            blank = isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.isspace()
            yield from [(node, _called(held, "strip", one))] if blank else ()
        case ast.Call(
            func=ast.Attribute(value=held, attr="startswith" | "endswith"), args=[ast.Constant() as one]
        ):
            # Where the text alone is enough, nothing shows that texts that go on are meant.
            yield node, ast.Compare(held, [ast.Eq()], [one])
        case ast.Call(
            func=ast.Attribute(value=held, attr="startswith"), args=[ast.Name() | ast.Attribute() as one]
        ):
            # The beginning of a path or a name, and not of one of its words: `/a` begins `/ab`, too.
            whole, part = ast.unparse(held), ast.unparse(one)
            yield node, _read(f"({whole}.startswith({part}) and not {whole}[len({part}):][:1].isalnum())")
        case ast.Call(func=ast.Attribute(value=held, attr="strip"), args=[one]):
            yield from ((node, _called(held, end, one)) for end in ("lstrip", "rstrip"))
    yield from ((node, one) for one in _passed(node, modules))
    yield from ((node, one) for one in _without_words(node))
    yield from emptied(node)
    if own_name(node.func) in _ITERATING:
        yield from (step for one in node.args for step in _repeated(one))


def _of_comparison(node: ast.Compare, sides: list[list[Step]]) -> Iterator[Step]:
    """The comparison without what both sides go through, which lets more be equal: a test may miss it on both
    and cannot on one; `sides`: the steps of each, where the two are alike."""
    whole = node.left, node.comparators[0]
    if isinstance(node.ops[0], ast.In) and all(isinstance(one, _NAMED) for one in whole):
        # A table or list has no such method, which any test notices.
        yield node, _called(whole[1], "startswith", whole[0])
    match node:
        case ast.Compare(
            ops=[ast.Eq()], comparators=[ast.List(elts=[one]) | ast.Tuple(elts=[one]) | ast.Set(elts=[one])]
        ):
            # The one thing, and not more than it: a test with one thing does not tell.
            yield node, ast.Compare(one, [ast.In()], [node.left])
    for (place, first), (other, second) in zip(*sides, strict=False) if sides else ():
        if (place, other) == whole and isinstance(first, ast.expr) and isinstance(second, ast.expr):
            yield node, ast.Compare(first, node.ops, [second])
    plain = [_Unnamed().visit(copied(one)) for one in whole]
    if all(tree_text(one) != tree_text(other) for one, other in zip(whole, plain, strict=True)):
        yield node, ast.Compare(plain[0], node.ops, plain[1:])


def _of_texts(node: ast.GeneratorExp | ast.ListComp | ast.SetComp) -> Iterator[Step]:
    """For what is sought in each of many texts: that the text is it."""
    names = {one.target.id for one in node.generators if isinstance(one.target, ast.Name)}
    for one in walk(node):
        match one:
            case ast.Compare(
                left=ast.Constant(str()) as part, ops=[ast.In()], comparators=[ast.Name(name) as held]
            ):
                yield from [(one, ast.Compare(held, [ast.Eq()], [part]))] if name in names else ()


def _passed(call: ast.Call, modules: Collection[str]) -> Iterator[ast.expr]:
    """The value that a call adjusts: the object of a method, or the one argument that is no constant."""
    values = [one for one in call.args if not isinstance(one, ast.Constant)]
    name = own_name(call.func)
    match call.func:
        case ast.Attribute(value=ast.Constant()) if len(values) == 1:  # `" ".join(x.split())`
            split = isinstance(values[0], ast.Call) and isinstance(values[0].func, ast.Attribute)
            yield from [values[0].func.value] if split and own_name(values[0].func) == "split" else ()  # type: ignore[attr-defined]
        case ast.Attribute(value=value) if name in _METHODS:
            yield value
        case ast.Name() | ast.Attribute(value=ast.Name()) if len(values) == 1 and _adjusts(call, modules):
            if not isinstance(values[0], ast.Starred) and (name not in _BOUNDING or len(call.args) == 2):
                yield values[0]


def _adjusts(call: ast.Call, modules: Collection[str]) -> bool:
    """True for a function that may hand on what it gets; classes and methods of other objects do not."""
    name, owner = own_name(call.func), dotted(call.func).rpartition(".")[0]
    return not (name in _KEEPING or name[:1].isupper()) and owner in {"", "cls", "self", *modules}


def _without_words(call: ast.Call) -> Iterator[ast.expr]:
    """The call without each switch, flag, function or place to write to that it gets by name."""
    for word in call.keywords:
        switch = isinstance(word.value, ast.Constant) and isinstance(word.value.value, bool)
        known = own_name(word.value) in dir(builtins) or _is_flag(word.value) or word.arg == "file"
        if switch or known or isinstance(word.value, ast.Lambda):
            without = copy.copy(call)
            without.keywords = [one for one in call.keywords if one is not word]
            yield without


def _repeated(value: ast.expr) -> Iterator[Step]:
    """What is iterated backwards, without some, or once for each of some equal values, with all in order."""
    match value:
        case ast.SetComp():
            yield value, ast.ListComp(value.elt, value.generators)
        case ast.Call(func=function, args=[held]) if dotted(function) in _SETS | {"reversed"}:
            yield value, held
        case ast.Call(func=ast.Name("filter"), args=[_, held]):
            yield value, held
        case ast.Subscript(value=held, slice=ast.Slice(None, None, ast.UnaryOp(ast.USub()))):
            yield value, held


def _read(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _called(held: ast.expr, method: str, given: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(held, method), [given], [])


class _Unnamed(ast.NodeTransformer):
    """Leaves the thing in the place of its name: things of the same name need not be the same."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return node.value if node.attr in ("__name__", "__qualname__") else node


def _alike(left: ast.expr, right: ast.expr) -> bool:
    """True for calls of the same function or method, and for the same part of two things."""
    match left, right:
        case ast.Call(func=first), ast.Call(func=second):
            return bool(own_name(first)) and own_name(first) == own_name(second)
        case ast.Subscript(slice=first), ast.Subscript(slice=second):
            return tree_text(first) == tree_text(second)
    return False


def _is_place(index: ast.expr) -> bool:
    """True for the first or the last place: of one element or letter it gives all."""
    return ast.unparse(index) in ("0", "-1")


def _is_flag(node: ast.expr) -> bool:
    """True for `re.DOTALL`: a constant of a module or class."""
    return isinstance(node, ast.Attribute) and node.attr.isupper()
