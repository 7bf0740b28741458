"""What a part of a change may be for that no test has to miss: code for elsewhere, and formalities.

The judge's interpreter does not reach code for another Python or platform, or for a missing module.
Formalities decide nothing by themselves: a parameter that is handed on under its own name, and
in functions that base does not have what refuses, shows an object to a developer, or marks it as abstract.

They are reported, and need no test of their own. What base's functions newly refuse needs one.
"""

import ast
import textwrap
from collections.abc import Iterable, Iterator
from functools import cached_property

from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import GONE
from nightcrew.validation.formalities.options import for_options, of_other_types
from nightcrew.validation.reading.constants import values_in
from nightcrew.validation.reading.names import (
    ASKING,
    ELSEWHERE,
    dotted,
    is_text,
    names_of,
    own_name,
    parameters_of,
)
from nightcrew.validation.reading.source_text import Node, SourceText
from nightcrew.validation.reading.suite import Function, all_functions, read, tree_text, walk
from nightcrew.validation.tables import Table

_OF_PYTHON = {"sys", "os", "platform"}
_MISSING = {"ImportError", "ModuleNotFoundError"}
type Span = tuple[int, int]
"""Start and end in a text, in characters."""
_TABLE = Table("weaker")
_SWITCHES = _TABLE.words("names", "off") | _TABLE.words("names", "on")
_FORBIDS = _TABLE.pattern("names", "refusing")  # which has to be seen to happen
_MARKS = {"abstractmethod", "final", "overload", "override"}
_WORDING = {"format", "join", "len", "repr", "str", "type"}  # calls that only make a message
_IMPOSSIBLE = {"NotImplementedError", "AssertionError"}
_OTHERWISE = {
    "GeneratorExit", "KeyboardInterrupt", "NotImplementedError", "StopAsyncIteration", "StopIteration",
    "SystemExit",
}  # fmt: skip
"""Errors that leave a case out, or lead the program elsewhere."""
_INNARDS = {"vars", "__dict__"}


class Elsewhere:
    """The places of such code in one file."""

    def __init__(self, tree: ast.Module, text: SourceText) -> None:
        self.tree, self.text = tree, text

    @cached_property
    def _asking(self) -> list[ast.If | ast.IfExp]:
        """Conditions on the Python version or the platform, also through a module-level name for one."""
        names = {
            target.id
            for one in walk(self.tree)
            if isinstance(one, ast.Assign) and ELSEWHERE.search(ast.unparse(one.value))
            for target in one.targets
            if isinstance(target, ast.Name)
        }
        return [
            one
            for one in walk(self.tree)
            if isinstance(one, ast.If | ast.IfExp) and self._asks(one.test, names)
        ]

    @classmethod
    def _asks(cls, test: ast.expr, names: set[str]) -> bool:
        """True where only the version or platform decides, without any value in a combined condition."""
        if isinstance(test, ast.UnaryOp):
            return cls._asks(test.operand, names)
        if isinstance(test, ast.BoolOp):
            others = [one for one in test.values if not cls._asks(one, names)]
            decides = any(values_in(ast.unparse(one)) for one in others)
            return not others or (
                isinstance(test.op, ast.And) and len(others) < len(test.values) and not decides
            )
        named = {one.id for one in walk(test) if isinstance(one, ast.Name)}
        asks = bool(named & names) or ELSEWHERE.search(ast.unparse(test)) is not None
        plain = isinstance(test, ast.Attribute)  # true on every platform
        return asks and not plain and named <= names | _OF_PYTHON

    @cached_property
    def conditions(self) -> list[Span]:
        """Conditions that ask where the code runs."""
        return [self.text.span(one.test) for one in self._asking]

    @cached_property
    def branches(self) -> list[Span]:
        """What runs under such a condition, and the fallbacks."""
        found: list[list[ast.stmt] | list[ast.expr]] = []
        for one in self._asking:
            both = [one.body, one.orelse] if isinstance(one, ast.If) else [[one.body], [one.orelse]]
            found += [nodes for nodes in both if nodes]
        return [*map(self._run, found), *self.fallbacks]

    @cached_property
    def fallbacks(self) -> list[Span]:
        """Statements that run where an import fails, or where the file is run as a program."""
        handlers = (one for one in walk(self.tree) if isinstance(one, ast.ExceptHandler))
        missing = [one.body for one in handlers if one.type is not None and _names(one.type) & _MISSING]
        mains = [
            one.body for one in self.tree.body if isinstance(one, ast.If) and "__main__" in ast.dump(one.test)
        ]
        return [self._run(one) for one in [*missing, *mains]]

    def _run(self, nodes: list[ast.stmt] | list[ast.expr]) -> Span:
        spans: list[Node] = [*nodes]
        return self.text.span(spans[0])[0], self.text.span(spans[-1])[1]


class Formalities:
    """Those among the parts of one file: `before` is its text on base, `text` and `tree` what it is now."""

    def __init__(self, before: str, text: SourceText, tree: ast.Module) -> None:
        self.known = all_functions(read(before))
        self.text, self.functions = text, all_functions(tree)

    def holds(self, part: Mutant, *, is_run: bool, noticed: Iterable[Mutant], decides: bool) -> bool:
        """True for such a part. `is_run`: tests run it; `noticed`: parts that tests miss; `decides`: a new
        value in it decides."""
        if self._is_mark(part):
            return True
        if part.operator == GONE and part.before.strip() == "@classmethod":
            return True  # the tests call it on objects; without it, a call on the class is refused
        function = self.functions.get(part.function)
        if function is None:
            return False
        if is_run and (name := _handed_on(part, function)):
            return any(name in names_of(read(textwrap.dedent(one.before).strip())) for one in noticed)
        # Callers rely on what base's functions accept: what they newly refuse is a change that tests show.
        if not self._is_new(part.function):
            return False
        shows = function.name == "__repr__" and _shows(part)
        shows |= self._lies_in(part, of_other_types(function))
        return (
            shows
            or _is_passed_on(part, function)
            or self._is_left_to_option(part, function, decides=decides)
            or self._within(part, ast.stmt)
            or (not decides and self._within(part, ast.expr))
        )

    # -- kinds --

    def _is_mark(self, part: Mutant) -> bool:
        """True for a decorator that says something about a new function and wraps nothing."""
        name = part.before.strip().removeprefix("@").rpartition(".")[2]
        marked = (
            one
            for one, node in self.functions.items()
            if any(decorator.lineno == part.line for decorator in node.decorator_list)
        )
        return part.operator == GONE and name in _MARKS and any(map(self._is_new, marked))

    def _is_left_to_option(self, part: Mutant, function: Function, *, decides: bool) -> bool:
        """True for what a new function does only where it is given an option which is empty by default, and
        then only to its own variables and attributes."""
        return not decides and self._lies_in(part, for_options(function, _SWITCHES))

    def _within(self, part: Mutant, kind: type[ast.AST]) -> bool:
        """True inside a `raise`, or (`ast.expr`) inside a condition under which nothing else happens."""
        return self._lies_in(part, (one for one in self._refusals if isinstance(one, kind)))

    def _lies_in(self, part: Mutant, nodes: Iterable[Node]) -> bool:
        spans = map(self.text.span, nodes)
        return any(start <= part.start and part.end <= end for start, end in spans)

    @cached_property
    def _refusals(self) -> list[ast.expr | ast.stmt]:
        nodes = (one for name, node in self.functions.items() if self._is_new(name) for one in walk(node))
        return [found for one in nodes for found in _refusals(one)]

    def _is_new(self, name: str) -> bool:
        """True for a function that base does not have, and that lies in none that base has."""
        parts = name.split(".")
        return not any(".".join(parts[:end]) in self.known for end in range(1, len(parts) + 1))


def guards(node: ast.stmt) -> bool:
    """True for an assertion, the end of a loop, and an error that goes on or is for an impossible state."""
    if isinstance(node, ast.Raise) and node.exc is None:
        return True  # the error goes on, as it does without the handler
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return getattr(raised, "id", "") in _IMPOSSIBLE
    if isinstance(node, ast.Assert):  # with a value or a call of its own it decides or does something
        inside = [*walk(node.test)]
        called = {own_name(one.func) for one in inside if isinstance(one, ast.Call)}
        places = {repr(getattr(one.slice, "value", None)) for one in inside if isinstance(one, ast.Subscript)}
        return values_in(ast.unparse(node.test)) <= places and called <= ASKING
    return isinstance(node, ast.Break)


# ---------------------------------------------------------------------------------------------------------


def _names(node: ast.expr) -> set[str]:
    return {one.id for one in walk(node) if isinstance(one, ast.Name)}


def _refusals(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """The `raise` itself, and the condition of an `if` that does nothing else."""
    if isinstance(node, ast.Raise) and _only_words(node):
        yield node
    elif isinstance(node, ast.If) and not node.orelse:
        # A file that is removed before the `raise` is an effect; the words of a message are none.
        (*others, last) = node.body
        words = all(isinstance(one, ast.Assign) and _only_words(one) for one in others)
        calls = {own_name(one.func) for one in walk(node.test) if isinstance(one, ast.Call)}
        if words and calls <= ASKING and isinstance(last, ast.Raise) and _only_words(last):
            yield node.test


def _only_words(node: ast.Raise | ast.Assign) -> bool:
    """True where nothing is called but an exception, and what makes its message."""
    raised = node.exc if isinstance(node, ast.Raise) else None
    name = own_name(getattr(raised, "func", raised))
    leads = not name[:1].isupper() or name in _OTHERWISE or _FORBIDS.fullmatch(name) is not None
    if isinstance(node, ast.Raise) and leads:
        return False
    calls = (one for one in walk(node) if isinstance(one, ast.Call) and one is not raised)
    return all(own_name(one.func) in _WORDING for one in calls) and not any(
        isinstance(one, ast.Await | ast.NamedExpr) for one in walk(node)
    )


def _shows(part: Mutant) -> bool:
    """True for the text that `__repr__` gives, of attributes by their names."""
    tree = read(part.before.strip())
    calls = {own_name(one.func) for one in walk(tree) if isinstance(one, ast.Call)}
    return calls <= _WORDING and not _INNARDS & names_of(tree)


def _is_passed_on(part: Mutant, function: Function) -> bool:
    """True for the call of the method that a new one overrides, with what this one gets, and for a new method
    that does nothing but call the one of the same name of what its object holds."""
    node = next(iter(read(part.before.strip()).body), None)
    match node.value if isinstance(node, ast.Expr | ast.Return) else None:
        case ast.Call(ast.Attribute(owner, name), args, words):
            # Only the very parameters in their order: anything else is a choice that a test should show.
            own = [one.arg for one in parameters_of(function.args)][1:]
            given = [ast.unparse(one).lstrip("*") for one in [*args, *(one.value for one in words)]]
            is_all = len([one for one in function.body if not is_text(one)]) == 1
            held = is_all and dotted(owner).startswith("self.") and ast.unparse(owner) == dotted(owner)
            passes = held or ast.unparse(owner).startswith("super(")
            return passes and part.operator == GONE and name == function.name and given == own
    return False


def _handed_on(part: Mutant, function: Function) -> str:
    """The name in `g(x, mode=mode)` in place of `g(x)`, in `self.mode = mode` and in
    `self.mode = options.mode`, all of parameters; empty for others."""
    own = {one.arg for one in parameters_of(function.args)} - _SWITCHES
    match read(part.before.strip()).body, read(part.text.strip()).body:
        case [ast.Expr(ast.Call() as call)], [ast.Expr(ast.Call() as less)]:
            kept = {tree_text(one) for one in less.keywords}
            more = [one for one in call.keywords if tree_text(one) not in kept]
            same = _dumped(call.func, *call.args) == _dumped(less.func, *less.args)
            plain = all(isinstance(one.value, ast.Name) and one.value.id == one.arg for one in more)
            if same and plain and len(more) == 1 == len(call.keywords) - len(less.keywords):
                return next((name for name in own if name == more[0].arg), "")
        case [ast.Assign(targets=[ast.Attribute(value=ast.Name("self"), attr=name)], value=value)], _:
            source, is_plain = dotted(value), isinstance(value, ast.Name | ast.Attribute)
            is_given = is_plain and source.split(".")[0] in own and source.split(".")[-1] == name
            return name if part.operator == GONE and is_given and source.count(".") <= 1 else ""
    return ""


def _dumped(*nodes: ast.expr) -> list[str]:
    return [tree_text(one) for one in nodes]
