"""Values that a change knows: they decide something in the product, and may stand in its tests too."""

import ast
from collections.abc import Iterator

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom

MOST_LITERALS = 20
LEAST_NAME = 4  # characters of a name with its quotes
ORDINARY = {repr(one) for one in (None, True, False, 0, 1, -1, 2, "", " ", b"", b" ", 0.0, 1.0)}


def shared_literals(room: CleanRoom) -> list[str]:
    """Values that the change brings into the product and that its tests hold too, as Python writes them;
    those that base knows already are left out."""
    tests = [one for one in room.changes if one.path.endswith(".py") and room.is_test(one.path)]
    held = {value for one in tests for value in _literals(one.after) - _literals(one.before)}
    fresh = {value for one in product_changes(room) for value in _literals(one.after) - _literals(one.before)}
    fresh |= _deciding(room)
    return unknown(room, {repr(value) for value in fresh if _is_held(value, held)})


def deciding_literals(room: CleanRoom) -> list[str]:
    """Values in the change's new conditions and tables, as Python writes them, that base does not know."""
    return unknown(room, set(map(repr, _deciding(room))))


def unknown(room: CleanRoom, literals: set[str]) -> list[str]:
    """Those that are no everyday values, and no names that base's product or documents use."""
    told = sorted(literals - ORDINARY)
    names = [word for word in told if word[1:-1].replace("-", "_").isidentifier() and len(word) > LEAST_NAME]
    text = room.once(_base_text) if names else ""
    return [word for word in told if word not in names or word[1:-1] not in text][:MOST_LITERALS]


def product_changes(room: CleanRoom) -> list[Change]:
    """Python files of the product that are there with the change."""
    changed = [one for one in room.changes if one.path.endswith(".py") and not room.is_test(one.path)]
    return [one for one in changed if one.after is not None]


# ---------------------------------------------------------------------------------------------------------


def _deciding(room: CleanRoom) -> set[object]:
    """Those of new conditions; one that only moves from a condition to another is none."""
    found: set[object] = set()
    for change in product_changes(room):
        old, new = parse(change.before or ""), parse(change.after or "")
        if old is not None and new is not None:
            first, second = ({ast.dump(one): one for one in _conditions(tree)} for tree in (old, new))
            gone = {value for dump in first.keys() - second.keys() for value in _constants(first[dump])}
            came = (second[dump] for dump in second.keys() - first.keys())
            found |= {value for one in came for value in _constants(one)} - gone
    return found


def _conditions(tree: ast.Module) -> Iterator[ast.AST]:
    """What decides: conditions, comparisons with what their names are bound to, patterns, keys, sets."""
    bound = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
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
            yield from (bound[name.id] for name in ast.walk(node) if getattr(name, "id", "") in bound)  # type: ignore[attr-defined]


def _is_held(value: object, held: set[object]) -> bool:
    texts = (one for one in held if isinstance(one, str | bytes) and type(one) is type(value))
    return value in held or any(value in text for text in texts)  # type: ignore[operator]


def _base_text(room: CleanRoom) -> str:
    """What base's product and documents say, one after the other."""
    texts = room.base_tree.texts(".py", ".md", ".rst", ".txt").items()
    return "\n".join(text for path, text in texts if not room.is_test(path))


def _literals(text: str | None) -> set[object]:
    return _constants(parse(text or ""))


def _constants(tree: ast.AST | None) -> set[object]:
    nodes = ast.walk(tree) if tree is not None else ()
    return {node.value for node in nodes if isinstance(node, ast.Constant) and node.value is not ...}
