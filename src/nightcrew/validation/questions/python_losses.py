"""What a changed Python module no longer gives to those who use it."""

import ast
import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nightcrew.validation.questions.signatures import Signature, generated, lost_calls, signature
from nightcrew.validation.questions.surface import (
    Function,
    Item,
    Kind,
    Surface,
    dotted,
    is_public,
    is_special,
    last_part,
)
from nightcrew.validation.tables import Table

_TABLE = Table("interfaces")
_MADE, _NEEDLESS = (_TABLE.words("names", key) for key in ("made", "needless"))
_FAMILIES = ({"lru_cache", "cache"}, {"property", "cached_property"}, {"coroutine", "asynccontextmanager"})
_MEANINGFUL, _FREE = (_TABLE.words("decorators", key) for key in ("meaningful", "free"))


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that is gone (`is_gone`) or is another than it was; `names` are what a text may call it."""

    what: str
    line: int
    names: tuple[str, ...]
    is_gone: bool = True
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """What the rest of the repository says: who uses a name, and which class another one is made from."""

    is_used: Callable[[str], bool]
    is_internal: Callable[[str], bool]  # used by the repository, and shown to nobody else
    is_missed: Callable[[str], bool]  # still named by the patched tree
    class_of: Callable[[str], tuple[ast.ClassDef, ...]]
    is_package: bool = False  # the module is an `__init__.py`: what it imports it gives on
    is_hidden: bool = False  # the module's own name is private


def python_losses(old: Surface, new: Surface, world: World) -> Iterator[Loss]:
    """Every loss of one module."""
    for name, item in old.items.items():
        found = [*_of_name(name, item, old, new, world)] if _counts(name, item, old, world) else []
        # A helper that only the repository used, and nobody uses any more, went with its users.
        if found and (_leaves_a_gap(name, new, world) or not world.is_internal(name.split(".")[0])):
            yield from found
    for name, line in old.exported.items():
        if name not in new.exported and name in new.items:
            yield Loss(f"__all__ does not name {name} any more", line, (name, "__all__"))
    for option, line in old.options.items():
        if option not in new.options and option not in new.texts:
            yield Loss(f"the command line has no option {option} any more", line, (option,))
    if old.is_script and not new.is_script:
        yield Loss("the module does nothing any more when it is run as a script", 1, ("__main__", "script"))


# ------------------------------------------------------------------------------------------------------


def _of_name(name: str, item: Item, old: Surface, new: Surface, world: World) -> Iterator[Loss]:
    other = new.items.get(name)
    if other is not None:
        yield from _differences(name, item, other)
    elif not (_is_gone_with_its_owner(name, old, new) or _lives_on(name, item, new, world)):
        yield Loss(f"{_word(item)} {name} is gone", item.line, _names(name))


def _leaves_a_gap(name: str, new: Surface, world: World) -> bool:
    """True for a name of the module itself that is gone and that somebody still asks for."""
    if "." in name or name in new.items:
        return False
    return not any(one.endswith(f".{name}") for one in new.items) and world.is_missed(name)


def _counts(name: str, item: Item, old: Surface, world: World) -> bool:
    """True for what others may rely on."""
    last = name.rsplit(".", 1)[-1]
    if last in _NEEDLESS or (item.kind is Kind.IMPORT and "." in name):
        return False
    if item.kind is Kind.IMPORT:
        declared = isinstance(item.node, ast.Import | ast.ImportFrom) and any(
            one.asname == one.name == name for one in item.node.names
        )
        if isinstance(item.node, ast.ImportFrom) and item.node.module == "__future__":
            return False
        given_on = world.is_package and isinstance(item.node, ast.ImportFrom) and item.node.level > 0
        return declared or name in old.exported or (given_on and is_public(name)) or world.is_used(name)
    if not is_public(name) or world.is_hidden:
        return world.is_used(name)
    return True


def _is_gone_with_its_owner(name: str, old: Surface, new: Surface) -> bool:
    owner = name.rpartition(".")[0]
    return bool(owner) and owner in old.items and owner not in new.items


def _lives_on(name: str, item: Item, new: Surface, world: World) -> bool:
    """True where the name is there by other means: inherited, generated, or looked up when asked for."""
    owner, _, last = name.rpartition(".")
    if not owner:
        return new.is_dynamic and (name in new.texts or "*" in new.items)
    if last in {"setter", "deleter"}:
        return new.items.get(owner) is not None and new.items[owner].kind is Kind.VALUE
    holder = new.items.get(owner)
    if holder is None or not isinstance(holder.node, ast.ClassDef):
        return holder is not None
    if last in _MADE and (generated(holder.node) is not None or last == "__slots__"):
        return True
    if last == "__init__" and isinstance(item.node, ast.FunctionDef) and not _asks_for_anything(item.node):
        return True
    return _is_inherited(last, holder.node, new, world, set())


def _asks_for_anything(node: ast.FunctionDef) -> bool:
    return bool(signature(node, is_method=True).parameters)


def _is_inherited(last: str, node: ast.ClassDef, new: Surface, world: World, seen: set[str]) -> bool:
    for base in node.bases:
        name = dotted(base)
        if hasattr(getattr(builtins, name, object), last) and not hasattr(object, last):
            return True
        if name in seen:
            continue
        seen.add(name)
        item = new.items.get(name)
        if item is not None and isinstance(item.node, ast.ClassDef):
            holders: tuple[ast.ClassDef, ...] = (item.node,)
        else:
            holders = world.class_of(name.rsplit(".", 1)[-1])
        for holder in holders:
            if last in _members(holder) or _is_inherited(last, holder, new, world, seen):
                return True
    return False


def _members(node: ast.ClassDef) -> set[str]:
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            found.add(inner.attr)
    return found


def _differences(name: str, old: Item, new: Item) -> Iterator[Loss]:
    if isinstance(old.node, ast.ClassDef):
        yield from _class_differences(name, old, new)
    elif isinstance(old.node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from _function_differences(name, old, new)
    elif old.kind is Kind.VALUE:
        yield from _lost_entries(name, old, new)


def _function_differences(name: str, old: Item, new: Item) -> Iterator[Loss]:
    before, after = old.node, new.node
    assert isinstance(before, ast.FunctionDef | ast.AsyncFunctionDef)
    if not isinstance(after, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    method = "." in name
    texts = _head(before), _head(after)
    for words in lost_calls(signature(before, is_method=method), signature(after, is_method=method)):
        yield Loss(f"{name} {words}", new.line, (*_names(name), *_quoted(words)), False, *texts)
    if isinstance(before, ast.FunctionDef) and isinstance(after, ast.AsyncFunctionDef):
        yield Loss(f"{name} has to be awaited now", new.line, (*_names(name), "async"), False, *texts)
    yield from _lost_decorators(name, before.decorator_list, after.decorator_list, new.line)
    was, now = _plain_names(before.decorator_list), _plain_names(after.decorator_list)
    if not was & _FAMILIES[1] and now & _FAMILIES[1]:
        yield Loss(
            f"{name} cannot be called any more: it is a property",
            new.line,
            (*_names(name), "property"),
            False,
        )
    if ast.get_docstring(before) and not ast.get_docstring(after) and not now & _FAMILIES[1]:
        yield Loss(f"the docstring of {name} is gone", new.line, (*_names(name), "docstring", "docstrings"))


def _class_differences(name: str, old: Item, new: Item) -> Iterator[Loss]:
    before, after = old.node, new.node
    assert isinstance(before, ast.ClassDef)
    if not isinstance(after, ast.ClassDef):
        if new.kind is Kind.FUNCTION:
            yield Loss(f"{name} is not a class any more", new.line, _names(name), False)
        return
    bases = {last_part(one) for one in after.bases}
    for base in before.bases:
        last = last_part(base)
        if last not in bases | {"object", ""} and not any(_derives(one, last) for one in bases):
            what = f"{name} is no {dotted(base)} any more"
            yield Loss(what, new.line, (*_names(name), last), False, _head(before), _head(after))
    yield from _lost_decorators(name, before.decorator_list, after.decorator_list, new.line)
    kept = {word.arg: ast.unparse(word.value) for word in after.keywords}
    for word in before.keywords:
        if word.arg is not None and word.arg not in kept:
            what = f"{name} is declared without {word.arg} now"
            yield Loss(what, new.line, (*_names(name), word.arg), False, _head(before), _head(after))
    if ast.get_docstring(before) and not ast.get_docstring(after):
        yield Loss(f"the docstring of {name} is gone", new.line, (*_names(name), "docstring", "docstrings"))
    yield from _lost_construction(name, before, after, new.line)


def _lost_construction(name: str, before: ast.ClassDef, after: ast.ClassDef, line: int) -> Iterator[Loss]:
    """Arguments of a constructor that is generated from fields, before or after."""
    old, new = _constructor(before), _constructor(after)
    if old is None or new is None or not (old.is_generated or new.is_generated):
        return
    for words in lost_calls(old, new):
        if "default" not in words or new.is_generated:
            yield Loss(f"{name} {words}", line, (*_names(name), *_quoted(words)), False)


def _constructor(node: ast.ClassDef) -> Signature | None:
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            return signature(one, is_method=True)
    return generated(node)


def _derives(name: str, other: str) -> bool:
    """True for a builtin class that is made from another one: what is a ValueError is an Exception."""
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
        related |= last not in _MEANINGFUL and len(new) >= len(old)  # another one stands in its place
        if other is None and not related and last not in _FREE:
            what = f"{name} is not decorated with @{identity} any more"
            yield Loss(what, line, (*_names(name), last, f"@{last}"), False, f"@{ast.unparse(node)}")
        elif other is not None:
            for word in _switched_off(node, other):
                what = f"{name} is not {word} any more"
                called = (*_names(name), word)
                yield Loss(what, line, called, False, f"@{ast.unparse(node)}", f"@{ast.unparse(other)}")


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
    """Keywords that were True and are not any more: `frozen`, `slots`, `kw_only`."""

    def true_words(node: ast.expr) -> set[str]:
        words = node.keywords if isinstance(node, ast.Call) else []
        return {
            str(one.arg) for one in words if isinstance(one.value, ast.Constant) and one.value.value is True
        }

    yield from sorted(true_words(old) - true_words(new))


def _lost_entries(name: str, old: Item, new: Item) -> Iterator[Loss]:
    """Entries of a table that is written down; one that is replaced by another is an edit, not a loss."""
    before, after = _entries(old.node), _entries(new.node)
    if before is None or after is None or len(after) >= len(before) or name == "__all__":
        return
    for entry in before:
        if entry not in after:
            what = f"{name} does not have {entry[:60]} any more"
            yield Loss(what, new.line, (*_names(name), entry.strip("'\"")), True)


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


def _word(item: Item) -> str:
    if item.kind is Kind.FUNCTION and "." in item.name:
        return "the method"
    if item.kind is Kind.IMPORT:
        return "the imported name"
    return f"the {item.kind}"


def _names(name: str) -> tuple[str, ...]:
    parts = [part for part in name.split(".") if not is_special(part)]
    return (name, *parts[-1:])


def _quoted(words: str) -> tuple[str, ...]:
    return tuple(part for index, part in enumerate(words.split("'")) if index % 2)
