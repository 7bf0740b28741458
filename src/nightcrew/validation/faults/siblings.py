"""Expressions of base from which a new one differs in a detail: an operator, a number, an argument.

Where base writes `get(key, MISSING) == value` and the change `get(key) is value`, a test should show why. An
expression that the change takes away may also differ in its names and values: it may have moved.
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property

from nightcrew.validation.reading.suite import copied, read, tree_text, walk

MOST = 3  # expressions of base that one new expression is compared with
_OPPOSITES = (
    {ast.Eq, ast.NotEq},
    {ast.Is, ast.IsNot},
    {ast.In, ast.NotIn},
    {ast.Lt, ast.GtE},
    {ast.Gt, ast.LtE},
)
_MOST_NUMBER = 1e300  # a larger int is no float
LEAST_NUMBER = 10  # smaller ones count places and parts, which other edits try
_INCLUSIVE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_MEMBER, _EQUAL = (ast.In, ast.NotIn), (ast.Eq, ast.NotEq)
_NEGATED = (ast.NotIn, ast.NotEq)
_LOOKS = dict.fromkeys(
    ("isalpha", "isdecimal", "isdigit", "isidentifier", "isnumeric", "isprintable"), "isalnum"
)
_LOOKS |= {"isalnum": "isalpha", "isascii": "isalpha"}  # methods that ask what a text consists of
_TABLES = {"{}", "dict()", "OrderedDict()", "collections.OrderedDict()"}
_EMPTY = {"[]", "set()", "list()", *_TABLES}
_MOVABLE = (ast.BinOp, ast.Call, ast.Compare, ast.Subscript)

type Key = tuple[str, ...]
type Known = dict[Key, dict[str, ast.AST]]


class Siblings:
    """The expressions of base's text, found by what they share with an expression of the new text."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def of(self, node: ast.AST) -> list[str]:
        """The texts of those that differ from `node` in a detail; none where base has `node` itself. Of a new
        name of the module for an empty list or table, which all calls share: one of a call alone, and a copy.
        """
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return [self._shared[node.id], f"{node.id}.copy()"] if node.id in self._shared else []
        near = {dump: one for key in _keys(node) for dump, one in self._known.get(key, {}).items()}
        found = {
            dump: one for dump, one in near.items() if _has_more(node, one) and not _is_opposite(node, one)
        }
        if isinstance(node, _MOVABLE):
            found |= self._gone.get(_form(node), {})
        # An expression that base has too is not new, so it needs no test that tells it from others.
        if not found or tree_text(node) in near:
            return []
        return [ast.unparse(one) for one in found.values()][:MOST]

    def formerly(self, node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
        """The value of an assignment, with what base binds to the same name, from the same values, in a
        statement that is gone: code that moves should do the same."""
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                given = {one.id for one in walk(value) if isinstance(one, ast.Name)}
                gone = (one for one in self._unbound.get(name, ()) if tree_text(one) != tree_text(value))
                yield from [(value, ast.unparse(one)) for one in gone if given & _taken(one)][:MOST]

    @cached_property
    def known(self) -> frozenset[str]:
        """The dumps of base's expressions, and with which letters base compares which attributes."""
        nodes = [*walk(read(self.old))]
        words = (_word(one.left, one.comparators[0]) for one in nodes if isinstance(one, ast.Compare))
        return frozenset([*(tree_text(one) for one in nodes if isinstance(one, ast.expr)), *words])

    @cached_property
    def modules(self) -> frozenset[str]:
        """The names of modules that the new text imports."""
        found = (one for one in walk(read(self.new)) if isinstance(one, ast.Import))
        return frozenset(one.asname or one.name for node in found for one in node.names)

    @cached_property
    def tables(self) -> frozenset[str]:
        """The names that the new text binds to an empty table."""
        found = (one for one in walk(read(self.new)) if isinstance(one, ast.Assign | ast.AnnAssign))
        empty = [one for one in found if one.value is not None and ast.unparse(one.value) in _TABLES]
        heads = (head for one in empty for head in getattr(one, "targets", [getattr(one, "target", None)]))
        return frozenset(one.id for one in heads if isinstance(one, ast.Name))

    @cached_property
    def _known(self) -> Known:
        found: Known = {}
        for node in walk(read(self.old)):
            for key in _keys(node):
                found.setdefault(key, {})[tree_text(node)] = node
        return found

    @cached_property
    def _shared(self) -> dict[str, str]:
        known = {one.id for one in walk(read(self.old)) if isinstance(one, ast.Name)}
        found = (one for one in read(self.new).body if isinstance(one, ast.Assign))
        bound = [(target, ast.unparse(one.value)) for one in found for target in one.targets]
        return {
            target.id: text
            for target, text in bound
            if isinstance(target, ast.Name) and target.id not in known and text in _EMPTY
        }

    @cached_property
    def _unbound(self) -> dict[str, list[ast.Call]]:
        """The calls whose results base binds to a name, and the new text does not."""
        left = Counter(tree_text(one) for one in walk(read(self.new)) if isinstance(one, ast.Assign))
        found: dict[str, list[ast.Call]] = {}
        for node in walk(read(self.old)):
            match node:
                case ast.Assign(targets=[ast.Name(name)], value=ast.Call() as value):
                    left[tree_text(node)] -= 1
                    if left[tree_text(node)] < 0:
                        found.setdefault(name, []).append(value)
        return found

    @cached_property
    def _gone(self) -> Known:
        """The expressions that the new text does not have any more, by their form."""
        left = Counter(tree_text(one) for one in walk(read(self.new)) if isinstance(one, _MOVABLE))
        found: Known = {}
        for node in (one for one in walk(read(self.old)) if isinstance(one, _MOVABLE)):
            dump = tree_text(node)
            # Counted and not only looked up: of three equal expressions, one can go.
            left[dump] -= 1
            if left[dump] < 0:
                found.setdefault(_form(node), {})[dump] = node
        return found


def nearby(node: ast.AST, known: Collection[str], text: str) -> Iterator[tuple[ast.expr, str]]:
    """Expressions of `node`, in `text`, with what is tried in their place; `known`: dumps of base's nodes."""
    match node:
        case ast.Subscript(slice=index) if (place := _number(index)) is not None and place == int(place):
            yield index, str(int(place) + (1 if place > 0 else -1))
        case ast.Call(func=ast.Attribute(value=asked, attr=look), args=[]) if look in _LOOKS:
            yield node, f"({ast.unparse(asked)}).{_LOOKS[look]}()"
        case ast.Compare(left=left, ops=[_], comparators=[right]):
            # `if x < 0: x = 0` does the same for 0 either way.
            if f"{ast.unparse(left)} = {ast.unparse(right)}\n" not in text:
                yield from ((node, f"({other})") for other in _compared_otherwise(node, known))
        case ast.Constant() | ast.BinOp() | ast.UnaryOp() if tree_text(node) not in known:
            value = _number(node)
            # Doubled and one more, so that neither a multiple nor a rounded value is equal by chance.
            if value is not None and abs(value) >= LEAST_NUMBER:
                yield node, f"(2 * ({ast.unparse(node)}) + 1)"


# ---------------------------------------------------------------------------------------------------------


def _compared_otherwise(node: ast.Compare, known: Collection[str]) -> Iterator[str]:
    """The comparison with its bound, with numbers beside its own, or with any letter."""
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    # Only where both sides are counted does the bound itself occur often enough to be tested.
    if type(operator) in _INCLUSIVE and (_is_counted(left) or _is_counted(right)):
        yield ast.unparse(ast.Compare(left, [_INCLUSIVE[type(operator)]()], [right]))
    elif isinstance(operator, ast.Eq) and abs(_number(right) or 0) >= LEAST_NUMBER:
        # One number of many: the smaller or the larger ones may be meant as well.
        for order in (ast.GtE(), ast.LtE()) if tree_text(node) not in known else ():
            yield ast.unparse(ast.Compare(left, [order], [right]))
    held = ""
    if isinstance(operator, _MEMBER) and _is_letter(left):
        held = f"any(one.isalpha() for one in ({ast.unparse(right)}))"
    elif isinstance(operator, _EQUAL) and _is_letter(right) and _word(left, right) not in known:
        held = f"({ast.unparse(left)}).isalpha()"
    if held:
        yield f"not {held}" if isinstance(operator, _NEGATED) else held


def _keys(node: ast.AST) -> Iterator[Key]:
    """What an expression shares with those that differ from it in one detail."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield "operator", tree_text(left), tree_text(right)
            if isinstance(right, ast.Constant) and isinstance(right.value, int | float):
                yield "number", tree_text(left), type(operator).__name__
        case ast.Call(args=[first, *_]):
            yield "arguments", tree_text(node.func), tree_text(first)
            if isinstance(node.func, ast.Attribute):
                yield "method", tree_text(node.func.value), *sorted(_arguments(node))
        case ast.Subscript(slice=ast.Slice() as cut) if not any(
            isinstance(one, ast.Name) for one in walk(cut)
        ):
            yield "slice", tree_text(node.value)


def _form(node: ast.AST) -> Key:
    """The expression without its values and its names, but those of called functions."""
    plain = copied(node)
    called = {id(one.func) for one in walk(plain) if isinstance(one, ast.Call)}
    for one in walk(plain):
        if isinstance(one, ast.Name) and id(one) not in called:
            one.id = "_"
        elif isinstance(one, ast.Constant):
            one.value = type(one.value).__name__
    return ("form", tree_text(plain))


def _has_more(node: ast.AST, other: ast.AST) -> bool:
    """True where base gives a call all that `node` gives it, and more, or gives it to another method; and for
    what is no call."""
    if not (isinstance(node, ast.Call) and isinstance(other, ast.Call)):
        return True
    first, second = _arguments(node), _arguments(other)
    return first < second or (first == second and tree_text(node.func) != tree_text(other.func))


def _arguments(node: ast.AST) -> set[str]:
    return {tree_text(one) for one in [*node.args, *node.keywords]} if isinstance(node, ast.Call) else set()


def _taken(call: ast.Call) -> set[str]:
    """The plain names that a call is given."""
    return {one.id for one in call.args if isinstance(one, ast.Name)}


def _is_opposite(node: ast.AST, other: ast.AST) -> bool:
    """True for comparisons of which one is false where the other is true: any test tells them apart."""
    if not (isinstance(node, ast.Compare) and isinstance(other, ast.Compare)):
        return False
    return {type(node.ops[0]), type(other.ops[0])} in _OPPOSITES


def _is_counted(node: ast.expr) -> bool:
    """True for numbers and sizes; other values, as times and weights, are rarely the same."""
    return _number(node) is not None or (isinstance(node, ast.Call) and ast.unparse(node.func) == "len")


def _word(asked: ast.expr, value: ast.expr) -> str:
    """Names the comparison of an attribute, of whatever object, with a value; a letter may be base's name of
    a kind, as in `token.type == "S"`."""
    name = asked.attr if isinstance(asked, ast.Attribute) else ""
    return f".{name} == {ast.unparse(value)}" if name and isinstance(value, ast.Constant) else ""


def _is_letter(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and len(node.value) == 1
        and node.value.isalpha()
    )


def _number(node: ast.AST) -> float | None:
    """A number, or an expression of numbers: `-1`, `60 * 60`, `10**6`."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value) if abs(value) < _MOST_NUMBER else None
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            held = _number(inner)
            return None if held is None else -held
        case ast.BinOp(left=left, op=operator, right=right):
            first, second = _number(left), _number(right)
            # The bounds keep an untrusted `9**9**9` from being computed.
            if first is None or second is None or abs(first) > 1e9 or abs(second) > 1e3:
                return None
            if isinstance(operator, ast.Mult):
                return first * second
            if isinstance(operator, ast.Pow) and abs(second) <= 30:
                return float(abs(first) ** second)
            return first + second
    return None
