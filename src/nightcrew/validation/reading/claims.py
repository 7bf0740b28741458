"""What a docstring claims that the code can confirm: parameters, defaults, types, errors, units."""

import ast
import builtins
import keyword
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import griffe

from nightcrew.validation.reading.docstrings import (
    Entry,
    given_type,
    gives_something,
    names_passed,
    parameters,
    plain_type,
)
from nightcrew.validation.reading.names import defaults_of, names_of, own_name
from nightcrew.validation.reading.suite import walk
from nightcrew.validation.tables import Table

_FIELD = re.compile(r"^[ \t]*:\w[^:\n]*:", re.MULTILINE)
_TYPED = re.compile(r"^[ \t]*:((?:rtype|type \w+):[^\n]+)$", re.MULTILINE)
_TICKED = re.compile(r"`{1,2}([A-Za-z_][\w.]{2,})(?:\(\))?`{1,2}")
_DEFAULT = re.compile(
    r"\b[Dd]efault(?:s?(?: value)?(?: to| is|:)?|ing to)\s*[:=]?\s*`{0,2}"
    r"(None|True|False|-?\d\w*(?:\.\d\w*)?|'[^']*'|\"[^\"]*\")`{0,2}"
)
_ALSO = {("float", "int"), ("str", "Path"), ("list", "tuple")}  # documented, annotated: close enough
_UNITS = [units for name, units in Table("prose").sections.items() if name.startswith("units_")]
"""Suffixes of names by what they measure, with the unit that each suffix means."""
_RAISES = re.compile(
    r"\b[Rr]aises?\s+(?:an?\s+)?(?::\w++:)?[`~]*+(?:\w++\.)*+([A-Z]\w++)"
    r"|\b([A-Z]\w++)`*+\s+(?:is|are|will be)\s+raised\b"
)
_SPEAKS = re.compile("rais|:exc", re.IGNORECASE)  # of errors: parsing every docstring would take long
_MOST_TEXTS = 256
_RETURNS = re.compile(
    r"\breturns?\s+(?:an?|all|false|its|the|true|whether)\b|\b(?:is|are)\s+returned\b", re.IGNORECASE
)
_GIVES_NONE = re.compile(r"\breturns?\b[^.]*\bNone\b|\bor None if\b", re.IGNORECASE)
_ANYTHING = ast.Name("object", ast.Load())
_DEPTH = 4  # depth of calls in which a raised error is searched


class Code:
    """What claims need to know about the repository's functions."""

    def __init__(self, trees: dict[str, ast.Module], words: set[str]) -> None:
        self.words = words
        self._raised: dict[str, set[str]] = {}
        self._values: dict[str, set[str]] = {"": set()}  # by function; those outside of functions together
        self._called: dict[str, set[str]] = {}
        self.classes: set[str] = set()
        for tree in trees.values():
            self._values[""] |= _values(statement for statement in _outside(tree))
        for node in (one for tree in trees.values() for one in walk(tree)):
            if isinstance(node, ast.ClassDef):
                self.classes.add(node.name)
                self._note(node.name, node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._note(node.name, node)

    def may_raise(self, node: ast.AST, error: str) -> bool:
        """True where a function, or what it calls, names the error; for a builtin error, also where
        nothing excludes it."""
        return error not in self.classes or self.names(node, error)

    def names(self, node: ast.AST, error: str) -> bool:
        """True where a function, or what it calls, names the error and does not only catch it."""
        return error in names_passed(node) or any(
            error in self._raised.get(one, ()) for one in self._near(node)
        )

    def has_value(self, node: ast.AST, value: object) -> bool:
        """True where a function, what it calls, or code outside of functions has the value."""
        known = self._values[""] | _values([node])
        return repr(value) in known.union(*(self._values.get(one, ()) for one in self._near(node)))

    def _near(self, node: ast.AST) -> set[str]:
        """The names that a function calls, and those that these call, and so on."""
        todo, seen = {*_calls(node)}, set[str]()
        # Deeper calls name nearly every error of a program, so a longer search would excuse any claim.
        for _ in range(_DEPTH):
            seen |= todo
            todo = {deeper for one in todo for deeper in self._called.get(one, ())} - seen
        return seen

    def _note(self, name: str, node: ast.AST) -> None:
        self._raised.setdefault(name, set()).update(names_passed(node))
        self._called.setdefault(name, set()).update(_calls(node))
        self._values.setdefault(name, set()).update(_values([node]))


def false_claims(entry: Entry, code: Code) -> list[str]:
    """Messages for what the docstring claims and the code does not do."""
    sections = _sections(entry.docstring or "")
    found: list[str] = []
    if isinstance(entry.node, ast.FunctionDef | ast.AsyncFunctionDef):
        found += _of_function(entry.node, sections, code)
        found += _of_errors(entry.node, sections, code)
    elif isinstance(entry.node, ast.ClassDef):
        names = {one.name for one in _items(sections, "parameters")}
        found += [
            f"the parameter {name!r}, which does not exist" for name in sorted(names - _of_class(entry.node))
        ]
        found += _strange_errors(sections, code)
    return [*found, *_strange_names(entry.docstring or "", code)]


def unnamed_errors(entry: Entry, code: Code) -> set[str]:
    """Errors that the docstring of a function describes and that neither it nor what it calls names."""
    if not isinstance(entry.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    return {one for one in promised_errors(entry.docstring or "") if not code.names(entry.node, one)}


@lru_cache(maxsize=_MOST_TEXTS)
def promised_errors(text: str) -> frozenset[str]:
    """Errors that a docstring says are raised, in a section, a field or a sentence, without their modules."""
    if not _SPEAKS.search(text):
        return frozenset()
    sentences = {first or second for first, second in _RAISES.findall(text)}
    found = {one for one in sentences if one.endswith(("Error", "Exception"))} | documented(text)["raises"]
    return frozenset(one.rpartition(".")[2].strip("`") for one in found)


def speaks_of_missing_result(entry: Entry) -> bool:
    """True where a docstring speaks of what a function returns, and the function returns nothing."""
    node = entry.node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or gives_something(node):
        return False
    return _RETURNS.search(entry.docstring or "") is not None


def documented(text: str) -> dict[str, set[str]]:
    """Names of the parameters and errors that a docstring describes, and the types that it tells."""
    sections = _sections(text)
    written = {*_TYPED.findall(text)}
    typed = [one for kind in ("parameters", "returns", "yields") for one in _items(sections, kind)]
    return {
        "parameters": {one.name for one in _items(sections, "parameters")},
        "raises": {str(one.annotation) for one in _items(sections, "raises")},
        "types": {f"{one.name or 'the result'}: {one.annotation}" for one in typed if one.annotation}
        | written,
    }


# ------------------------------------------------------------------------------------------------------


def _sections(text: str) -> list[Any]:
    """A docstring's sections, in any of the three usual styles."""
    # Its warnings are about the style of docstrings that others wrote; nobody here could act on them.
    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    held = griffe.Docstring(text)
    try:
        style, _ = griffe.infer_docstring_style(held)
        sections = held.parse(style or griffe.Parser.google, warnings=False)
        # A docstring may mix styles, such as a Google text that ends with `:raises:` fields.
        if _FIELD.search(text) and style is not griffe.Parser.sphinx:
            sections = [*sections, *held.parse(griffe.Parser.sphinx, warnings=False)]
        return sections
    except Exception:
        return []  # a docstring that cannot be parsed makes no claim that can be checked


def _items(sections: list[Any], kind: str) -> Iterator[Any]:
    for section in sections:
        if section.kind.value in {kind, f"other {kind}"}:
            yield from section.value


def _of_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, sections: list[Any], code: Code
) -> Iterator[str]:
    taken, defaults, types = parameters(node), _defaults(node), _types(node)
    for item in _items(sections, "parameters"):
        name = item.name.lstrip("*")
        if name not in taken:
            # With `**options` a function may take a parameter that its signature does not list.
            if node.args.kwarg is None:
                yield f"the parameter {name!r}, which does not exist"
            continue
        yield from _of_default(name, item, defaults, node, code)
        # Only builtin types are compared: any other name may be an alias of the annotated one.
        claimed, real = plain_type(item.annotation), types.get(name, "")
        if _differ(claimed, real):
            yield f"the type {claimed} of {name!r}, which is {real}"
        yield from _of_unit(name, str(item.description))
    yield from _of_result(node, sections)


def _of_result(node: ast.FunctionDef | ast.AsyncFunctionDef, sections: list[Any]) -> Iterator[str]:
    returns = [(str(one.annotation or one.name), str(one.description)) for one in _items(sections, "returns")]
    # A text about None describes the case without a result, which a function without `return` has.
    returns = [one for one in returns if one[0] != "None" and "None" not in one[1]]
    if returns and not gives_something(node):
        yield "a return value, and there is none"
    prose = " ".join(one.value for one in sections if one.kind.value == "text")
    if _GIVES_NONE.search(prose) and plain_type(ast.unparse(node.returns or _ANYTHING)) not in ("", "None"):
        yield "None as a result, which its type excludes"
    claimed = plain_type(returns[0][0]) if returns else ""
    real = plain_type(ast.unparse(node.returns)) if node.returns is not None else given_type(node)
    if _differ(claimed, real):
        yield f"the result's type {claimed}, which is {real}"


def _differ(claimed: str, real: str) -> bool:
    return bool(claimed and real) and claimed != real and (claimed, real) not in _ALSO


def _of_default(name: str, item: Any, defaults: dict[str, Any], node: ast.AST, code: Code) -> Iterator[str]:
    match = _DEFAULT.search(f"{item.annotation or ''} {item.description}")
    claimed = _literal(match[1]) if match else ...
    # None often means that the function computes the default; then it has the value somewhere.
    if match is None or (defaults.get(name, ...) is None and code.has_value(node, claimed)):
        return
    if name not in defaults:
        yield f"the default {match[1]} of {name!r}, which has none"
    elif claimed is not ... and defaults[name] is not ... and claimed != defaults[name]:
        yield f"the default {match[1]} of {name!r}, which is {defaults[name]!r}"


def _of_unit(name: str, text: str) -> Iterator[str]:
    ending = name.rsplit("_", 1)[-1].lower() if "_" in name else ""
    for units in _UNITS:
        if ending in units:
            others = set(units.values()) - {units[ending]}
            named = [unit for unit in sorted(others) if re.search(rf"\b{unit}s?\b", text)]
            if named and not re.search(rf"\b{units[ending]}s?\b", text):
                yield f"{named[0]}s as the unit of {name!r}"


def _of_errors(node: ast.AST, sections: list[Any], code: Code) -> Iterator[str]:
    yield from _strange_errors(sections, code)
    for item in _items(sections, "raises"):
        error = str(item.annotation).split(".")[-1]
        if error in code.words and not code.may_raise(node, error):
            yield f"the error {error!r}, which is raised nowhere in it"


def _strange_errors(sections: list[Any], code: Code) -> Iterator[str]:
    for item in _items(sections, "raises"):
        root, _, last = str(item.annotation).rpartition(".")
        # An error of another library cannot be looked up here, so it is believed.
        foreign = root.split(".")[0] in code.words | set(sys.stdlib_module_names)
        known = last in code.words or hasattr(builtins, last) or not last[:1].isupper() or foreign
        if not known:
            yield f"the error {last!r}, which does not exist"


def _strange_names(text: str, code: Code) -> Iterator[str]:
    known = code.words | set(dir(builtins)) | set(keyword.kwlist) | set(sys.stdlib_module_names)
    for name in sorted(set(_TICKED.findall(text))):
        last = name.rsplit(".", 1)[-1]
        # A single word in backticks is often plain text; a name with an underscore hardly ever is.
        if "_" in last.strip("_") and not last.endswith("__") and last not in known:
            yield f"the name {name!r}, which does not exist"


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    """Defaults by parameter; `...` where the default is not a literal."""
    return {one.arg: _literal(ast.unparse(value)) for one, value in defaults_of(node.args)}


def _types(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, str]:
    """Plain types by parameter, as annotated."""
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    typed = ((one.arg, plain_type(ast.unparse(one.annotation))) for one in every if one.annotation)
    return {name: kind for name, kind in typed if kind}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ...


def _of_class(node: ast.ClassDef) -> set[str]:
    """Every name that a class's docstring may describe: its attributes, and parameters of its methods."""
    own = {name for one in walk(node) if isinstance(one, ast.FunctionDef) for name in parameters(one)}
    return own | names_of(node)


def _outside(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module and its classes that define no function."""
    classes = (one for one in walk(tree) if isinstance(one, ast.ClassDef))
    bodies = (one for body in [tree.body, *(one.body for one in classes)] for one in body)
    yield from (
        one for one in bodies if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def _values(nodes: Iterable[ast.AST]) -> set[str]:
    return {repr(one.value) for node in nodes for one in walk(node) if isinstance(one, ast.Constant)}


def _calls(node: ast.AST) -> set[str]:
    called = (one.func for one in walk(node) if isinstance(one, ast.Call))
    return {own_name(one) for one in called} - {""}
