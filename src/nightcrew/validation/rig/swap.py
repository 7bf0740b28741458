"""Another version of the target's code in this process: live functions get the version's code objects."""

import ast
import contextlib
import gc
import importlib
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import perturb, protocol

if TYPE_CHECKING:
    Span = tuple[int, int]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

_live: "list[types.FunctionType]" = []
_known: "dict[str, Source]" = {}


def remember(path: str) -> None:
    """Notes the live functions of a file, because a frozen garbage collector would hide them later."""
    _live[:] = [
        thing
        for thing in gc.get_objects()
        if type(thing) is types.FunctionType and thing.__code__.co_filename == path
    ]


def import_file(path: str, roots: "Sequence[str]") -> None:
    """Imports a file that tests import only while they run: without that it has no live functions."""
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    root = max((one for one in roots if path.startswith(one + "/")), key=len, default="")
    name = path[len(root) + 1 : -len(".py")].replace("/", ".")
    name = name[: -len(".__init__")] if name.endswith(".__init__") else name
    if path in loaded or not root or not all(part.isidentifier() for part in name.split(".")):
        return
    with contextlib.suppress(BaseException):  # a program may end its process when it is imported
        importlib.import_module(name)


def prepare(path: str, variant: protocol.Variant) -> "list[tuple[types.FunctionType, types.CodeType]]":
    """Live functions of the file at `path` that differ in a variant, with their new code."""
    if path not in _known:
        _known[path] = Source(path)
    source = _known[path]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        near = source.near_versions(variant)
        return (_changed(*near) if near else []) or _changed(*source.whole_versions(variant))


def _changed(
    before: types.CodeType, after: types.CodeType
) -> "list[tuple[types.FunctionType, types.CodeType]]":
    pairs: dict[types.CodeType, types.CodeType] = {}
    _pair(before, after, pairs)
    changed = []
    for function in _live:
        code = pairs.get(function.__code__)
        if code is None or code == function.__code__:
            continue
        if code.co_freevars != function.__code__.co_freevars:
            return []
        changed.append((function, code))
    return changed


def try_to_prepare(path: str, variant: protocol.Variant) -> "list[tuple[types.FunctionType, types.CodeType]]":
    """Like `prepare`; empty for a variant that is not Python."""
    try:
        return prepare(path, variant)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def apply(swaps: "list[tuple[types.FunctionType, types.CodeType]]", adjusting: "str | None" = None) -> int:
    """Puts a variant in place; returns how many functions changed.
    `adjusting` names a function of `perturb`, with an underscore before."""
    for function, code in swaps:
        function.__code__ = code
        if adjusting:
            function.__globals__.setdefault(adjusting, getattr(perturb, adjusting[1:]))
    return len(swaps)


class Source:
    """A file's text, compiled in parts, so that an edit only compiles the statement around it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = Path(path).read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        self.whole = self._compiled(self.text)
        self.imports, self.spans = _statements(self.text)
        self.near: dict[int, types.CodeType] = {}

    def whole_versions(self, variant: protocol.Variant) -> "tuple[types.CodeType, types.CodeType]":
        """The code of the whole file before and after."""
        text = variant.source if variant.source is not None else edited(self.text, variant.edits)
        return self.whole, self._compiled(text)

    def near_versions(self, variant: protocol.Variant) -> "tuple[types.CodeType, types.CodeType] | None":
        """The same for the one statement or method that differs, the first lines of its class, and the
        imports, which decide how names in it are compiled."""
        edits = variant.edits
        for around, (start, end) in self.spans:
            if edits and all(start <= edit[0] and edit[1] <= end for edit in edits):
                first = around[0][0] if around else start
                kept = [*(span for span in self.imports if span[1] <= first), *around, (start, end)]
                if start not in self.near:
                    self.near[start] = self._compiled(self._only(kept))
                moved = len(self._only(kept[:-1], start)) - start
                shifted = [[edit[0] + moved, edit[1] + moved, edit[2]] for edit in edits]
                return self.near[start], self._compiled(edited(self._only(kept), shifted))
        return None

    def _only(self, spans: "list[tuple[int, int]]", end: "int | None" = None) -> str:
        """Some spans of the text at their positions, with empty lines between them."""
        parts, at = [], 0
        for start, stop in spans:
            parts += ["\n" * self.text.count("\n", at, start), self.text[start:stop]]
            at = stop
        return "".join(parts) + "\n" * self.text.count("\n", at, at if end is None else end)

    def _compiled(self, text: str) -> types.CodeType:
        return compile(text, self.path, "exec", dont_inherit=True)


def edited(text: str, edits: "Sequence[Sequence[Any]]") -> str:
    """The text with each [start, end, text] put in."""
    for start, end, new in sorted(map(tuple, edits), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _statements(text: str) -> "tuple[list[Span], list[tuple[list[Span], Span]]]":
    """Spans of a file's import statements; and of methods and all statements that share no line with others,
    each after the first lines of its class."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    imports: list[Span] = []
    methods: list[tuple[list[Span], Span]] = []
    spans: list[tuple[list[Span], Span]] = []
    body = ast.parse(text).body if "\r" not in text.replace("\r\n", "") else []
    for node, first, last in _apart(body, 0):
        if node.col_offset != 0:
            continue
        spans.append(([], (starts[first - 1], min(starts[last], len(text)))))
        if isinstance(node, ast.ClassDef):
            inner = list(_apart(node.body, node.lineno))
            if inner and inner[0][0] is node.body[0]:
                head = (starts[first - 1], starts[inner[0][1] - 1])
                found = ((starts[begin - 1], min(starts[end], len(text))) for part, begin, end in inner
                         if isinstance(part, _FUNCTIONS))  # fmt: skip
                methods += [([head], span) for span in found]
            continue
        plain = not isinstance(node, _FUNCTIONS)
        if plain and any(isinstance(one, (ast.Import, ast.ImportFrom)) for one in ast.walk(node)):
            imports.append(spans[-1][1])
    return imports, methods + spans


def _apart(body: "list[ast.stmt]", taken: int) -> "Iterator[tuple[ast.stmt, int, int]]":
    """Statements that start on a line of their own, with their first and last lines, including decorators."""
    for node in body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        last = node.end_lineno or node.lineno
        if first > taken:
            yield node, first, last
        taken = last


def replace_on_import(replaced: "Mapping[str, str]") -> None:
    """Replaces the text of these files when they are imported, also by pytest for their doctests."""
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        path = self.get_filename(fullname)
        if path in replaced:
            return compile(replaced[path], path, "exec", dont_inherit=True)
        return original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    sys.meta_path.insert(0, _PlainFinder(replaced))


class _PlainFinder(MetaPathFinder):
    """Finds the modules of some files for Python's own loader. Pytest's would take a module that is named on
    its command line, and read the file itself."""

    def __init__(self, paths: "Iterable[str]") -> None:
        self.paths = frozenset(paths)
        names = (path.removesuffix("/__init__.py").removesuffix(".py") for path in self.paths)
        self.names = {name.rpartition("/")[2] for name in names}

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None", target: "types.ModuleType | None" = None
    ) -> "importlib.machinery.ModuleSpec | None":
        """The module's spec where it is in one of the files."""
        if fullname.rpartition(".")[2] not in self.names:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        return spec if spec is not None and spec.origin in self.paths else None


def _pair(
    before: types.CodeType, after: types.CodeType, pairs: "dict[types.CodeType, types.CodeType]"
) -> None:
    """Maps code objects of one version to those of the other, by name and position."""
    inner = [
        [const for const in code.co_consts if isinstance(const, types.CodeType)] for code in (before, after)
    ]
    counts: dict[str, int] = {}
    by_name: dict[str, list[types.CodeType]] = {}
    for code in inner[1]:
        by_name.setdefault(code.co_name, []).append(code)
    for code in inner[0]:
        index = counts.get(code.co_name, 0)
        counts[code.co_name] = index + 1
        others = by_name.get(code.co_name, [])
        if index < len(others):
            pairs[code] = others[index]
            _pair(code, others[index], pairs)
