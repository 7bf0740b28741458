"""Expressions before and after: the smallest edits that restore base's expression, and new expressions
without one of their operands, branches or conditions."""

import ast
import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from nightcrew.validation.faults.adjustments import steps
from nightcrew.validation.faults.habits import Habits
from nightcrew.validation.faults.notes import (
    ALTERNATIVE,
    BACK,
    CONDITION,
    FILTER,
    FOR_READERS,
    GONE,
    MESSAGE,
    OPERAND,
    RETURNED,
    Notes,
)
from nightcrew.validation.faults.siblings import Siblings, nearby
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import copied, tree_text, walk

MOST_ENTRIES = 8  # entries of one list that are tried one by one
PLACED = (ast.expr, ast.stmt, ast.keyword, ast.excepthandler, ast.pattern)
_LEAVES = (ast.Constant, ast.Name, ast.JoinedStr, ast.Lambda)


class Expressions(Notes):
    """Notes edits of expressions."""

    def __init__(self, old: SourceText, new: SourceText) -> None:
        super().__init__(new)
        self.old = old
        self.siblings = Siblings(old.text, new.text)
        self.habits = Habits(old.text, new.text)

    def values(self, before: object, value: object, parent: ast.AST, message: bool) -> bool:
        """Compares one field of two nodes of the same type; False where only the whole can be restored."""
        if _dumped(before) == _dumped(value):
            return True
        if value is not None and value in (getattr(parent, "iter", None), getattr(parent, "test", None)):
            # What is gone through and what decides have steps that only the statement around them tells.
            self.each_step(parent)
        if isinstance(value, ast.AST) and isinstance(before, ast.AST):
            is_help = isinstance(parent, ast.keyword) and parent.arg in FOR_READERS
            return self.expression(before, value, message or is_help)
        if not (isinstance(value, list) and isinstance(before, list)):
            return False
        # Only an expression can be written anew without one entry; a statement's list has no text of its own.
        if isinstance(parent, ast.expr | ast.Delete):
            return self._entries(
                before, value, lambda rest: self._unlisted(parent, value, rest, ALTERNATIVE), message
            )
        return len(value) == len(before) and self._entries(before, value, lambda _: False, message)

    def expression(self, old: ast.AST, new: ast.AST, message: bool = False) -> bool:
        """Notes the smallest expressions that differ from base; False where they have no position."""
        if _dumped(old) == _dumped(new):
            return True
        placed = isinstance(new, ast.expr | ast.keyword | ast.pattern) and isinstance(old, PLACED)
        if isinstance(new, ast.Dict) and isinstance(old, ast.Dict) and self._table(old, new, message):
            return True
        if self._put_around(old, new):
            return True
        self._called_otherwise(old, new)
        # Another kind of node, or another operator, has no parts that could be restored one by one.
        whole = type(old) is not type(new) or isinstance(new, _LEAVES) or _scalars(old) != _scalars(new)
        at, placed_inside = len(self.found), not whole
        for name, value in ast.iter_fields(new) if placed_inside else ():
            placed_inside = placed_inside and self.values(getattr(old, name), value, new, message)
        if not placed_inside and placed:
            # What was noted inside would be tried twice, because the whole expression is restored now.
            del self.found[at:]
            text = _is_text(new) and _is_text(old)
            kind = MESSAGE if message and text else ALTERNATIVE if _adds_to(new, old) else BACK
            self.note(new, self.old.of(old), kind)  # type: ignore[arg-type]
            self.inner(walk(new), {_dumped(one) for one in walk(old)})
        return placed_inside or placed

    def _entries(
        self,
        old: Sequence[ast.AST],
        new: Sequence[ast.AST],
        without: Callable[[list[ast.AST]], bool],
        message: bool = False,
    ) -> bool:
        """Compares lists of arguments, operands or elements; False where only the whole can be restored."""
        placed = True
        for tag, i, j, k, m in aligned(old, new):
            if tag == "replace" and j - i == m - k:
                pairs = zip(old[i:j], new[k:m], strict=True)
                # `min` and not `all`: every pair is compared, also after one that has no place.
                placed &= min(self.expression(first, second, message) for first, second in pairs)
            elif tag != "equal":
                fresh = new[k:m][:MOST_ENTRIES]
                # Without each new entry alone, then as on base: a test may notice all of them and none by
                # itself.
                rests = [[node for node in new if node is not one] for one in fresh]
                rests += [[*new[:k], *old[i:j], *new[m:]]] if j > i else []
                placed &= min(map(without, rests), default=True)
                self.inner(part for one in fresh for part in walk(one))
        return placed

    def _unlisted(
        self, node: ast.AST, value: list[ast.AST], rest: list[ast.AST], kind: str = OPERAND
    ) -> bool:
        """Notes the node with other elements in a list."""
        if not isinstance(node, ast.expr | ast.Delete):
            return False
        changed = copy.copy(node)
        for name, held in ast.iter_fields(node):
            if held is value:
                setattr(changed, name, rest)
        # `and` of a single operand cannot be written; it is that operand.
        alone = isinstance(node, ast.BoolOp) and len(rest) == 1
        text = _unparse(rest[0] if alone else changed)
        if text:
            self.note(node, f"({text})" if isinstance(node, ast.BoolOp) else text, kind)
        return bool(text)

    def _table(self, old: ast.Dict, new: ast.Dict, message: bool) -> bool:
        """Compares the entries of a table by their keys."""
        known = {tree_text(key): value for key, value in zip(old.keys, old.values, strict=True) if key}
        keys = [tree_text(key) for key in new.keys if key]
        # A None key is `**other`: what it brings is known at run time only.
        if None in new.keys or None in old.keys or not known.keys() & set(keys):
            return False
        for key, value in zip(keys, new.values, strict=True):
            if key in known:
                self.expression(known[key], value, message)
        for at in [at for at, key in enumerate(keys) if key not in known][:MOST_ENTRIES]:
            rest = ast.Dict([*new.keys[:at], *new.keys[at + 1 :]], [*new.values[:at], *new.values[at + 1 :]])
            self.note(new, _unparse(rest), ALTERNATIVE)
        gone = [at for at, key in enumerate(old.keys) if key and tree_text(key) not in keys]
        if gone:
            table = ast.Dict([*new.keys, *(old.keys[at] for at in gone)], list(new.values))
            table.values += [old.values[at] for at in gone]
            self.note(new, _unparse(table), RETURNED)
        return True

    def each_entry(self, node: ast.expr) -> None:
        """Notes a new table or list without some of its entries, spread over all of them."""
        held = next((one for one in walk(node) if isinstance(one, ast.Dict | ast.List | ast.Set)), None)
        if held is None:
            return
        nodes = held.values if isinstance(held, ast.Dict) else held.elts
        # Neighbouring entries of a long table are usually tested by the same case, so the tries are spread.
        for at in range(len(nodes))[:: max(1, -(-len(nodes) // MOST_ENTRIES))]:
            rest = copied(held)
            if isinstance(rest, ast.Dict):
                del rest.keys[at], rest.values[at]
            else:
                del rest.elts[at]
            self.note(held, _unparse(rest), ALTERNATIVE)

    def _put_around(self, old: ast.AST, new: ast.AST) -> bool:
        """True where calls or subscripts are put around base's expression: notes it as on base, and without
        each of them."""
        links: list[tuple[ast.expr, ast.expr]] = []
        node: ast.AST | None = new
        while isinstance(node, ast.expr) and _dumped(node) != _dumped(old):
            wrapped = _wrapped(node)
            links += [(node, wrapped)] if wrapped is not None else []
            node = wrapped
        if not isinstance(node, ast.expr) or not isinstance(new, ast.expr):
            return False
        self.note(new, self.new.of(node), BACK)
        for link, wrapped in links:
            if len(links) > 1:
                self.note(link, self.new.of(wrapped), ALTERNATIVE)
            for place, other in nearby(link, self.siblings.known, self.new.text):
                self.note(place, other, ALTERNATIVE)
            self.each_step(link)
        return True

    def inner(self, parts: Iterable[ast.AST], known: Collection[str] = ()) -> None:
        """Notes operands, branches and conditions inside new expressions, without those that base has."""
        for part in parts:
            if _dumped(part) in known:
                continue
            if isinstance(part, ast.BoolOp):
                self.one_by_one(part, part.values)
            elif isinstance(part, ast.IfExp):
                # Each branch is tried alone: a test that runs only one of them cannot tell them apart.
                self.note(part, f"({self.new.of(part.body)})", CONDITION)
                self.note(part, f"({self.new.of(part.orelse)})", GONE)
            elif isinstance(part, ast.comprehension):
                for test in part.ifs:
                    self.note(test, "(True)", FILTER)
            for table in _alternatives(part):
                self.one_by_one(table, table.elts, ALTERNATIVE)
            self.each_step(part)
            if isinstance(part, ast.expr):
                for other in self.siblings.of(part):
                    self.note(part, other, ALTERNATIVE)
                for place, other in nearby(part, self.siblings.known, self.new.text):
                    self.note(place, other, ALTERNATIVE)

    def _called_otherwise(self, old: ast.AST, new: ast.AST) -> None:
        """Notes what another call adjusts, and the new entries of a list of alternatives."""
        for table in _alternatives(new):
            self.one_by_one(table, table.elts, ALTERNATIVE, {_dumped(one) for one in walk(old)})
        if isinstance(new, ast.Call) and isinstance(old, ast.Call) and _dumped(new.func) != _dumped(old.func):
            self.each_step(new)

    def each_step(self, node: ast.AST) -> None:
        """Notes a new expression or statement without each of its steps, and as the file has it elsewhere."""
        for place, other in steps(node, self.siblings.modules, self.siblings.tables):
            self.note(place, _unparse(other), ALTERNATIVE)
        function = ".".join(self.scope)
        for held, text in (*self.siblings.formerly(node), *self.habits.of(node, function)):
            self.note(held, text, ALTERNATIVE)
        for edit in self.habits.kept(node, function):
            self.edit(*edit, ALTERNATIVE)

    def one_by_one(
        self, node: ast.expr, parts: list[ast.expr], kind: str = OPERAND, known: Collection[str] = ()
    ) -> None:
        """Notes the expression without each of these parts, where there are several, but those in `known`."""
        for one in parts if len(parts) > 1 else ():
            if _dumped(one) in known:
                continue
            rest: list[ast.AST] = [part for part in parts if part is not one]
            self._unlisted(node, parts, rest, kind)  # type: ignore[arg-type]


def aligned(old: Sequence[ast.AST], new: Sequence[ast.AST]) -> Sequence[tuple[str, int, int, int, int]]:
    """Which nodes of two lists are equal, added, removed or replaced."""
    first, second = list(map(_dumped, old)), list(map(_dumped, new))
    return SequenceMatcher(None, first, second, autojunk=False).get_opcodes()


def own_expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement, without those of statements inside it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(node))
    while waiting:
        part = waiting.pop()
        if not isinstance(part, ast.stmt | ast.excepthandler | ast.match_case):
            yield part
            waiting.extend(ast.iter_child_nodes(part))


# ---------------------------------------------------------------------------------------------------------


def _wrapped(node: ast.AST) -> ast.expr | None:
    """What a call or a subscript is made of: `x` in `x.f(1)`, `x[1]` and `f(x)`."""
    match node:
        case ast.Call(func=ast.Attribute(value=value)) | ast.Subscript(value=value):
            return value
        case ast.Call(args=[value], keywords=[]):
            return value
    return None


def _alternatives(node: ast.AST) -> list[ast.Tuple | ast.List | ast.Set]:
    """The list of which one entry is enough: of `in`, and of types."""
    found: list[ast.expr] = []
    match node:
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            found = node.comparators
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, types]):
            found = [types]
    return [one for one in found if isinstance(one, ast.Tuple | ast.List | ast.Set)]


def _adds_to(new: ast.AST, old: ast.AST) -> bool:
    """True where base's expression is one operand or one branch of the new one."""
    parts = ast.iter_child_nodes(new) if isinstance(new, ast.BoolOp | ast.IfExp) else ()
    return _dumped(old) in map(_dumped, parts)


def _dumped(value: object) -> str:
    if isinstance(value, list):
        return repr([_dumped(one) for one in value])
    return tree_text(value) if isinstance(value, ast.AST) else repr(value)


def _is_text(node: ast.AST) -> bool:
    """True for a text, also one with values in it that nothing is called for."""
    if isinstance(node, ast.JoinedStr):
        return not any(isinstance(one, ast.Call | ast.Await | ast.NamedExpr) for one in walk(node))
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _scalars(node: ast.AST) -> list[str]:
    """The values of a node that are not nodes: an operator, a name."""
    words = (ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
    found = [
        value
        for _, value in ast.iter_fields(node)
        if not isinstance(value, ast.AST) or isinstance(value, words)
    ]
    return [
        _dumped(one) for one in found if not isinstance(one, list) or isinstance((one or [None])[0], words)
    ]


def _unparse(node: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(node))
    # A node that was put together by hand can be invalid, such as a table with more keys than values.
    except (ValueError, AttributeError, TypeError, IndexError):
        return ""
