"""Values that a change brings: they decide something in the product, and its tests may contain them too."""

import ast
from collections.abc import Iterator

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.suite import all_functions, parse, read, tree_text, walk
from nightcrew.validation.running.clean_room import CleanRoom

MOST_LITERALS = 20
LEAST_NAME = 4  # characters of a name with its quotes
ORDINARY = {repr(one) for one in (None, True, False, 0, 1, -1, 2, "", " ", b"", b" ", 0.0, 1.0)}


def shared_literals(room: CleanRoom) -> list[str]:
    """Values, in Python's notation, that the change adds to the product and that its tests contain too,
    without those that base already has."""
    tests = [one for one in room.changes if one.path.endswith(".py") and room.is_test(one.path)]
    held = {value for one in tests for value in _literals(one.after) - _literals(one.before)}
    fresh = {value for one in product_changes(room) for value in _literals(one.after) - _literals(one.before)}
    fresh |= _deciding(room)
    return unknown(room, {repr(value) for value in fresh if _is_held(value, held)})


def deciding_literals(room: CleanRoom) -> list[str]:
    """Values, in Python's notation, in the change's new conditions and tables that base does not have."""
    return unknown(room, set(map(repr, _deciding(room))))


def unknown(room: CleanRoom, literals: set[str]) -> list[str]:
    """The values that are neither ordinary ones nor names that base's product or documents use."""
    unusual = sorted(literals - ORDINARY)
    names = [
        word for word in unusual if word[1:-1].replace("-", "_").isidentifier() and len(word) > LEAST_NAME
    ]
    text = room.once(_base_text) if names else ""
    return [word for word in unusual if word not in names or word[1:-1] not in text][:MOST_LITERALS]


def product_changes(room: CleanRoom) -> list[Change]:
    """Changed Python files of the product that exist after the change."""
    changed = [one for one in room.changes if one.path.endswith(".py") and not room.is_test(one.path)]
    return [one for one in changed if one.after is not None]


def other_parameters(room: CleanRoom) -> set[str]:
    """Functions of the product whose parameters differ from base, as `Class.method`."""
    found: set[str] = set()
    for change in product_changes(room):
        old, new = parse(change.before or ""), parse(change.after or "")
        if old is not None and new is not None:
            before, after = all_functions(old), all_functions(new)
            both = before.keys() & after.keys()
            found |= {one for one in both if tree_text(before[one].args) != tree_text(after[one].args)}
    return found


# ---------------------------------------------------------------------------------------------------------


def _deciding(room: CleanRoom) -> set[object]:
    """The values of new conditions, without those that only moved from another condition."""
    found: set[object] = set()
    for change in product_changes(room):
        old, new = parse(change.before or ""), parse(change.after or "")
        if old is not None and new is not None:
            first, second = ({tree_text(one): one for one in _conditions(tree)} for tree in (old, new))
            gone = {value for dump in first.keys() - second.keys() for value in _constants(first[dump])}
            came = (second[dump] for dump in second.keys() - first.keys())
            found |= {value for one in came for value in _constants(one)} - gone
    return found


def _conditions(tree: ast.Module) -> Iterator[ast.AST]:
    """What decides: conditions, comparisons with the values of their names, patterns, keys, sets."""
    bound = {
        target.id: node.value
        for node in walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test
        elif isinstance(node, ast.match_case):
            yield node.pattern
        elif isinstance(node, ast.Dict):
            yield from (key for key in node.keys if key is not None)
        elif isinstance(node, ast.Set):
            yield node
        elif isinstance(node, ast.Compare):
            yield node
            yield from (bound[name.id] for name in walk(node) if getattr(name, "id", "") in bound)  # type: ignore[attr-defined]


def _is_held(value: object, held: set[object]) -> bool:
    texts = (one for one in held if isinstance(one, str | bytes) and type(one) is type(value))
    return value in held or any(value in text for text in texts)  # type: ignore[operator]


def _base_text(room: CleanRoom) -> str:
    """The texts of base's product and documents, joined."""
    texts = room.base_tree.texts(".py", ".md", ".rst", ".txt").items()
    return "\n".join(text for path, text in texts if not room.is_test(path))


def _literals(text: str | None) -> set[object]:
    return _constants(read(text))


def _constants(tree: ast.AST) -> set[object]:
    return {node.value for node in walk(tree) if isinstance(node, ast.Constant) and node.value is not ...}
