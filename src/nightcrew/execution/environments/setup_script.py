"""Reads what a setup.py declares. It is not run: its literal values are put together as it does."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from nightcrew.untrusted import Unreadable, parse_python, read_text

_MOST = 10_000  # entries of one list, or characters of one text


def setup_arguments(checkout: Path) -> Mapping[str, object]:
    """The arguments of `setup` in setup.py; what is not known of one is None."""
    try:
        tree = parse_python(read_text(checkout / "setup.py"))
    except (OSError, Unreadable):
        return {}
    values = _Values()
    for node in tree.body:
        values.run(node)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and "setup" in {
            getattr(call.func, "attr", ""),
            getattr(call.func, "id", ""),
        }:
            return values.words(call.keywords)
    return {}


# ---------------------------------------------------------------------------------------------------------


class _Values:
    """The values of a module's names, as far as its own statements put literals together."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {}

    def run(self, node: ast.stmt) -> None:
        """Follows `x = [...]`, `x["a"] = x["b"] + [...]`, `x += [...]` and `x.extend([...])`."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.names[name] = self.of(value)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value):
                table, word = self.names.get(name), self.of(key)
                if isinstance(table, dict) and isinstance(word, str):
                    table[word] = self.of(value)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                self.names[name] = _sum(self.names.get(name), self.of(value))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="extend"), args=[value])):
                held, more = self.of(owner), self.of(value)
                if isinstance(held, list) and isinstance(more, list) and len(held) + len(more) <= _MOST:
                    held.extend(more)

    def of(self, node: ast.expr) -> object:
        """The value of an expression; None where it is not known."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id=name):
                return self.names.get(name)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [*islice(self._items(items), _MOST)]
            case ast.Dict():
                pairs = [
                    (self.of(key), item) for key, item in zip(node.keys, node.values, strict=True) if key
                ]
                return {key: self.of(item) for key, item in pairs if isinstance(key, str)}
            case ast.Call(func=ast.Name("dict"), args=[], keywords=words):
                return self.words(words)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return _sum(self.of(left), self.of(right))
            case ast.Subscript(value=owner, slice=key):
                table, word = self.of(owner), self.of(key)
                return table.get(word) if isinstance(table, dict) and isinstance(word, str) else None
        return None

    def words(self, given: Sequence[ast.keyword]) -> dict[str, object]:
        """Arguments by name, also those that `**table` gives."""
        found: dict[str, object] = {}
        for word in given:
            value = self.of(word.value)
            found |= {word.arg: value} if word.arg else value if isinstance(value, dict) else {}
        return found

    def _items(self, nodes: Sequence[ast.expr]) -> Iterator[object]:
        """The items in order; a list among them is taken apart, starred or not."""
        for node in nodes:
            value = self.of(node.value if isinstance(node, ast.Starred) else node)
            yield from value if isinstance(value, list) else [value]


def _sum(left: object, right: object) -> object:
    """Both together; of two lists the known one, where the other depends on the Python that runs."""
    if isinstance(left, list) and isinstance(right, list) and len(left) + len(right) <= _MOST:
        return [*left, *right]
    if isinstance(left, str) and isinstance(right, str) and len(left) + len(right) <= _MOST:
        return left + right
    return next(([*one] for one in (left, right) if isinstance(one, list)), None)
