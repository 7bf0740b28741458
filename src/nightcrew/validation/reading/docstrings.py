"""Docstrings: who has one, what it names, and whether it says anything that the name does not."""

import ast
import builtins
import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

type Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_WORD = re.compile(r"[A-Za-z]+")
_EMPTY_WORDS = {
    "a", "an", "and", "are", "arg", "args", "argument", "arguments", "as", "at", "be", "by", "call",
    "called", "calls", "class", "cls", "code", "data", "desc", "description", "do", "docstring",
    "documentation", "does", "etc", "for", "from", "function", "get", "gets", "given", "handle", "handles",
    "helper", "implementation", "implements", "in", "input", "inputs", "instance", "is", "it", "its",
    "method", "module", "new", "none", "object", "of", "on", "or", "param", "parameter", "parameters",
    "params", "perform", "performs", "python", "result", "results", "return", "returning", "returns", "see",
    "self", "set", "sets", "some", "that", "the", "this", "to", "todo", "type", "types", "use", "used",
    "uses", "value", "values", "when", "which", "with",
    "accordingly", "appropriate", "appropriately", "carry", "carries", "correctly", "desired", "efficiently",
    "ensure", "ensures", "execute", "executes", "functionality", "logic", "main", "necessary", "operation",
    "operations", "out", "passed", "process", "properly", "provide", "provided", "provides", "relevant",
    "required", "responsible", "robustly", "specified", "specific", "task", "various",
}  # fmt: skip
_SPHINX = re.compile(r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[\w\[\], .|]+\s+)?\*{0,2}(\w+)\s*:")
_SPHINX_FIELD = re.compile(r"^\s*:\w+[^:\n]*:", re.MULTILINE)
_SPHINX_RAISES = re.compile(r":(?:raises?|except|exception)\s+([\w.]+)\s*:")
_RAISES = re.compile(r"^\s*Raises\s*:\s*$")
_SECTION = re.compile(r"^\s*(Args|Arguments|Parameters|Keyword Args|Keyword Arguments)\s*:\s*$")
_GOOGLE_ENTRY = re.compile(r"^(\s+)\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:")
_RETURNS = re.compile(r"^\s*(?:Returns?\s*:|:returns?:|:rtype:|Returns\s*$)", re.MULTILINE)
_TICKED = re.compile(r"`{1,2}([A-Za-z_]\w{2,})(?:\(\))?`{1,2}")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can have a docstring."""

    name: str  # qualified; empty for the module
    node: Documented
    docstring: str | None

    @property
    def is_public(self) -> bool:
        """True where nothing in the name says otherwise."""
        return not any(part.startswith("_") for part in self.name.split(".") if part)


def entries(tree: ast.Module) -> dict[str, Entry]:
    """The module, its classes and functions, by qualified name; of several (a property and its setter, the
    branches of a condition) the one that is explained."""
    found: dict[str, Entry] = {}
    for entry in _walk(tree, ""):
        if entry.docstring or not (entry.name in found and found[entry.name].docstring):
            found[entry.name] = entry
    return found


def _walk(node: Documented, name: str) -> Iterator[Entry]:
    yield Entry(name, node, ast.get_docstring(node))
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in _definitions(node.body):
            yield from _walk(child, f"{name}.{child.name}" if name else child.name)


def _definitions(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """What a body defines, also under a condition."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            handled = [one for handler in getattr(node, "handlers", []) for one in handler.body]
            yield from _definitions([*node.body, *handled, *getattr(node, "orelse", [])])


def coverage(tree: ast.Module) -> tuple[int, int]:
    """How many public things have a docstring, and how many there are."""
    public = [entry for entry in entries(tree).values() if entry.is_public]
    return sum(bool(entry.docstring and entry.docstring.strip()) for entry in public), len(public)


def without_docstrings(tree: ast.Module) -> str:
    """The code alone, for comparison: docstrings and bare text statements are gone."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            node.body = [one for one in body if not _is_text(one) and not isinstance(one, ast.Pass)] or [
                ast.Pass()
            ]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def is_vacuous(entry: Entry) -> bool:
    """True where the docstring says nothing that the name and the signature do not say."""
    said = {_stem(word) for word in _WORD.findall(entry.docstring or "")}
    known = {_stem(word) for word in _EMPTY_WORDS} | _own_words(entry)
    return len({word for word in said - known if len(word) > 2}) < 2


def skeleton(entry: Entry) -> str:
    """What is left of a docstring of one paragraph without the names of what it is about: the same for all
    that were written by one template. Empty where it has more to it (fields, examples)."""
    text = (entry.docstring or "").strip()
    if "\n\n" in text or ">>>" in text or documented_parameters(text) or _SPHINX_FIELD.search(text):
        return ""
    own = _own_words(entry)
    return " ".join(word.lower() for word in _WORD.findall(text) if _stem(word) not in own)


def _own_words(entry: Entry) -> set[str]:
    """Stems of the words in its name (`fooBar.baz_qux`) and in those of its parameters."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", entry.name.replace("_", " ").replace(".", " "))
    own = {_stem(part) for part in _WORD.findall(spaced)}
    if isinstance(entry.node, ast.FunctionDef | ast.AsyncFunctionDef):
        own |= {_stem(word) for argument in parameters(entry.node) for word in argument.split("_")}
    return own


def _stem(word: str) -> str:
    word = word.lower()
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word.removesuffix("e")


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of a function's parameters."""
    arguments = node.args
    extra = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return {one.arg for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]}


def false_claims(entry: Entry, known_names: set[str]) -> list[str]:
    """What the docstring names and the code does not have."""
    text = entry.docstring or ""
    found: list[str] = []
    node = entry.node
    if isinstance(node, ast.ClassDef):
        own = {name for one in node.body if isinstance(one, ast.FunctionDef) for name in parameters(one)}
        own |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        own |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
        found += [f"the parameter {name!r}" for name in sorted(documented_parameters(text) - own)]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        taken = parameters(node)
        if node.args.kwarg is None:
            found += [f"the parameter {name!r}" for name in sorted(documented_parameters(text) - taken)]
        if (
            _RETURNS.search(text)
            and not _gives_something(node)
            and not re.search(r"(?i)returns?\W+none|:rtype: None", text)
        ):
            found.append("a return value")
    found += [
        f"the exception {name!r}"
        for name in sorted(documented_exceptions(text))
        if not _is_known(name, known_names)
    ]
    ticked = {name for name in _TICKED.findall(text) if "_" in name.strip("_") and not name.endswith("__")}
    strange = ticked - known_names - set(dir(builtins)) - set(keyword.kwlist) - set(sys.stdlib_module_names)
    return found + [f"the name {name!r}" for name in sorted(strange)]


def documented_parameters(text: str) -> set[str]:
    """Parameters that a docstring describes, in Sphinx, Google or NumPy form."""
    return set(_SPHINX.findall(text)) | _in_sections(text, _SECTION, "Parameters")


def documented_exceptions(text: str) -> set[str]:
    """Exceptions that a docstring says are raised, in Sphinx, Google or NumPy form."""
    return set(_SPHINX_RAISES.findall(text)) | _in_sections(text, _RAISES, "Raises")


def _in_sections(text: str, google: re.Pattern[str], numpy: str) -> set[str]:
    """Names that sections describe under Google's heading, or under NumPy's with its line of dashes."""
    found: set[str] = set()
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if google.match(line):
            found |= _google(lines[index + 1 :])
        elif line.strip() == numpy and index + 1 < len(lines) and set(lines[index + 1].strip()) == {"-"}:
            found |= _numpy(lines[index + 2 :])
    return found


def _is_known(name: str, known_names: set[str]) -> bool:
    """Also where it is a word, not a name: `Raises: nothing`."""
    root, _, last = name.rpartition(".")
    foreign = root.split(".")[0] in known_names | set(sys.stdlib_module_names)
    return last in known_names or hasattr(builtins, last) or not last[:1].isupper() or foreign


def _google(lines: list[str]) -> set[str]:
    found: set[str] = set()
    indent: int | None = None
    for line in lines:
        if not line.strip():
            break
        match = _GOOGLE_ENTRY.match(line)
        here = len(line) - len(line.lstrip())
        indent = here if indent is None else indent
        if here < indent:
            break
        if match and here == indent:
            found.add(match[2])
    return found


def _numpy(lines: list[str]) -> set[str]:
    found: set[str] = set()
    for index, line in enumerate(lines):
        following = lines[index + 1].strip() if index + 1 < len(lines) else ""
        if not line.strip() or (following and set(following) == {"-"}):
            break
        match = re.match(r"^\*{0,2}(\w+)\s*(?::.*)?$", line)
        if match:
            found.add(match[1])
    return found


def _gives_something(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    for one in ast.walk(node):
        if isinstance(one, ast.Return) and one.value is not None:
            return True
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
    return all(
        _is_text(one) or isinstance(one, ast.Pass | ast.Raise) or _is_ellipsis(one) for one in node.body
    )


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
