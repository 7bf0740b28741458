"""The parts of a change to a Python file, each as the edit that takes it away again.

The trees before and after are laid side by side. What differs is brought back to base's text; what is new
goes: a statement, a branch, a condition, an operand, an entry. What only looks different is no part.
"""

import ast
import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from nightcrew.validation.faults.mutants import Mutant, is_silent
from nightcrew.validation.reading.form import behaving, imported, is_declaration
from nightcrew.validation.reading.same_code import same_function
from nightcrew.validation.reading.source_text import Node, SourceText
from nightcrew.validation.reading.suite import Function

BACK, GONE, CONDITION, OPERAND, RETURNED = "as on base", "taken away", "unconditional", "without", "put back"
ALTERNATIVE = "without the alternative"
"""An operand more in an `or` that base has: it lets through what was not let through."""
WHOLE = "the whole file"
MESSAGE = "message"
"""Words that nobody but a reader acts on: said, and not tried."""
MOST_ENTRIES = 8  # of one list that are tried one by one
_ALIKE = 0.4  # statements that share less than that are other statements
_DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "finalbody")
_LEAVES = (ast.Constant, ast.Name, ast.JoinedStr, ast.Lambda)
_PLACED = (ast.expr, ast.stmt, ast.keyword, ast.excepthandler, ast.pattern)
type Branch = ast.ExceptHandler | ast.match_case


def parts_of(before: str, after: str) -> tuple[Mutant, ...]:
    """Every part of the change in the order of the text; some edits may not compile.

    Empty where one of the texts is not Python, or both do the same.
    """
    old, new = behaving(before), behaving(after)
    if old is None or new is None:
        return ()
    finder = _Finder(SourceText(before), SourceText(after))
    finder.blocks(old.body, new.body)
    unique = {(one.start, one.end, one.text.strip("()")): one for one in reversed(finder.found)}
    return tuple(sorted(unique.values(), key=lambda one: (one.start, -one.end, one.text)))


class _Finder:
    """Notes edits of the new text."""

    def __init__(self, old: SourceText, new: SourceText) -> None:
        self.old, self.new = old, new
        self.found: list[Mutant] = []
        self.scope: list[str] = []
        self.depth = 0  # functions around us
        self.statement = 1
        self.last: ast.stmt | None = None  # of the function around us

    # -- statements side by side --

    def blocks(self, old: list[ast.stmt], new: list[ast.stmt]) -> None:
        """The statements of one block before and after; definitions are found by their names."""
        self._imports(old, new)
        named = {_name(node): node for node in old if isinstance(node, _DEFS)}
        kept = {_name(node) for node in new if isinstance(node, _DEFS)}
        for node in new:
            if isinstance(node, _DEFS):
                self._definition(named.get(_name(node)), node)
        plain_old = [node for node in old if _is_plain(node) and _name(node) not in kept]
        plain_new = [node for node in new if _is_plain(node)]
        for tag, i, j, k, m in _aligned(plain_old, plain_new):
            if tag != "equal":
                first = next(iter(new), None) if not plain_new else None
                at = plain_new[k] if k < len(plain_new) else first
                self._differing(plain_old[i:j], plain_new[k:m], at, plain_new[k - 1] if k else None)

    def _imports(self, old: list[ast.stmt], new: list[ast.stmt]) -> None:
        known = imported(old)
        for key, (node, alias) in imported(new).items():
            if key not in known:
                rest = [one for one in node.names if one is not alias]
                self.statement = node.lineno
                self.note(node, _unparsed(node, "names", rest) if rest else "pass", GONE)

    def _definition(self, old: ast.stmt | None, new: ast.stmt) -> None:
        if old is None or type(old) is not type(new):
            self.added(new)
        elif isinstance(new, ast.ClassDef):
            assert isinstance(old, ast.ClassDef)
            self.statement = new.lineno
            self._header(old, new, [*old.bases, *old.keywords], [*new.bases, *new.keywords])
            leave = self._inside(new.name, function=False)
            self.blocks(old.body, new.body)
            leave()
        elif isinstance(new, ast.FunctionDef | ast.AsyncFunctionDef):
            assert isinstance(old, ast.FunctionDef | ast.AsyncFunctionDef)
            self._function(old, new)

    def _function(self, old: Function, new: Function) -> None:
        if same_function(old, new):
            return
        self.statement = new.lineno
        self._header(old, new, [old.args], [new.args])
        leave = self._inside(new.name, function=True, last=new.body[-1])
        self.blocks(old.body, new.body)
        leave()

    def _header(
        self, old: ast.stmt, new: ast.stmt, first: Sequence[ast.AST], second: Sequence[ast.AST]
    ) -> None:
        self._decorated(old, new)
        if list(map(ast.dump, first)) == list(map(ast.dump, second)):
            return
        if self._defaults(first, second):
            return
        spans = self.old.header(old), self.new.header(new)
        if spans[0] is not None and spans[1] is not None:
            self._edit(*spans[1], self.old.text[slice(*spans[0])], BACK)

    def _decorated(self, old: ast.stmt, new: ast.stmt) -> None:
        """Decorators that came, went, or are given other values."""
        before, after = _decorators(old), _decorators(new)
        kept = {ast.dump(one) for one in before} & {ast.dump(one) for one in after}
        went = [one for one in before if ast.dump(one) not in kept]
        for one in after:
            other = next((some for some in went if _called(some) == _called(one)), None)
            if ast.dump(one) in kept:
                continue
            if other is None:
                self._without_decorator(one)
            else:
                went.remove(other)
                self.expression(other, one)
        start = self.new.whole(new)[0]
        gap = "\n" + " " * self._indent(start)
        for one in went:
            self._edit(start, start, f"@{self.old.of(one)}{gap}", RETURNED)

    def _defaults(self, first: Sequence[ast.AST], second: Sequence[ast.AST]) -> bool:
        """True where parameters differ in nothing but the values of their defaults, one by one."""
        old, new = first[0] if first else None, second[0] if second else None
        if not (isinstance(old, ast.arguments) and isinstance(new, ast.arguments)):
            return False
        pairs = [
            *zip(old.defaults, new.defaults, strict=False),
            *zip(old.kw_defaults, new.kw_defaults, strict=False),
        ]
        bare = [ast.unparse(_without_defaults(one)) for one in (old, new)]
        if (
            bare[0] != bare[1]
            or len(old.defaults) != len(new.defaults)
            or any((a is None) != (b is None) for a, b in pairs)
        ):
            return False
        return min(
            (self.expression(a, b) for a, b in pairs if a is not None and b is not None), default=False
        )

    def _differing(
        self, old: list[ast.stmt], new: list[ast.stmt], at: ast.stmt | None, before: ast.AST | None
    ) -> None:
        """A run of statements that are others than on base: those alike side by side, the rest came or
        went."""
        pairs = _paired(old, new)
        for first, second in pairs:
            self.statement = second.lineno
            self._alike(first, second)
        came = [node for node in new if all(node is not second for _, second in pairs)]
        went = [node for node in old if all(node is not first for first, _ in pairs)]
        went = [node for node in went if not is_declaration(node) and not is_silent_statement(node)]
        if went and new and not pairs:
            self.statement = new[0].lineno
            start, end = self.new.run(new)
            self._edit(start, end, self.old.block(went, self._indent(start)), BACK)
        elif went:
            self._put_back(went, at or before, behind=at is None)
        for node in came:
            self.added(node)

    def _put_back(self, went: list[ast.stmt], place: ast.AST | None, *, behind: bool) -> None:
        if not isinstance(place, ast.stmt):
            return
        self.statement = place.lineno
        start, end = self.new.whole(place)
        text = self.old.block(went, self._indent(start))
        gap = "\n" + " " * self._indent(start)
        self._edit(*((end, end, gap + text) if behind else (start, start, text + gap)), RETURNED)

    def _indent(self, offset: int) -> int:
        return offset - self.new.starts[self.new.line_of(offset) - 1]

    def _alike(self, old: ast.stmt | Branch, new: ast.stmt | Branch) -> None:
        """Two statements of the same type: their blocks side by side, and what stands before these."""
        message = isinstance(new, ast.Raise) or (isinstance(new, ast.stmt) and is_silent_statement(new))
        for name, value in ast.iter_fields(new):
            before = getattr(old, name)
            if name in _BLOCKS and isinstance(value, list):
                self.blocks(before, value)
            elif name in ("handlers", "cases"):
                for first, second in zip(before, value, strict=False):
                    self._alike(first, second)
                for one in value[len(before) :]:
                    self._branch(one)
            elif not self._values(before, value, new, message):
                self._whole(old, new)

    def _whole(self, old: ast.AST, new: ast.AST) -> None:
        if isinstance(new, _PLACED) and isinstance(old, _PLACED):
            self.note(new, self.old.of(old), BACK)

    # -- expressions side by side --

    def _values(self, before: object, value: object, parent: ast.AST, message: bool) -> bool:
        """One field of two nodes of the same type; False where only the whole can be brought back."""
        if _dumped(before) == _dumped(value):
            return True
        if isinstance(value, ast.AST) and isinstance(before, ast.AST):
            return self.expression(before, value, message)
        if not (isinstance(value, list) and isinstance(before, list)):
            return False
        if isinstance(parent, ast.expr | ast.Delete):
            return self._entries(
                before, value, lambda rest: self._unlisted(parent, value, rest, is_known=True), message
            )
        return len(value) == len(before) and self._entries(before, value, lambda _: False, message)

    def expression(self, old: ast.AST, new: ast.AST, message: bool = False) -> bool:
        """The smallest expressions that are others than on base; False where they have no place."""
        if _dumped(old) == _dumped(new):
            return True
        placed = isinstance(new, ast.expr | ast.keyword | ast.pattern) and isinstance(old, _PLACED)
        if isinstance(new, ast.Dict) and isinstance(old, ast.Dict) and self._table(old, new, message):
            return True
        whole = type(old) is not type(new) or isinstance(new, _LEAVES) or _scalars(old) != _scalars(new)
        at, told = len(self.found), not whole
        for name, value in ast.iter_fields(new) if told else ():
            told = told and self._values(getattr(old, name), value, new, message)
        if not told and placed:
            del self.found[at:]
            text = isinstance(new, ast.Constant) and isinstance(new.value, str)
            self.note(new, self.old.of(old), MESSAGE if message and text else BACK)  # type: ignore[arg-type]
            self._inner(ast.walk(new), {_dumped(one) for one in ast.walk(old)})
        return told or placed

    def _entries(
        self,
        old: Sequence[ast.AST],
        new: Sequence[ast.AST],
        without: Callable[[list[ast.AST]], bool],
        message: bool = False,
    ) -> bool:
        """Lists of arguments, operands, elements; False where only the whole can be brought back."""
        told = True
        for tag, i, j, k, m in _aligned(old, new):
            if tag == "replace" and j - i == m - k:
                pairs = zip(old[i:j], new[k:m], strict=True)
                told &= min(self.expression(first, second, message) for first, second in pairs)
            elif tag != "equal":
                fresh = new[k:m][:MOST_ENTRIES]
                rests = [[node for node in new if node is not one] for one in fresh]
                rests += [[*new[:k], *old[i:j], *new[m:]]] if j > i else []
                told &= min(map(without, rests), default=True)
        return told

    def _unlisted(
        self, node: ast.AST, value: list[ast.AST], rest: list[ast.AST], *, is_known: bool = False
    ) -> bool:
        """A note of the node, which base has in some form where `is_known`, with other elements in a list."""
        if not isinstance(node, ast.expr | ast.Delete):
            return False
        changed = copy.copy(node)
        for name, held in ast.iter_fields(node):
            if held is value:
                setattr(changed, name, rest)
        alone = isinstance(node, ast.BoolOp) and len(rest) == 1
        text = _unparse(rest[0] if alone else changed)
        if text:
            wider = isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and is_known
            kind = ALTERNATIVE if wider else OPERAND
            self.note(node, f"({text})" if isinstance(node, ast.BoolOp) else text, kind)
        return bool(text)

    def _table(self, old: ast.Dict, new: ast.Dict, message: bool) -> bool:
        """The entries of a table by their keys."""
        known = {ast.dump(key): value for key, value in zip(old.keys, old.values, strict=True) if key}
        keys = [ast.dump(key) for key in new.keys if key]
        if None in new.keys or None in old.keys or not known.keys() & set(keys):
            return False
        fresh = [at for at, key in enumerate(keys) if key not in known]
        for at, value in enumerate(new.values):
            if keys[at] in known:
                self.expression(known[keys[at]], value, message)
            elif at in fresh[:MOST_ENTRIES]:
                rest = [one for one in range(len(keys)) if one != at]
                table = ast.Dict([new.keys[one] for one in rest], [new.values[one] for one in rest])
                self.note(new, _unparse(table), OPERAND)
        gone = {key: value for key, value in known.items() if key not in keys}
        if gone:
            names = [key for key in old.keys if key and ast.dump(key) in gone]
            table = ast.Dict([*new.keys, *names], [*new.values, *gone.values()])
            self.note(new, _unparse(table), RETURNED)
        return True

    def _without_decorator(self, one: ast.AST) -> None:
        assert isinstance(one, ast.expr)
        start, end = self.new.span(one)
        self._edit(self.new.text.rindex("@", 0, start), end, "", GONE)

    # -- what is new --

    def added(self, node: ast.stmt) -> None:
        """A statement that base does not have, and what stands in it."""
        if is_declaration(node) or isinstance(node, ast.Pass | ast.Global | ast.Nonlocal):
            return
        self.statement = node.lineno
        if isinstance(node, _DEFS):
            self._new_definition(node)
            return
        silent = is_silent_statement(node)
        if isinstance(node, ast.If):
            self._conditional(node)
        elif not (isinstance(node, ast.Return) and node.value is None and node is self.last):
            self.note(node, "pass", MESSAGE if silent else GONE)
        if not silent:
            self._inner(_own_expressions(node))
        for name in _BLOCKS:
            for inner in getattr(node, name, []):
                if not isinstance(inner, ast.Import | ast.ImportFrom):
                    self.added(inner)
        for branch in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            self._branch(branch)

    def _branch(self, branch: Branch) -> None:
        if isinstance(branch, ast.ExceptHandler) and isinstance(branch.type, ast.Tuple):
            self.statement = branch.lineno
            self._one_by_one(branch.type, branch.type.elts)
        for inner in branch.body:
            self.added(inner)

    def _new_definition(self, node: ast.stmt) -> None:
        for decorator in _decorators(node):
            self._without_decorator(decorator)
        if isinstance(node, _DEFS):
            leave = self._inside(node.name, function=not isinstance(node, ast.ClassDef), last=node.body[-1])
            for inner in node.body:
                self.added(inner)
            leave()

    def _conditional(self, node: ast.If) -> None:
        self.note(node.test, "(True)", CONDITION)
        self.note(node.test, "(False)", GONE)

    def _inner(self, parts: Iterable[ast.AST], known: Collection[str] = ()) -> None:
        """Operands, branches and conditions inside of new expressions, but for those that base knows."""
        for part in parts:
            if _dumped(part) in known:
                continue
            if isinstance(part, ast.BoolOp):
                self._one_by_one(part, part.values)
            elif isinstance(part, ast.IfExp):
                self.note(part, f"({self.new.of(part.body)})", CONDITION)
                self.note(part, f"({self.new.of(part.orelse)})", GONE)
            elif isinstance(part, ast.comprehension):
                for test in part.ifs:
                    self.note(test, "(True)", CONDITION)

    def _one_by_one(self, node: ast.expr, parts: list[ast.expr]) -> None:
        for one in parts:
            self._unlisted(node, parts, [part for part in parts if part is not one])  # type: ignore[arg-type]

    # -- notes --

    def note(self, node: Node, text: str, kind: str) -> None:
        """The edit that puts `text` in a node's place."""
        self._edit(*self.new.span(node), text, kind)

    def _edit(self, start: int, end: int, text: str, kind: str) -> None:
        before = self.new.text[start:end]
        if text != before:
            line = self.new.line_of(start)
            name = ".".join(self.scope) if self.depth else ""
            self.found.append(Mutant(start, end, text, before, line, self.statement, kind, name))

    def _inside(self, name: str, *, function: bool, last: ast.stmt | None = None) -> Callable[[], None]:
        outer = self.last
        self.scope.append(name)
        self.depth += function
        self.last = last

        def leave() -> None:
            self.scope.pop()
            self.depth -= function
            self.last = outer

        return leave


# ---------------------------------------------------------------------------------------------------------


def is_silent_statement(node: ast.stmt) -> bool:
    """A call that only says something to a reader."""
    return isinstance(node, ast.Expr) and is_silent(node.value)


def _is_plain(node: ast.stmt) -> bool:
    return not isinstance(node, (*_DEFS, ast.Import, ast.ImportFrom))


def _name(node: ast.stmt) -> str:
    """A definition's name, and for its setter or getter what it is."""
    if not isinstance(node, _DEFS):
        return ""
    ways = [one.attr for one in node.decorator_list if isinstance(one, ast.Attribute)]
    return ".".join([node.name, *(way for way in ways if way in ("setter", "getter", "deleter"))])


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def _called(node: ast.expr) -> str:
    """What a decorator is, without what it is given."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _without_defaults(node: ast.arguments) -> ast.arguments:
    """The same parameters, each default a mark."""
    mark = ast.Constant(...)
    bare = copy.copy(node)
    bare.defaults = [mark for _ in node.defaults]
    bare.kw_defaults = [mark if one is not None else None for one in node.kw_defaults]
    return bare


def _paired(old: list[ast.stmt], new: list[ast.stmt]) -> list[tuple[ast.stmt, ast.stmt]]:
    """Statements that are the same but for details, in order."""
    pairs: list[tuple[ast.stmt, ast.stmt]] = []
    at = 0
    for node in new:
        text = ast.unparse(node)
        for index in range(at, len(old)):
            if type(old[index]) is type(node):
                alike = SequenceMatcher(None, ast.unparse(old[index]), text, autojunk=False)
                if alike.real_quick_ratio() >= _ALIKE and alike.ratio() >= _ALIKE:
                    pairs.append((old[index], node))
                    at = index + 1
                    break
    return pairs


def _aligned(old: Sequence[ast.AST], new: Sequence[ast.AST]) -> Sequence[tuple[str, int, int, int, int]]:
    """What of two lists of nodes is the same, came, went, or is another one."""
    first, second = list(map(_dumped, old)), list(map(_dumped, new))
    return SequenceMatcher(None, first, second, autojunk=False).get_opcodes()


def _dumped(value: object) -> str:
    if isinstance(value, list):
        return repr([_dumped(one) for one in value])
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)


def _scalars(node: ast.AST) -> list[str]:
    """What a node says besides its parts: an operator, a name."""
    words = (ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
    found = [
        value
        for _, value in ast.iter_fields(node)
        if not isinstance(value, ast.AST) or isinstance(value, words)
    ]
    return [
        _dumped(one) for one in found if not isinstance(one, list) or isinstance((one or [None])[0], words)
    ]


def _own_expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement, without those of statements inside it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(node))
    while waiting:
        part = waiting.pop()
        if not isinstance(part, ast.stmt | ast.excepthandler | ast.match_case):
            yield part
            waiting.extend(ast.iter_child_nodes(part))


def _unparsed(node: ast.stmt, name: str, value: object) -> str:
    changed = copy.copy(node)
    setattr(changed, name, value)
    return ast.unparse(changed)


def _unparse(node: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(node))
    except (ValueError, AttributeError, TypeError, IndexError):
        return ""
