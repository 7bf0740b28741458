"""A stub (`.pyi`) against its module: type checkers read the stub alone, so what a new one leaves out is lost
to them, and what it declares otherwise than the module has it is false."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from nightcrew.validation.questions.differences import names_of
from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.questions.signatures import Signature, lost_calls, signature
from nightcrew.validation.questions.surface import Kind, surface
from nightcrew.validation.reading.suite import Function, tree_text, walk

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINED = {Kind.FUNCTION, Kind.CLASS}


def stub_losses(module: ast.Module, stub: ast.Module, known: ast.Module | None) -> Iterator[Loss]:
    """What type checkers lose or get wrong by a stub; `known` is base's stub, of which only edits count."""
    code, declared = surface(module), surface(stub)
    if known is None:
        written = {one.name for one in walk(stub) if isinstance(one, _DEFINITIONS)}  # overloaded ones too
        for name, item in code.items.items():
            missing = name not in declared.items and name.rpartition(".")[2] not in written
            if (
                missing
                and item.kind in _DEFINED
                and not any(part.startswith("_") for part in name.split("."))
            ):
                yield Loss(f"type checkers do not see {name}: the new stub leaves it out", 0, names_of(name))
    before = surface(known).items if known is not None else {}
    for name, item in declared.items.items():
        same = name in before and tree_text(before[name].node) == tree_text(item.node)
        if same or item.kind not in _DEFINED:
            continue
        other = code.items.get(name)
        if other is None and not ("." in name or name.startswith("__") or code.is_dynamic):
            yield Loss(f"the stub declares {name}, which the module does not have", item.line, names_of(name))
        elif isinstance(item.node, _DEFINITIONS) and other and isinstance(other.node, _DEFINITIONS):
            told, real = (_plain(one, name) for one in (item.node, other.node))
            for words in lost_calls(told, real):
                yield Loss(f"the stub says otherwise: {name} {words}", item.line, names_of(name))


# ---------------------------------------------------------------------------------------------------------


def _plain(node: Function, name: str) -> Signature:
    """The signature without the values of defaults, for which a stub may write `...`."""
    found = signature(node, is_method="." in name)
    plain = [replace(one, default=one.default and "...") for one in found.parameters]
    return replace(found, parameters=tuple(plain))
