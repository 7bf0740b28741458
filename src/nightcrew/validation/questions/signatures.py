"""How a function may be called, and which calls that base accepts a change no longer accepts."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nightcrew.validation.questions.surface import Function, is_special
from nightcrew.validation.reading.names import dotted, last_part
from nightcrew.validation.tables import Table

_TABLE = Table("interfaces")
_TRANSPARENT = _TABLE.words("decorators", "transparent")
_GENERATING = tuple(_TABLE.texts("decorators")["generating"])
_GENERATING_BASES = _TABLE.words("bases", "generating")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `default` is None where the parameter is required."""

    name: str
    default: str | None
    positional: bool
    by_name: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """All parameters in order, without `self` or `cls`."""

    parameters: tuple[Parameter, ...]
    takes_any_positional: bool
    takes_any_name: bool
    is_generated: bool = False  # made by a decorator or a base class from the fields
    is_filled_in: bool = False  # a decorator may pass arguments of its own

    def named(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((one for one in self.parameters if one.name == name), None)


def signature(node: Function, *, is_method: bool) -> Signature:
    """The signature of a function as it is written."""
    spec = node.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(spec.defaults))
    defaults += spec.defaults
    found = [
        Parameter(one.arg, _text(default), True, index >= len(spec.posonlyargs))
        for index, (one, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    if is_special(node.name) and node.name not in {"__init__", "__new__", "__call__"}:
        found = [replace(one, by_name=False) for one in found]  # Python itself calls it
    static = any(dotted(one) == "staticmethod" for one in node.decorator_list)
    if is_method and not static:
        found = found[1:]
    found += [
        Parameter(one.arg, _text(default), False, True)
        for one, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    ]
    marks = {last_part(one) for one in node.decorator_list}
    return Signature(
        tuple(found), spec.vararg is not None, spec.kwarg is not None, is_filled_in=bool(marks - _TRANSPARENT)
    )


def generated(node: ast.ClassDef) -> Signature | None:
    """The constructor that a decorator or a base class makes from a class's fields; None: it makes none."""
    marks = [dotted(one) for one in node.decorator_list]
    bases = {last_part(one) for one in node.bases}
    if not any(mark.endswith(_GENERATING) for mark in marks) and not bases & _GENERATING_BASES:
        return None
    found = [
        Parameter(one.target.id.lstrip("_"), _text(one.value), True, True)
        for one in node.body
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and "ClassVar" not in ast.unparse(one.annotation)
    ]
    return Signature(tuple(found), False, False, True)


def lost_calls(old: Signature, new: Signature) -> Iterator[str]:
    """What callers of the old signature can no longer do, in words."""
    yield from _lost_names(old, new)
    if old.is_generated or new.is_generated or new.is_filled_in:
        return
    yield from _lost_places(old, new)
    if old.takes_any_positional and not new.takes_any_positional:
        yield "takes no further positional arguments any more"
    if old.takes_any_name and not new.takes_any_name:
        yield "takes no further keyword arguments any more"
    for one in new.parameters:
        added = old.named(one.name) is None and one.default is None
        if added and not old.takes_any_name and len(new.parameters) > len(old.parameters):
            yield f"cannot be called without the new parameter {one.name!r}"


# ------------------------------------------------------------------------------------------------------


def _lost_names(old: Signature, new: Signature) -> Iterator[str]:
    for index, one in enumerate(old.parameters):
        other = new.named(one.name)
        if other is None:
            missed = one.by_name and not one.name.startswith("_") and not new.takes_any_name
            if missed and not _is_renamed(one, index, old, new):
                yield f"has no parameter {one.name!r} any more"
            continue
        if one.by_name and not other.by_name:
            yield f"does not take {one.name!r} by name any more"
        if one.default is not None and other.default is None:
            yield f"has no default for {one.name!r} any more"
        elif one.default is not None and other.default not in {one.default, "None"}:  # None: worked out now
            yield f"has another default for {one.name!r}: {other.default} instead of {one.default}"


def _is_renamed(one: Parameter, index: int, old: Signature, new: Signature) -> bool:
    """True for a required parameter that keeps its position under another name."""
    if one.default is not None or not one.positional or len(new.parameters) < len(old.parameters):
        return False
    other = new.parameters[index]
    return other.positional and other.default is None and old.named(other.name) is None


def _lost_places(old: Signature, new: Signature) -> Iterator[str]:
    """Parameters that moved before ones they used to follow, or that can no longer be passed by position."""
    before = [one.name for one in old.parameters if one.positional]
    after = [one.name for one in new.parameters if one.positional]
    kept = [name for name in before if name in after]
    for name, other in zip(kept, sorted(kept, key=after.index), strict=True):
        if name != other:
            yield f"takes {name!r} at another place"
    for name in before:
        if name not in after and new.named(name) is not None and not new.takes_any_positional:
            yield f"takes {name!r} by name only"


def _text(node: ast.expr | None) -> str | None:
    return None if node is None else ast.unparse(node)
