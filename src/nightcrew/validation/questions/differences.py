"""How a name that is still defined has changed for its users: signature, bases, decorators, entries."""

import ast
import builtins
from collections.abc import Iterator

from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.questions.signatures import Signature, generated, lost_calls, signature
from nightcrew.validation.questions.surface import Function, Item, Kind, is_special
from nightcrew.validation.reading.names import dotted, last_part
from nightcrew.validation.tables import Table

_MEANINGFUL, _FREE = (Table("interfaces").words("decorators", key) for key in ("meaningful", "free"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_PROPERTIES = {"property", "cached_property"}
_FAMILIES = ({"lru_cache", "cache"}, _PROPERTIES, {"coroutine", "asynccontextmanager"})


def differences(name: str, old: Item, new: Item) -> Iterator[Loss]:
    """Every difference that a user of the name would notice."""
    before, after = old.node, new.node
    if isinstance(before, ast.ClassDef) and isinstance(after, ast.ClassDef):
        yield from _class_differences(name, before, after, new.line)
        yield from _lost_around(name, before, after, new.line)
        yield from _lost_construction(name, before, after, new.line)
    elif isinstance(before, ast.ClassDef) and new.kind is Kind.FUNCTION:
        yield _changed(name, new.line, f"{name} is not a class any more")
    elif isinstance(before, _FUNCTIONS) and isinstance(after, _FUNCTIONS):
        yield from _function_differences(name, before, after, new.line)
        yield from _lost_around(name, before, after, new.line)
    elif old.kind is Kind.VALUE:
        yield from _lost_entries(name, old, new)


def names_of(name: str) -> tuple[str, ...]:
    """The spellings by which a text may refer to a dotted name."""
    parts = [part for part in name.split(".") if not is_special(part)]
    return (name, *parts[-1:])


# ------------------------------------------------------------------------------------------------------


def _changed(name: str, line: int, what: str, *words: str, texts: tuple[str, str] = ("", "")) -> Loss:
    """A name that is there and means something else; `words`: by which a task may ask for it besides."""
    return Loss(what, line, (*names_of(name), *words), False, *texts)


def _function_differences(name: str, before: Function, after: Function, line: int) -> Iterator[Loss]:
    method, texts = "." in name, (_head(before), _head(after))
    for words in lost_calls(signature(before, is_method=method), signature(after, is_method=method)):
        yield _changed(name, line, f"{name} {words}", *_quoted(words), texts=texts)
    if isinstance(before, ast.FunctionDef) and isinstance(after, ast.AsyncFunctionDef):
        yield _changed(name, line, f"{name} has to be awaited now", "async", texts=texts)
    was, now = _plain_names(before.decorator_list), _plain_names(after.decorator_list)
    if not was & _PROPERTIES and now & _PROPERTIES:
        yield _changed(name, line, f"{name} cannot be called any more: it is a property", "property")


def _class_differences(name: str, before: ast.ClassDef, after: ast.ClassDef, line: int) -> Iterator[Loss]:
    texts, bases = (_head(before), _head(after)), {last_part(one) for one in after.bases}
    for base in before.bases:
        last = last_part(base)
        if last not in bases | {"object", ""} and not any(_derives(one, last) for one in bases):
            yield _changed(name, line, f"{name} is no {dotted(base)} any more", last, texts=texts)
    kept = {word.arg for word in after.keywords}
    for word in before.keywords:
        if word.arg is not None and word.arg not in kept:
            yield _changed(name, line, f"{name} is declared without {word.arg} now", word.arg, texts=texts)


def _lost_around[T: (Function, ast.ClassDef)](name: str, before: T, after: T, line: int) -> Iterator[Loss]:
    """Lost decorators, and a lost docstring; what became a property needs none."""
    yield from _lost_decorators(name, before.decorator_list, after.decorator_list, line)
    is_property = bool(_plain_names(after.decorator_list) & _PROPERTIES)
    if ast.get_docstring(before) and not ast.get_docstring(after) and not is_property:
        yield Loss(f"the docstring of {name} is gone", line, (*names_of(name), "docstring", "docstrings"))


def _lost_construction(name: str, before: ast.ClassDef, after: ast.ClassDef, line: int) -> Iterator[Loss]:
    """Arguments of a constructor that is generated from fields, before or after."""
    old, new = _constructor(before), _constructor(after)
    if old is None or new is None or not (old.is_generated or new.is_generated):
        return
    for words in lost_calls(old, new):
        if "default" not in words or new.is_generated:
            yield _changed(name, line, f"{name} {words}", *_quoted(words))


def _constructor(node: ast.ClassDef) -> Signature | None:
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            return signature(one, is_method=True)
    return generated(node)


def _derives(name: str, other: str) -> bool:
    """True where one builtin class inherits from the other: a ValueError is also an Exception."""
    one, base = getattr(builtins, name, None), getattr(builtins, other, None)
    return isinstance(one, type) and isinstance(base, type) and issubclass(one, base)


def _lost_decorators(name: str, old: list[ast.expr], new: list[ast.expr], line: int) -> Iterator[Loss]:
    names = {dotted(one) for one in old if [dotted(other) for other in old].count(dotted(one)) > 1}
    before, after = _by_identity(old, names), _by_identity(new, names)
    spare = _plain_names(new)
    for identity, node in before.items():
        last = identity.split("(")[0].rsplit(".", 1)[-1]
        other = after.get(identity)
        if other is None and last in spare and "(" not in identity:
            other = next(one for one in new if last_part(one) == last)
        related = any(last in family and family & spare for family in _FAMILIES)
        related |= last not in _MEANINGFUL and len(new) >= len(old)  # another one replaces it
        if other is None and not related and last not in _FREE:
            what, texts = f"{name} is not decorated with @{identity} any more", (f"@{ast.unparse(node)}", "")
            yield _changed(name, line, what, last, f"@{last}", texts=texts)
        elif other is not None:
            for word in _switched_off(node, other):
                texts = f"@{ast.unparse(node)}", f"@{ast.unparse(other)}"
                yield _changed(name, line, f"{name} is not {word} any more", word, texts=texts)


def _by_identity(decorators: list[ast.expr], several: set[str]) -> dict[str, ast.expr]:
    """Decorators by name; where base has several of one name (options, routes), by their first text too."""
    found: dict[str, ast.expr] = {}
    for node in decorators:
        name = dotted(node)
        first = node.args[0] if isinstance(node, ast.Call) and node.args else None
        found[f"{name}({ast.unparse(first)})" if name in several and first is not None else name] = node
    return found


def _plain_names(decorators: list[ast.expr]) -> set[str]:
    return {last_part(one) for one in decorators}


def _switched_off(old: ast.expr, new: ast.expr) -> Iterator[str]:
    """Keywords that were True and no longer are: `frozen`, `slots`, `kw_only`."""

    def true_words(node: ast.expr) -> set[str]:
        words = node.keywords if isinstance(node, ast.Call) else []
        return {
            str(one.arg) for one in words if isinstance(one.value, ast.Constant) and one.value.value is True
        }

    yield from sorted(true_words(old) - true_words(new))


def _lost_entries(name: str, old: Item, new: Item) -> Iterator[Loss]:
    """Lost entries of a literal table; an entry that another one replaces is an edit, not a loss."""
    before, after = _entries(old.node), _entries(new.node)
    if before is None or after is None or len(after) >= len(before) or name == "__all__":
        return
    for entry in before:
        if entry not in after:
            what = f"{name} does not have {entry[:60]} any more"
            yield Loss(what, new.line, (*names_of(name), entry.strip("'\"")), True)


def _entries(node: ast.AST) -> list[str] | None:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]  # frozenset({...}), MappingProxyType({...})
    if isinstance(value, ast.Dict):
        return [ast.unparse(key) for key in value.keys if key is not None]
    if isinstance(value, ast.Set | ast.List | ast.Tuple):
        return [ast.unparse(one) for one in value.elts]
    return None


def _head(node: Function | ast.ClassDef) -> str:
    """The first line of a definition."""
    if isinstance(node, ast.ClassDef):
        inner = ", ".join(ast.unparse(one) for one in [*node.bases, *node.keywords])
        return f"class {node.name}({inner})" if inner else f"class {node.name}"
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{word} {node.name}({ast.unparse(node.args)})"


def _quoted(words: str) -> tuple[str, ...]:
    return tuple(part for index, part in enumerate(words.split("'")) if index % 2)
