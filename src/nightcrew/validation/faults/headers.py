"""The head of a block, before and after: imports, decorators, parameters, bases, handled errors, patterns."""

import ast
import copy
from collections.abc import Collection, Sequence

from nightcrew.validation.faults.adjustments import emptied
from nightcrew.validation.faults.expressions import Expressions
from nightcrew.validation.faults.notes import (
    ALTERNATIVE,
    BACK,
    CONDITION,
    EVERY_ERROR,
    GONE,
    RETURNED,
    UNHANDLED,
    UNUSED,
)
from nightcrew.validation.reading.form import is_silent_statement
from nightcrew.validation.reading.names import ASKING, imported, names_of, own_name, parameters_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, tree_text, walk

_WIDE = {"BaseException", "EnvironmentError", "Exception", "IOError", "OSError"}
"""Types whose errors have many causes, of which a test shows one or two."""


class Headers(Expressions):
    """Notes edits of headers; `handlers` are base's handlers of exceptions."""

    def __init__(self, old: SourceText, new: SourceText, handlers: Collection[str] = ()) -> None:
        super().__init__(old, new)
        self.handlers = handlers

    def imports(self, old: list[ast.stmt], new: list[ast.stmt]) -> None:
        """Compares what the statements of a block import."""
        known, now = imported(old), imported(new)
        went = {key: found for key, found in known.items() if key not in now}
        former = {_bound_by(alias): _unparsed(node, "names", [alias]) for node, alias in went.values()}
        for node, alias in (found for key, found in now.items() if key not in known):
            rest = [one for one in node.names if one is not alias]
            kept = [_unparsed(node, "names", rest)] if rest else []
            self.statement = node.lineno
            self.note(node, next(iter(kept), "pass"), GONE)
            if _bound_by(alias) in former:  # taken away, the name is missing, which any test notices
                self.note(node, "; ".join([*kept, former[_bound_by(alias)]]), BACK)

    def header(
        self, old: ast.stmt, new: ast.stmt, first: Sequence[ast.AST], second: Sequence[ast.AST]
    ) -> None:
        """Compares a definition's parameters or bases: `first` before, `second` after the change."""
        self._decorated(old, new)
        if list(map(tree_text, first)) == list(map(tree_text, second)):
            return
        if self._defaults(first, second):
            return
        spans = self.old.header(old), self.new.header(new)
        if spans[0] is not None and spans[1] is not None:
            self.edit(*spans[1], self.old.text[slice(*spans[0])], BACK)

    def _decorated(self, old: ast.stmt, new: ast.stmt) -> None:
        """Compares decorators: added, removed, or called with other values."""
        before, after = decorators(old), decorators(new)
        kept = {tree_text(one) for one in before} & {tree_text(one) for one in after}
        went = [one for one in before if tree_text(one) not in kept]
        for one in after:
            other = next((some for some in went if _called(some) == _called(one)), None)
            if tree_text(one) in kept:
                continue
            if other is None:
                self.without_decorator(one)
            else:
                went.remove(other)
                self.expression(other, one)
        start = self.new.whole(new)[0]
        gap = "\n" + " " * self.indent(start)
        for one in went:
            self.edit(start, start, f"@{self.old.of(one)}{gap}", RETURNED)

    def _defaults(self, first: Sequence[ast.AST], second: Sequence[ast.AST]) -> bool:
        """True where parameters differ only in the values of defaults, which are noted one by one."""
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

    def unused(self, old: Function, new: Function) -> None:
        """Notes the parameters that base's function newly gets by name and that nothing in it reads."""
        former = {one.arg for one in parameters_of(old.args)}
        used = set().union(*map(names_of, new.body))
        if "locals" in used or all(isinstance(one, ast.Pass | ast.Raise | ast.Expr) for one in new.body):
            return
        for one in [*new.args.posonlyargs, *new.args.args, *new.args.kwonlyargs]:
            if one.arg not in former | used and one.arg != "cls" and not one.arg.startswith("_"):
                start, _ = self.new.span(one)
                self.edit(start, start + len(one.arg), f"_{one.arg}", UNUSED)

    def handler(self, handler: ast.ExceptHandler) -> None:
        """Notes each type of exception; that nothing is done about one, since no statement stands for it; and
        that errors of all causes are hidden."""
        if isinstance(handler.type, ast.Tuple):
            self.one_by_one(handler.type, handler.type.elts, ALTERNATIVE)
        if tree_text(handler) in self.handlers:
            return
        start = self.new.span(handler)[0]
        bare = "except " if handler.type is None else ""
        span = self.new.span(handler.type) if handler.type is not None else (start, start + len("except"))
        if all(isinstance(one, ast.Pass) or is_silent_statement(one) for one in handler.body):
            self.edit(*span, f"{bare}()", UNHANDLED)
        hides = not any(isinstance(one, ast.Raise) for one in walk(handler))
        if hides and (handler.type is None or not names_of(handler.type).isdisjoint(_WIDE)):
            self.edit(*span, f"{bare}...", EVERY_ERROR)

    def spared(self, node: ast.stmt, kept: Collection[str]) -> None:
        """Notes a new `with suppress` without effect, and a new `try` without its last statement where `kept`
        has it: the function had it before, and its errors are handled now too."""
        for call in (one.context_expr for one in getattr(node, "items", ())):
            # `suppress()` stops no error: that is the code without it, with the block's indentation kept.
            if isinstance(call, ast.Call) and own_name(call.func) == "suppress":
                self.note(call, f"{self.new.of(call.func)}()", UNHANDLED)
        if not (isinstance(node, ast.Try) and node.body[1:] and node.handlers) or node.orelse:
            return
        last = node.body[-1]
        if tree_text(last) in kept and any(isinstance(one, ast.Call | ast.Subscript) for one in walk(last)):
            (start, behind), end = self.new.whole(last), self.new.span(node.handlers[-1])[1]
            gap = "\n" + " " * self.indent(self.new.span(node)[0])
            moved = f"{gap}else:{gap}    {self.new.block([last], len(gap) + 3)}"
            self.edit(start, end, f"pass{self.new.text[behind:end]}{moved}", UNHANDLED)

    def pattern(self, case: ast.match_case) -> None:
        """Notes the case without each alternative of its pattern, and without its condition."""
        for part in (one for one in walk(case.pattern) if isinstance(one, ast.MatchOr)):
            for one in part.patterns:
                rest = [ast.unparse(other) for other in part.patterns if other is not one]
                self.note(part, f"({' | '.join(rest)})", ALTERNATIVE)
        if case.guard is not None:
            self.note(case.guard, "(True)", CONDITION)

    def without_decorator(self, one: ast.AST) -> None:
        """A definition without one of its decorators."""
        assert isinstance(one, ast.expr)
        start, end = self.new.span(one)
        self.edit(self.new.text.rindex("@", 0, start), end, "", GONE)
        for held, other in emptied(one) if isinstance(one, ast.Call) else ():
            self.note(held, ast.unparse(other), ALTERNATIVE)

    def indent(self, offset: int) -> int:
        """Characters before an offset of the new text, in its line."""
        return offset - self.new.starts[self.new.line_of(offset) - 1]


def is_asked(node: ast.If, branches: list[ast.If]) -> bool:
    """True for a branch whose condition one of these has: behind them it would never run."""
    calls = {own_name(one.func) for one in walk(node.test) if isinstance(one, ast.Call)}
    return calls <= ASKING and tree_text(node.test) in {tree_text(one.test) for one in branches}


def unanswered(nodes: Sequence[ast.stmt], before: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Those that could still run behind the statements `before`."""
    return [one for one in nodes if not _is_answered(one, before)]


def decorators(node: ast.stmt) -> list[ast.expr]:
    """The decorators of a definition; none for any other statement."""
    return getattr(node, "decorator_list", [])


# ------------------------------------------------------------------------------------------------------


def _is_answered(node: ast.stmt, before: Sequence[ast.stmt]) -> bool:
    """True for a condition without effects that one of the statements `before` has, which leaves there, while
    nothing in between binds what it asks: it would never hold."""
    if not (isinstance(node, ast.If) and not node.orelse):
        return False
    names = {one.id for one in walk(node.test) if isinstance(one, ast.Name)}
    for one in reversed(before):
        leaves = isinstance(one, ast.If) and isinstance(one.body[-1], ast.Return | ast.Raise)
        if isinstance(one, ast.If) and leaves and is_asked(node, [one]):
            return True
        stored = {
            part.id for part in walk(one) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
        }
        if names & stored or any(isinstance(part, ast.Attribute | ast.Subscript) for part in walk(node.test)):
            return False
    return False


def _called(node: ast.expr) -> str:
    """A decorator's name, without its arguments."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def _without_defaults(node: ast.arguments) -> ast.arguments:
    """The same parameters, with a mark instead of each default."""
    mark = ast.Constant(...)
    bare = copy.copy(node)
    bare.defaults = [mark for _ in node.defaults]
    bare.kw_defaults = [mark if one is not None else None for one in node.kw_defaults]
    return bare


def _bound_by(alias: ast.alias) -> str:
    """The name that an import binds."""
    return alias.asname or alias.name.split(".")[0]


def _unparsed(node: ast.stmt, name: str, value: object) -> str:
    changed = copy.copy(node)
    setattr(changed, name, value)
    return ast.unparse(changed)
