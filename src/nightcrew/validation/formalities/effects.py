"""Parts of a change that no test misses and whose effect, if they have one, calls would show.

Such a part only makes a value inside a function out of the function's own ones. So the calls that tests make,
and similar ones, are made with it and without it: where all give the same, nothing tells that it is wrong. A
part that brings a new value, handles errors, acts on other things, or uses what is not the function's own can
do something that no such call shows, and always needs a test.
"""

import ast
import builtins
import textwrap
from collections.abc import Collection, Mapping, Sequence

from nightcrew.validation.answers import Compared
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import BY_READING, MESSAGE, RETURNED, TOGETHER, UNHANDLED
from nightcrew.validation.reading.constants import is_value, values_in
from nightcrew.validation.reading.names import dotted, names_of, own_name, parameters_of
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, all_functions, read, walk

LEAST_SAME = 20  # compared calls before "they give the same" is believed
_NOT_TRIED = {*BY_READING, MESSAGE, RETURNED, TOGETHER, UNHANDLED}
_ACTING = (ast.AsyncWith, ast.Delete, ast.Expr, ast.With)
_QUIET = (ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Expr, ast.Return)
_ASKING = {"isinstance", "issubclass"}
_POWERFUL = {
    "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "globals", "input", "locals", "open",
    "print", "setattr", "vars",
}  # fmt: skip
_PLAIN = {*dir(builtins)} - _POWERFUL


class Effects:
    """The parts of one file whose effect calls would show."""

    def __init__(self, text: SourceText, tree: ast.Module) -> None:
        self.functions = all_functions(tree)
        self.hidden = [text.span(one) for node in walk(tree) for one in _hidden(node)]

    def are_shown(self, part: Mutant) -> bool:
        """True for a part that only makes a value inside its function out of the function's own values."""
        function = self.functions.get(part.function)
        if function is None or part.operator in _NOT_TRIED:
            return False
        if is_value(part.before) and values_in(part.before):  # a limit: beyond it lies any input
            return False
        if any(start <= part.start and part.end <= end for start, end in self.hidden):
            return False
        own = _own_names(function)
        if not all(_is_quiet(one, own) for one in _nodes(part.before)):
            return False
        # A function of the file runs in the calls too; a class could keep what it is given.
        brought = names_of(_tree(part.before)) - names_of(_tree(part.text))
        used = {one.id for one in _nodes(part.before) if isinstance(one, ast.Name)} & brought
        return used <= _PLAIN | self.functions.keys() | own | _types(function)


def are_same(compared: Sequence[Compared]) -> bool:
    """True where many calls were made with a part and without it, and none gives or costs anything else."""
    answers = [one for call in compared for one in call.answers if one.is_known]
    same = not any(one.differs for one in answers) and not any(call.slower() for call in compared)
    return same and len(answers) >= LEAST_SAME


def functions_of(functions: Mapping[str, Function], parts: Collection[Mutant]) -> list[Function]:
    """The functions in which these parts lie."""
    return [node for name, node in functions.items() if any(one.function == name for one in parts)]


# ---------------------------------------------------------------------------------------------------------


def _tree(text: str) -> ast.Module:
    return read(textwrap.dedent(text).strip())


def _nodes(text: str) -> Sequence[ast.AST]:
    return [*walk(_tree(text))]


def _is_quiet(node: ast.AST, own: Collection[str]) -> bool:
    """False for a statement with blocks of its own, or with an effect on anything but the function's `own`
    values, and for what waits or hands over control."""
    if isinstance(node, ast.stmt):
        return isinstance(node, _QUIET)
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
        return dotted(node).split(".")[0] in own
    return not isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr)


def _hidden(node: ast.AST) -> list[ast.expr | ast.stmt]:
    """What is there for its effect elsewhere: statements, and conditions of such; and the errors that are
    handled, which no call may meet."""
    match node:
        case ast.Expr() | ast.Delete():
            return [node]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return [one.context_expr for one in items]
        case ast.ExceptHandler(type=ast.expr() as caught):
            return [caught]
        case ast.If(test=test) | ast.While(test=test) if any(isinstance(one, _ACTING) for one in walk(node)):
            return [test]
    return []


def _own_names(function: Function) -> set[str]:
    """Parameters, and names that the function binds, but for modules that it imports."""
    bound = {one.id for one in walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    outer = {
        name for one in walk(function) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names
    }
    return ({one.arg for one in parameters_of(function.args)} | bound) - outer


def _types(function: Function) -> set[str]:
    """The types that the function asks for: to ask does nothing."""
    asked = (
        one.args[1:] for one in walk(function) if isinstance(one, ast.Call) and own_name(one.func) in _ASKING
    )
    return {one.id for types in asked for node in types for one in walk(node) if isinstance(one, ast.Name)}
