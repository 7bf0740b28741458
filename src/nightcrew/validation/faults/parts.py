"""The parts of a change to a Python file, each as the edit that takes it away again.

The trees before and after are compared. Edits restore base's text where it differs, and remove what is new:
a statement, a branch, a condition, an operand, an entry. A difference without effect is not a part.
"""

import ast
from collections import Counter
from dataclasses import replace

from nightcrew.validation.faults.expressions import PLACED, aligned, own_expressions
from nightcrew.validation.faults.headers import Headers, decorators, is_asked, unanswered
from nightcrew.validation.faults.mutant import Mutant, are_apart
from nightcrew.validation.faults.notes import (
    BACK,
    CONDITION,
    GONE,
    MESSAGE,
    RETURNED,
    TOGETHER,
)
from nightcrew.validation.reading.constants import is_value
from nightcrew.validation.reading.form import (
    behaving,
    branches,
    is_declaration,
    is_silent_statement,
)
from nightcrew.validation.reading.names import is_release, is_text, names_of
from nightcrew.validation.reading.same_code import (
    changed_functions,
    former_definition,
    in_new_functions,
    kept_statements,
    paired_statements,
    same_function,
    simple_statements,
    with_names_of,
)
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, tree_text, walk

_LEAST_MOVED = 3  # statements from which a new function can be extracted
_DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NAMED = (*_DEFS, ast.Import, ast.ImportFrom)
_PARSING = {"docopt", "eval", "exec"}  # what makes code of a program's own words
_BLOCKS = ("body", "orelse", "finalbody")
type Branch = ast.ExceptHandler | ast.match_case


def parts_of(before: str, after: str) -> tuple[Mutant, ...]:
    """Every part of the change in the order of the text; some edits may not compile.

    Empty where one of the texts is not Python, or both behave the same.
    """
    # Otherwise every use of a renamed local would be a part that no test can miss.
    before = with_names_of(before, after)
    old, new = behaving(before), behaving(after)
    if old is None or new is None:
        return ()
    handlers = {tree_text(one) for one in walk(old) if isinstance(one, ast.ExceptHandler)}
    finder = _Finder(SourceText(before), SourceText(after), handlers, in_new_functions(old, new))
    finder.reads_itself = bool(_PARSING & names_of(new))
    finder.only_values = bool(before) and not changed_functions(before, after)
    finder.blocks(old.body, new.body)
    # `(False)` and `False` leave the same code; of two such edits the first one found is kept.
    unique = {(one.start, one.end, one.text.strip("()")): one for one in reversed(finder.found)}
    return tuple(sorted(unique.values(), key=lambda one: (one.start, -one.end, one.text)))


# ---------------------------------------------------------------------------------------------------------


class _Finder(Headers):
    """Notes edits of statements; `fresh` holds the statements of functions that base does not have."""

    def __init__(self, old: SourceText, new: SourceText, handlers: set[str], fresh: Counter[str]) -> None:
        super().__init__(old, new, handlers)
        self.fresh = fresh
        self.kept: set[str] = set()  # statements that the function around this position had already
        self.only_values = self.reads_itself = False  # no function differs; a call makes code of its words

    def blocks(self, old: list[ast.stmt], new: list[ast.stmt]) -> None:
        """Compares the statements of one block before and after; definitions are matched by name."""
        self.imports(old, new)
        named = {_name(node): node for node in old if isinstance(node, _DEFS)}
        kept = {_name(node) for node in new if isinstance(node, _DEFS)}
        gone = [node for name, node in named.items() if name not in kept]
        for node in new:
            if isinstance(node, _DEFS):
                self._definition(named.get(_name(node)) or former_definition(node, gone), node)
        plain_old = [node for node in old if not isinstance(node, _NAMED) and _name(node) not in kept]
        plain_new = [node for node in new if not isinstance(node, _NAMED)]
        for tag, i, j, k, m in aligned(plain_old, plain_new):
            if tag != "equal":
                first = next(iter(new), None) if not plain_new else None
                at = plain_new[k] if k < len(plain_new) else first
                went = unanswered(plain_old[i:j], plain_new[:k])
                self._differing(went, plain_new[k:m], at, plain_new[k - 1] if k else None)

    def _definition(self, old: ast.stmt | None, new: ast.stmt) -> None:
        if old is None or type(old) is not type(new):
            self.added(new)
        elif isinstance(new, ast.ClassDef):
            assert isinstance(old, ast.ClassDef)
            self.statement = new.lineno
            self.header(old, new, [*old.bases, *old.keywords], [*new.bases, *new.keywords])
            with self.inside(new.name, function=False):
                self.blocks(old.body, new.body)
        elif isinstance(new, ast.FunctionDef | ast.AsyncFunctionDef):
            assert isinstance(old, ast.FunctionDef | ast.AsyncFunctionDef)
            self._function(old, new)

    def _function(self, old: Function, new: Function) -> None:
        if same_function(old, new):
            return
        self.statement = new.lineno
        self.header(old, new, [old.args], [new.args])
        with self.inside(new.name, function=True, last=next(reversed(new.body), None)):
            self.unused(old, new)
            at, outer, self.kept = len(self.found), self.kept, kept_statements(old, new)
            self.blocks(old.body, new.body)
            self.kept = outer
            # Each part may be noticed only because another needs it, while all together are needless.
            if old.body and new.body and are_apart(self.found[at:]):
                self.statement = new.body[0].lineno
                start, end = self.new.run(new.body)
                self.edit(start, end, self.old.block(old.body, self.indent(start)), TOGETHER)

    def _differing(
        self, old: list[ast.stmt], new: list[ast.stmt], at: ast.stmt | None, before: ast.AST | None
    ) -> None:
        """Compares a run of statements that differ from base: similar ones in pairs; the others were added or
        removed."""
        pairs = paired_statements(old, new)
        for first, second in pairs:
            self.statement = second.lineno
            if not (is_declaration(first) and is_declaration(second)):
                self._alike(first, second)
        came = [node for node in new if all(node is not second for _, second in pairs)]
        went = [node for node in old if all(node is not first for first, _ in pairs)]
        went = [node for node in went if not is_declaration(node) and not _is_log(node)]
        # Code that was extracted into a new function is still there, although it is gone from here.
        if went and not (came and self._is_moved(went)):
            if new and not pairs:
                self._exchanged(went, new)
            else:
                self._put_back(went, at or before, behind=at is None)
        for node in came:
            self.added(node)

    def _exchanged(self, went: list[ast.stmt], new: list[ast.stmt]) -> None:
        """Notes that other statements stood in the place of these."""
        self.statement = new[0].lineno
        start, end = self.new.run(new)
        self.edit(start, end, self.old.block(went, self.indent(start)), BACK)

    def _is_moved(self, went: list[ast.stmt]) -> bool:
        """True where functions that base does not have do all that these statements do."""
        here = simple_statements(went)
        return here.total() >= _LEAST_MOVED and here <= self.fresh

    def _put_back(self, went: list[ast.stmt], place: ast.AST | None, *, behind: bool) -> None:
        if not isinstance(place, ast.stmt):
            return
        self.statement = place.lineno
        start, end = self.new.whole(place)
        text = self.old.block(went, self.indent(start))
        gap = "\n" + " " * self.indent(start)
        self.edit(*((end, end, gap + text) if behind else (start, start, text + gap)), RETURNED)

    def _chain(self, old: ast.If, new: ast.If) -> None:
        """Compares the branches of an `if`, and what is done where none is taken."""
        (first, before), (second, value) = branches(old), branches(new)
        for tag, i, j, k, m in aligned(first, second):
            if tag == "equal":
                continue
            # As many branches as before are the same cases in their order, however their conditions changed.
            even = j - i == m - k
            pairs = (
                [*zip(first[i:j], second[k:m], strict=True)]
                if even
                else paired_statements(first[i:j], second[k:m])
            )
            for one, other in pairs:
                self.statement = other.lineno
                self._field(one, other, "test", message=False)
                self.blocks(one.body, other.body)
            for node in second[k:m]:
                if all(node is not other for _, other in pairs):
                    self.added(node)
            for node in first[i:j]:
                gone = all(node is not one for one, _ in pairs) and not is_asked(node, second[:k])
                if gone and not self._is_moved([node]):
                    self._branch_back(node, second, k)
        self.blocks(before, value)
        if before and not value:
            end = self.new.span(second[-1])[1]
            self.statement, indent = second[-1].lineno, self.indent(self.new.span(new)[0])
            gap = "\n" + " " * indent
            self.edit(end, end, f"{gap}else:{gap}    {self.old.block(before, indent + 4)}", RETURNED)

    def _branch_back(self, node: ast.If, branches: list[ast.If], at: int) -> None:
        """Notes that base has one branch more: behind this one of the new ones, or before all."""
        start, end = self.new.span(branches[max(at - 1, 0)])
        self.statement, gap = branches[max(at - 1, 0)].lineno, "\n" + " " * self.indent(start)
        text = self.old.block([node], len(gap) - 1)
        if at:
            self.edit(end, end, f"{gap}el{text}", RETURNED)
        else:
            self.edit(start, start, f"{text}{gap}el", RETURNED)

    def _alike(self, old: ast.stmt | Branch, new: ast.stmt | Branch) -> None:
        """Compares two statements of the same type: their blocks, and the text before these."""
        if isinstance(old, ast.If) and isinstance(new, ast.If):
            self._chain(old, new)
            return
        message = isinstance(new, ast.Raise) or (isinstance(new, ast.stmt) and is_silent_statement(new))
        message |= isinstance(new, ast.stmt) and is_text(new) and not self.reads_itself
        for name, value in ast.iter_fields(new):
            before = getattr(old, name)
            if name in _BLOCKS and isinstance(value, list):
                self.blocks(before, value)
            elif name in ("handlers", "cases"):
                for tag, i, j, k, m in aligned(before, value):
                    for both in zip(before[i:j], value[k:m], strict=False) if tag != "equal" else ():
                        self._alike(*both)
                    for one in value[k + j - i : m]:
                        self._branch(one)
            else:
                self._field(old, new, name, message)

    def _field(self, old: ast.stmt | Branch, new: ast.stmt | Branch, name: str, message: bool) -> None:
        """Compares what a statement has besides its blocks."""
        before, value, at = getattr(old, name), getattr(new, name), len(self.found)
        if not self.values(before, value, new, message):
            self._whole(old, new)
        elif len(self.found) > at + 1 and isinstance(before, ast.expr) and isinstance(value, ast.expr):
            self.note(value, self.old.of(before), TOGETHER)
        # No test repeats the number of a release, so nothing can notice that it is the former one.
        if is_release(new) and not self.depth:
            apart = [one for one in self.found[at:] if one.operator != TOGETHER]
            if all(is_value(one.before) for one in apart):
                self.found[at:] = [replace(one, operator=MESSAGE) for one in apart]

    def _whole(self, old: ast.AST, new: ast.AST) -> None:
        if isinstance(new, PLACED) and isinstance(old, PLACED):
            self.note(new, self.old.of(old), BACK)

    def added(self, node: ast.stmt) -> None:
        """Notes a statement that base does not have, and the parts inside it."""
        if is_declaration(node) or isinstance(node, ast.Pass):
            return
        self.statement = node.lineno
        if isinstance(node, _DEFS):
            self._new_definition(node)
            return
        silent = is_silent_statement(node)
        if isinstance(node, ast.If) and not silent:
            self.note(node.test, "(True)", CONDITION)
            self.note(node.test, "(False)", GONE)
        # A return of nothing at the end of a function does what the end does.
        elif not (node is self.last and ast.unparse(node) in {"return", "return None"}):
            self.note(node, "pass", MESSAGE if silent else GONE)
        if not (silent or isinstance(node, ast.Assert)):
            self.each_step(node)
            self.inner(own_expressions(node))
        if self.only_values and isinstance(node, ast.Assign):
            self.each_entry(node.value)
        self.spared(node, self.kept)
        if not silent:
            self._inside(node)

    def _inside(self, node: ast.stmt) -> None:
        for inner in (one for name in _BLOCKS for one in getattr(node, name, [])):
            if not isinstance(inner, ast.Import | ast.ImportFrom) and tree_text(inner) not in self.kept:
                self.added(inner)
        for branch in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
            self._branch(branch)

    def _branch(self, branch: Branch) -> None:
        if isinstance(branch, ast.ExceptHandler):
            self.statement = branch.lineno
            self.handler(branch)
        else:
            self.statement = branch.pattern.lineno
            self.pattern(branch)
        for inner in branch.body:
            self.added(inner)

    def _new_definition(self, node: ast.stmt) -> None:
        for decorator in decorators(node):
            self.without_decorator(decorator)
        if isinstance(node, _DEFS):
            last = next(reversed(node.body), None)  # None: only a docstring, which `behaving` leaves out
            with self.inside(node.name, function=not isinstance(node, ast.ClassDef), last=last):
                for inner in node.body:
                    self.added(inner)


def _is_log(node: ast.stmt) -> bool:
    return is_silent_statement(node) and "warnings.warn(" not in ast.unparse(node)


def _name(node: ast.stmt) -> str:
    """A definition's name, and for a setter or getter also its kind."""
    if not isinstance(node, _DEFS):
        return ""
    ways = [one.attr for one in node.decorator_list if isinstance(one, ast.Attribute)]
    return ".".join([node.name, *(way for way in ways if way in ("setter", "getter", "deleter"))])
