"""What a changed Python module no longer offers to the code that uses it."""

import ast
import builtins
from collections.abc import Iterator
from dataclasses import replace

from nightcrew.validation.questions.differences import differences, names_of
from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.questions.repository import World
from nightcrew.validation.questions.signatures import Signature, generated, lost_calls, signature
from nightcrew.validation.questions.surface import Function, Item, Kind, Surface, is_public, surface
from nightcrew.validation.reading.form import TYPE_VARIABLES
from nightcrew.validation.reading.names import dotted, last_part
from nightcrew.validation.reading.suite import tree_text, walk
from nightcrew.validation.tables import Table

_MADE, _NEEDLESS = (Table("interfaces").words("names", key) for key in ("made", "needless"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINED = {Kind.FUNCTION, Kind.CLASS}
_FAMILY = 5  # methods of one class whose names begin alike, from which a pattern is believed


def python_losses(old: Surface, new: Surface, world: World) -> Iterator[Loss]:
    """Every loss of one module."""
    for name, item in old.items.items():
        found = [*_of_name(name, item, old, new, world)] if _counts(name, item, old, world) else []
        # A helper that only the repository used was removed together with its last use.
        if found and (_leaves_a_gap(name, new, world) or not world.is_internal(name.split(".")[0])):
            yield from found
    for name, line in old.exported.items():
        if name not in new.exported and name in new.items:
            yield Loss(f"__all__ does not name {name} any more", line, (name, "__all__"))
    for name, line in new.exported.items():
        if name not in old.exported and not (name in new.items or new.is_dynamic or world.has_module(name)):
            yield Loss(
                f"`import *` fails now: __all__ names {name}, which the module does not have", line, (name,)
            )
    for option, line in old.options.items():
        if option not in new.options and option not in new.texts:
            yield Loss(f"the command line has no option {option} any more", line, (option,))
    if old.is_script and not new.is_script:
        yield Loss("the module does nothing any more when it is run as a script", 1, ("__main__", "script"))


def stub_losses(module: ast.Module, stub: ast.Module, known: ast.Module | None) -> Iterator[Loss]:
    """What a stub (`.pyi`) hides from type checkers, which read it alone, and what it declares otherwise than
    its module has it; of `known`, base's stub, only edits count."""
    code, declared = surface(module), surface(stub)
    written = {one.name for one in walk(stub) if isinstance(one, _FUNCTIONS)}  # overloaded ones too
    for name, item in code.items.items() if known is None else ():
        seen = name in declared.items or name.rpartition(".")[2] in written
        if not seen and item.kind in _DEFINED and not any(part.startswith("_") for part in name.split(".")):
            yield Loss(f"type checkers do not see {name}: the new stub leaves it out", 0, names_of(name))
    before = surface(known).items if known is not None else {}
    for name, item in declared.items.items():
        same = name in before and tree_text(before[name].node) == tree_text(item.node)
        if item.kind in _DEFINED and not same:
            yield from _declared_otherwise(name, item, code)


# ------------------------------------------------------------------------------------------------------


def _of_name(name: str, item: Item, old: Surface, new: Surface, world: World) -> Iterator[Loss]:
    other = new.items.get(name)
    if other is not None:
        yield from differences(name, item, other)
    elif not (
        _is_gone_with_its_owner(name, old, new)
        or _lives_on(name, item, new, world)
        or _goes_by_pattern(name, item, old, new, world)
    ):
        yield Loss(f"{_word(item)} {name} is gone", item.line, names_of(name))


def _goes_by_pattern(name: str, item: Item, old: Surface, new: Surface, world: World) -> bool:
    """True for a method that has another name of the same pattern now and is called by that pattern alone:
    `p_expression`, `visit_Call`."""
    owner, _, last = name.rpartition(".")
    # Parser generators and visitors look methods up by prefix; nobody calls them by name.
    start, family = f"{owner}.{last.partition('_')[0]}_", isinstance(item.node, ast.FunctionDef)
    if not (owner and "_" in last and family and sum(one.startswith(start) for one in old.items) >= _FAMILY):
        return False
    body = [tree_text(one) for one in getattr(item.node, "body", [])]
    fresh = (one.node for key, one in new.items.items() if key.startswith(start) and key not in old.items)
    same = any([tree_text(part) for part in getattr(one, "body", [])] == body for one in fresh)
    return same and not world.is_named(last)


def _leaves_a_gap(name: str, new: Surface, world: World) -> bool:
    """True for a removed name of the module itself that other code still uses."""
    if "." in name or name in new.items:
        return False
    # Uses elsewhere may mean the method of this name that the module has now.
    return not any(one.endswith(f".{name}") for one in new.items) and world.is_missed(name)


def _counts(name: str, item: Item, old: Surface, world: World) -> bool:
    """True for names that users may rely on."""
    last = name.rsplit(".", 1)[-1]
    if last in _NEEDLESS or (item.kind is Kind.IMPORT and "." in name):
        return False
    if item.kind is Kind.IMPORT:
        # `import x as x` is how typed packages say that a name is theirs to hand on (PEP 484).
        declared = isinstance(item.node, ast.Import | ast.ImportFrom) and any(
            one.asname == one.name == name for one in item.node.names
        )
        if isinstance(item.node, ast.ImportFrom) and item.node.module == "__future__":
            return False
        # Other imports are there for the module itself; only an `__init__` collects names for its users.
        given_on = world.is_package and isinstance(item.node, ast.ImportFrom) and item.node.level > 0
        return declared or name in old.exported or (given_on and is_public(name)) or world.is_used(name)
    if _is_type_variable(item):
        return name in old.exported or world.is_used(name)
    if not is_public(name) or world.is_hidden:
        return world.is_used(name)
    return True


def _is_type_variable(item: Item) -> bool:
    """True for a placeholder in annotations; those who import a module write their own."""
    value = item.node.value if isinstance(item.node, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Call) and last_part(value.func) in TYPE_VARIABLES


def _is_gone_with_its_owner(name: str, old: Surface, new: Surface) -> bool:
    owner = name.rpartition(".")[0]
    return bool(owner) and owner in old.items and owner not in new.items


def _lives_on(name: str, item: Item, new: Surface, world: World) -> bool:
    """True where the name still exists by other means: inherited, generated, or looked up on access."""
    owner, _, last = name.rpartition(".")
    if not owner:
        # A module with `__getattr__` may give the name on access, from a table of strings.
        return new.is_dynamic and (name in new.texts or "*" in new.items)
    # A property that became a plain attribute can be set and deleted without them.
    if last in {"setter", "deleter"}:
        return new.items.get(owner) is not None and new.items[owner].kind is Kind.VALUE
    holder = new.items.get(owner)
    if holder is None or not isinstance(holder.node, ast.ClassDef):
        return holder is not None
    if last in _MADE and generated(holder.node) is not None:
        return True
    maker = item.node if last == "__init__" and isinstance(item.node, ast.FunctionDef) else None
    # An `__init__` without parameters is called as `object`'s is.
    if maker is not None and not signature(maker, is_method=True).parameters:
        return True
    return _is_inherited(last, holder.node, new, world, set())


def _is_inherited(last: str, node: ast.ClassDef, new: Surface, world: World, seen: set[str]) -> bool:
    for base in node.bases:
        name = dotted(base)
        # Every class has what `object` has, so that finding it there proves no inheritance.
        if hasattr(getattr(builtins, name, object), last) and not hasattr(object, last):
            return True
        # The text may name a class as its own ancestor.
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


def _declared_otherwise(name: str, item: Item, code: Surface) -> Iterator[Loss]:
    """What a stub declares of a name and the module does not have."""
    other = code.items.get(name)
    if other is None and not ("." in name or name.startswith("__") or code.is_dynamic):
        yield Loss(f"the stub declares {name}, which the module does not have", item.line, names_of(name))
    elif isinstance(item.node, _FUNCTIONS) and other and isinstance(other.node, _FUNCTIONS):
        for words in lost_calls(*(_plain(one, name) for one in (item.node, other.node))):
            yield Loss(f"the stub says otherwise: {name} {words}", item.line, names_of(name))


def _plain(node: Function, name: str) -> Signature:
    """The signature without the values of defaults, for which a stub may write `...`."""
    found = signature(node, is_method="." in name)
    plain = [replace(one, default=one.default and "...") for one in found.parameters]
    return replace(found, parameters=tuple(plain))


def _members(node: ast.ClassDef) -> set[str]:
    found: set[str] = set()
    for inner in walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            found.add(inner.attr)
    return found


def _word(item: Item) -> str:
    if item.kind is Kind.FUNCTION and "." in item.name:
        return "the method"
    if item.kind is Kind.IMPORT:
        return "the imported name"
    return f"the {item.kind}"
