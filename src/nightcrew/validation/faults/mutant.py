"""One small edit of a source text, and whether the result is still Python."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

_SUBTLE = {"comparison", "arithmetic", "boolean", "condition", "condition negated", "constant", "sign"}
_MOST_SHOWN, _BESIDE = 60, 3  # characters of a text, and words beside what differs
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Mutant:
    """An edit that replaces `source[start:end]` by `text`."""

    start: int
    end: int
    text: str
    before: str
    line: int
    statement: int  # first line of the statement around it
    operator: str
    function: str  # qualified name; empty at module or class level, which runs at import

    @property
    def is_subtle(self) -> bool:
        """True where the code still runs and gives a value of the right type: only a check can notice."""
        return bool(self.function) and self.operator in _SUBTLE

    @property
    def name(self) -> str:
        """The edit in readable form: `line 12: a < b -> a <= b`."""
        before, text = apart(self.before, self.text)
        return f"line {self.line}: `{before}` -> `{text}`"

    def apply(self, source: str) -> str:
        """The mutated text."""
        return source[: self.start] + self.text + source[self.end :]


def function_spans(source: str) -> list[tuple[int, int]]:
    """Offsets of functions and methods as whole lines; each can be parsed alone."""
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    outer = [node for node in ast.parse(source).body if not isinstance(node, ast.If | ast.Try)]
    inner = [part for node in outer if isinstance(node, ast.ClassDef) for part in node.body]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (starts[node.lineno - 1], starts[node.end_lineno or node.lineno])
        for node in (*outer, *inner)
        if isinstance(node, kinds) and not source[starts[node.lineno - 1] :][: node.col_offset].strip()
    ]


def compiles(source: str, mutant: Mutant, spans: list[tuple[int, int]]) -> bool:
    """True where the mutated text is Python; `spans` are those of its functions."""
    for start, end in spans:
        if start <= mutant.start and mutant.end <= end:
            edited = source[start : mutant.start] + mutant.text + source[mutant.end : end]
            if edited[:1].isspace():  # a method is parsed as the body of an `if`
                edited = "if 1:\n" + edited
            break
    else:
        edited = mutant.apply(source)
    try:
        ast.parse(edited)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def short(text: str) -> str:
    """The text on one line, shortened to fit into a sentence."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _MOST_SHOWN else flat[: _MOST_SHOWN - 3] + "..."


def apart(one: str, other: str) -> tuple[str, str]:
    """Both texts shortened; of long ones only what differs, with the words beside it."""
    if len(short(one)) < _MOST_SHOWN and len(short(other)) < _MOST_SHOWN:
        return short(one), short(other)
    words = [_WORDS.findall(_written(text)) for text in (one, other)]
    start, end = _common(*words), _common(words[0][::-1], words[1][::-1])
    end = min(end, *(len(some) - start for some in words))
    first, last = max(start - _BESIDE, 0), max(end - _BESIDE, 0)
    cut = ["".join(some[first : len(some) - last]) for some in words]
    before, behind = "..." if first else "", "..." if last or max(map(len, cut)) > _MOST_SHOWN else ""
    shown = [f"{before}{short(text).removesuffix('...')}{behind}" for text in cut]
    return shown[0], shown[1]


def are_apart(parts: Sequence[Mutant]) -> bool:
    """True for several parts that do not all lie within one of them."""
    widest = max(parts, key=lambda one: one.end - one.start, default=None)
    return widest is not None and any(
        one.start < widest.start or widest.end < one.end or widest.start == widest.end != one.end
        for one in parts
    )


# ---------------------------------------------------------------------------------------------------------


def _written(text: str) -> str:
    """A text as Python itself writes it, so that quotes and layout are the same in two of them."""
    try:
        return " ".join(ast.unparse(ast.parse(text.strip())).split())
    except (SyntaxError, ValueError, RecursionError):
        return " ".join(text.split())


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (first, second) in pairs if first != second), min(len(one), len(other)))
