"""What the file's own code says against a new piece: another parameter has the name that a call asks for, the
same method elsewhere asks for None and not for truth, a local value would do for an attribute, base refuses a
key that is not there.

Each is tried in the place of the piece, and a test should notice: these slips leave most results as they are.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import zip_longest

from nightcrew.validation.reading.names import defaults_of, dotted, names_of, own_name, parameters_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, all_functions, read, tree_text, walk
from nightcrew.validation.tables import Table

_OBJECT = {"self", "cls"}
_MAKING = {"__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__"}
_CHANGING = Table("powers").words("lasting", "changing")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

type Tried = tuple[ast.expr, str]
"""An expression, and a text to try in its place."""


class Habits:
    """What a file's texts before and after say of the new pieces."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def of(self, node: ast.AST, function: str) -> Iterator[Tried]:
        """What to try in an expression, or a statement's condition, of this function (`Class.method`)."""
        if isinstance(node, ast.Call):
            yield from self._misplaced(node, function)
            yield from self._taken(node)
            return
        if isinstance(node, ast.Assign):
            yield from self._borrowed(node, function)
        asked = {*self._asking.get(function.rpartition(".")[2], ()), *self._missing_numbers(function)}
        for place, held, form in _truths(node):
            if tree_text(held) in asked:
                yield place, form.format(ast.unparse(held))

    def kept(self, node: ast.AST, function: str) -> Iterator[tuple[int, int, str]]:
        """For an attribute that nothing outside of the function uses: spans of the new text, each with its
        text where a local value takes the attribute's place."""
        place = self._places.get(function)
        targets = node.targets if isinstance(node, ast.Assign) else []
        if place is None or place.name in _MAKING:
            return
        for target in (one for one in targets if isinstance(one, ast.Attribute)):
            uses = [one for one in walk(place) if isinstance(one, ast.Attribute) and one.attr == target.attr]
            same = all(tree_text(one.value) == tree_text(target.value) for one in uses)
            named = len(re.findall(rf"\b{target.attr}\b", self.new))
            if same and named == len(uses) > 1 and _is_shared(target.value, place):
                yield self._as_local(uses)

    def _missing_numbers(self, function: str) -> Iterator[str]:
        """The trees of a function's numbers that are None where they are not given: 0 is one of them."""
        place = self._places.get(function)
        if place is None:
            return
        for one, value in defaults_of(place.args):
            if ast.unparse(value) == "None" and _is_number(one, place):
                yield tree_text(ast.Name(one.arg, ast.Load()))

    def _borrowed(self, node: ast.Assign, function: str) -> Iterator[Tried]:
        """A copy in the place of what the function was given or an object holds, where it is changed under
        another name."""
        place = self._places.get(function)
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Name() | ast.Attribute() as held) if place:
                if any(_changes(one, name) for after in _following(node, place) for one in walk(after)):
                    yield held, f"{ast.unparse(held)}.copy()"

    def _as_local(self, uses: Sequence[ast.Attribute]) -> tuple[int, int, str]:
        spans = sorted(self._text.span(one) for one in uses)
        start, end = spans[0][0], spans[-1][1]
        text = self.new
        for first, last in reversed(spans):
            text = f"{text[:first]}_{uses[0].attr.strip('_')}_here{text[last:]}"
        return start, end, text[start : len(text) - (len(self.new) - end)]

    def _misplaced(self, call: ast.Call, function: str) -> Iterator[Tried]:
        """A parameter in the place of another argument: it has the name that the called function has there,
        and the call does not use it."""
        place = self._places.get(function)
        names = self._asked_for.get(own_name(call.func), ())
        if place is None or not names:
            return
        used = {one.id for one in walk(call) if isinstance(one, ast.Name)}
        taken = {one.arg for one in parameters_of(place.args)} - _OBJECT
        pairs = [*zip(names, call.args, strict=False), *((one.arg, one.value) for one in call.keywords)]
        for name, given in pairs:
            # A local in the place of a parameter is usually made from it.
            if name in taken - used and isinstance(given, ast.Name) and given.id in taken:
                yield given, str(name)

    def _taken(self, call: ast.Call) -> Iterator[Tried]:
        """A look-up that refuses what is not there, as on base, in place of one with a default; a text that
        may be encoded already."""
        match call:
            case ast.Call(func=ast.Attribute(value=held, attr="get"), args=[key, _], keywords=[]):
                where = tree_text(held)
                if self._looked_up(self.old)[where] > self._looked_up(self.new)[where]:
                    yield call, f"{ast.unparse(held)}[{ast.unparse(key)}]"
            case ast.Call(func=ast.Name("quote" | "quote_plus") as name, args=[text, *_]):
                if re.search(rf"from urllib\.parse import [^\n]{{0,200}}\b{name.id}\b", self.new):
                    yield text, f"__import__('urllib.parse').parse.un{name.id}({ast.unparse(text)})"

    @staticmethod
    def _looked_up(text: str) -> Counter[str]:
        """How often a file looks up an item of each thing."""
        found = (one for one in walk(read(text)) if isinstance(one, ast.Subscript))
        return Counter(tree_text(one.value) for one in found if isinstance(one.ctx, ast.Load))

    @cached_property
    def _text(self) -> SourceText:
        return SourceText(self.new)

    @cached_property
    def _places(self) -> dict[str, Function]:
        return all_functions(read(self.new))

    @cached_property
    def _asked_for(self) -> dict[str, list[str]]:
        """The names of a function's parameters by place, without the object; empty where namesakes differ."""
        found: dict[str, list[list[str]]] = {}
        for node in (one for one in walk(read(self.new)) if isinstance(one, _DEFINITIONS)):
            names = [one.arg for one in [*node.args.posonlyargs, *node.args.args]]
            found.setdefault(node.name, []).append(names[1:] if {*names[:1]} & _OBJECT else names)
        each = {name: zip_longest(*some) for name, some in found.items()}
        return {
            name: [one[0] or "" if len({*one}) == 1 else "" for one in places]
            for name, places in each.items()
        }

    @cached_property
    def _asking(self) -> dict[str, set[str]]:
        """The trees of what base's functions compare with None, by the last part of their names: a method and
        those that override it count together."""
        found: dict[str, set[str]] = {}
        for place, held in all_functions(read(self.old)).items():
            found.setdefault(place.rpartition(".")[2], set()).update(
                tree_text(one.left)
                for one in walk(held)
                if isinstance(one, ast.Compare) and isinstance(one.ops[0], ast.Is | ast.IsNot)
                if isinstance(one.comparators[0], ast.Constant) and one.comparators[0].value is None
            )
        return found


# ---------------------------------------------------------------------------------------------------------


def _is_number(one: ast.arg, place: Function) -> bool:
    """True for a parameter that is annotated as a number, compared by order, or bounds something."""
    if one.annotation is not None:
        return {"int", "float"} & names_of(one.annotation) != set()
    for node in walk(place):
        match node:
            case ast.Call(func=ast.Name("max" | "min"), args=held):
                asked = held
            case ast.Compare(
                left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[right]
            ):
                asked = [left, right]
            case _:
                continue
        if any(isinstance(other, ast.Name) and other.id == one.arg for other in asked):
            return True
    return False


def _truths(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """The expressions of which a condition takes the truth: what to replace, the expression, and a form that
    asks for None instead."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=held):
            yield node, held, "({} is None)"
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield test, test, "({} is not None)"
        case ast.BoolOp(op=ast.And(), values=values):
            yield from ((one, one, "({} is not None)") for one in values[:-1])
        case ast.BoolOp(op=ast.Or(), values=[first, second]):
            yield node, first, f"({{0}} if {{0}} is not None else {ast.unparse(second)})"


def _following(node: ast.stmt, place: Function) -> list[ast.stmt]:
    """The statements after this one in its block; `place` may be read anew from the same text."""
    for outer in walk(place):
        for name in ("body", "orelse", "finalbody"):
            block = held if isinstance(held := getattr(outer, name, None), list) else []
            if node.lineno in (places := [one.lineno for one in block]):
                return block[places.index(node.lineno) + 1 :]
    return []


def _changes(node: ast.AST, name: str) -> bool:
    """True for what changes a list, a table or a set of this name."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(held), attr=way)):
            return held == name and way in _CHANGING
        case ast.Subscript(value=ast.Name(held), ctx=ast.Store() | ast.Del()):
            return held == name
    return False


def _is_shared(holder: ast.expr, place: Function) -> bool:
    """True for the object itself and for what the function has not made, as a class or a module."""
    root = dotted(holder).partition(".")[0]
    bound = {one.id for one in walk(place) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    taken = {one.arg for one in parameters_of(place.args)} - _OBJECT
    return bool(root) and root not in bound | taken
