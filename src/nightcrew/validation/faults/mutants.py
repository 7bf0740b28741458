"""Mutants of a source file: small edits of its text, each of which a good suite should notice.

They are edits, not rewritten files, so line numbers stay, a mutant is a few bytes, and a person can read it.
The syntax tree decides which code is mutated; lines that only log, annotate or document are left alone,
since no test should depend on them.
"""

import ast
import random
from functools import lru_cache

from nightcrew.validation.faults.mutant import Mutant, compiles, function_spans
from nightcrew.validation.faults.notes import FOR_READERS, Notes
from nightcrew.validation.reading.form import TYPE_MAKERS, is_silent
from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import Function, walk

COMPARE = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==",
    "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.BitXor: ("^", "&"),
}  # fmt: skip
_TYPE_MAKERS = TYPE_MAKERS | {"cast"}
_MAKERS = {"namedtuple", "NamedTuple", "TypedDict", "make_dataclass", "Enum", "IntEnum", "StrEnum", "Flag"}
_MOST_TEXTS = 16  # of files whose mutants are kept: several gates ask for the same


@lru_cache(maxsize=_MOST_TEXTS)
def make_mutants(source: str) -> tuple[Mutant, ...]:
    """Every mutant of a source text, in the order of the text; some may not compile."""
    tree = ast.parse(source)
    maker = _Maker(SourceText(source))
    maker.visit(tree)
    unique = {(mutant.start, mutant.end, mutant.text): mutant for mutant in maker.found}
    return tuple(sorted(unique.values(), key=lambda mutant: (mutant.start, mutant.end, mutant.text)))


def sample(source: str, mutants: tuple[Mutant, ...], count: int, *, seed: str) -> tuple[Mutant, ...]:
    """At most `count` mutants that compile, spread over the lines; the same seed gives the same mutants."""
    groups: dict[int, list[Mutant]] = {}
    for mutant in mutants:
        groups.setdefault(mutant.line, []).append(mutant)
    chance = random.Random(seed)  # noqa: S311
    queues = [chance.sample(group, len(group)) for group in groups.values()]
    chance.shuffle(queues)
    chosen: list[Mutant] = []
    spans = function_spans(source)
    while len(chosen) < count and any(queues):
        for queue in queues:
            while queue and len(chosen) < count:
                mutant = queue.pop()
                if compiles(source, mutant, spans):
                    chosen.append(mutant)
                    break
    return tuple(sorted(chosen, key=lambda mutant: (mutant.start, mutant.end, mutant.text)))


class _Maker(Notes, ast.NodeVisitor):
    """Reads the tree and notes edits of it."""

    def visit(self, node: ast.AST) -> None:
        outer = self.statement
        if isinstance(node, ast.stmt):
            self.statement = node.lineno
        super().visit(node)
        self.statement = outer

    # -- what is read, and what is left alone --

    def visit_FunctionDef(self, node: Function) -> None:
        self.visit_arguments(node.args)
        if any("overload" in ast.dump(one) for one in node.decorator_list):
            return
        with self.inside(node.name, function=True):
            for statement in node.body:
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        with self.inside(node.name, function=False):
            for statement in node.body:
                self.visit(statement)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or is_silent(node.value):
            return
        if isinstance(node.value, ast.Call) and self.depth:
            self.note(node, "pass", "call removed")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if _is_main_guard(node) or _is_type_checking(node):
            return
        if _is_about_the_machine(node.test):
            for statement in [*node.body, *node.orelse]:
                self.visit(statement)
            return
        self._condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self.note(node.test, "False", "condition")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        if isinstance(test, ast.Constant):
            return
        if not isinstance(test, ast.Compare):
            self.note(test, f"(not ({self.new.of(test)}))", "condition negated")
        if self.depth:
            self.note(test, "(True)", "condition")
            self.note(test, "(False)", "condition")

    def visit_Raise(self, node: ast.Raise) -> None:
        if self.depth:
            self.note(node, "pass", "raise removed")
            # A test should not depend on the words of a message.
            for part in node.exc.args if isinstance(node.exc, ast.Call) else []:
                if not isinstance(part, ast.Constant | ast.JoinedStr | ast.BinOp):
                    self.visit(part)

    def visit_Assert(self, node: ast.Assert) -> None:
        del node

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not _is_constant(node.value, None):
            self.note(node.value, "None", "return value")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        special = any(name.startswith("__") and name.endswith("__") for name in names)
        if not self.depth and (special or names & {"logger", "log"} or _is_alias(node.value)):
            return
        if self.depth and not isinstance(node.value, ast.Constant):
            self.note(node.value, "None", "assigned value")
        for part in (*node.targets, *_without_own_name(node.value, names)):
            self.visit(part)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        pair = ARITHMETIC.get(type(node.op))
        if pair:
            other = {"*": "+"}.get(pair[0], pair[1])
            self.note(node, f"{self.new.of(node.target)} {other}= ({self.new.of(node.value)})", "arithmetic")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if own_name(node.func) not in _TYPE_MAKERS:
            self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if not (node.arg in FOR_READERS and isinstance(node.value, ast.Constant | ast.JoinedStr)):
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if _is_about_the_machine(node):
            return
        if len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
            left, right = self.new.of(node.left), self.new.of(node.comparators[0])
            self.note(node, f"({left}) {COMPARE[type(node.ops[0])][1]} ({right})", "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word = " or " if isinstance(node.op, ast.And) else " and "
        self.note(node, "(" + word.join(f"({self.new.of(value)})" for value in node.values) + ")", "boolean")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            self.note(node, f"({self.new.of(node.operand)})", "sign")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        pair = ARITHMETIC.get(type(node.op))
        text = isinstance(node.left, ast.Constant | ast.JoinedStr) and isinstance(
            getattr(node.left, "value", ""), str | bytes
        )
        if pair and not (text and isinstance(node.op, ast.Mod | ast.Mult)):
            self.note(node, f"({self.new.of(node.left)}) {pair[1]} ({self.new.of(node.right)})", "arithmetic")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.note(node, str(not value), "constant")
        elif isinstance(value, int | float) and abs(value) < 1e15:
            self.note(node, f"({value + 1!r})", "constant")
        elif isinstance(value, str) and self.new.of(node)[:1] in "'\"":
            self.note(node, repr(value + "XX") if value else "'XX'", "text")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)

    def visit_Break(self, node: ast.Break) -> None:
        self.note(node, "continue", "loop")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.note(node, "break", "loop")

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *(one for one in node.kw_defaults if one is not None)]:
            self.visit(default)


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_main_guard(node: ast.If) -> bool:
    return "__name__" in ast.dump(node.test)


def _is_about_the_machine(node: ast.expr) -> bool:
    """True for a condition on the Python version or system: no test on one machine can notice its faults."""
    return any(
        isinstance(one, ast.Attribute) and ast.unparse(one) in {"sys.version_info", "sys.platform", "os.name"}
        for one in walk(node)
    )


def _is_alias(node: ast.expr) -> bool:
    """True for a type alias such as `Callable[..., int]`."""
    base = node.value if isinstance(node, ast.Subscript) else None
    name = own_name(base)
    return name[:1].isupper() and not name.isupper()


def _without_own_name(value: ast.expr, names: set[str]) -> list[ast.expr]:
    """What is assigned; of `Point = namedtuple("Point", "x y")` the fields, as a class's own name is for
    readers."""
    match value:
        case ast.Call(args=[ast.Constant(name), *rest]) if name in names and own_name(value.func) in _MAKERS:
            return [*rest, *(one.value for one in value.keywords)]
    return [value]


def _is_type_checking(node: ast.If) -> bool:
    return "TYPE_CHECKING" in ast.dump(node.test)
