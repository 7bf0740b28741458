"""Existing tests that list what the product has, and whose list grows by what the change adds to it.

Such a test cannot pass on the new code as it was: it names every field, option or setting that there is, or
every argument with which one function calls another.
"""

import ast
from collections.abc import Collection, Iterator

from nightcrew.validation.change.additions import keeps
from nightcrew.validation.questions.surface import is_public, surface
from nightcrew.validation.reading.names import own_name
from nightcrew.validation.reading.suite import copied, parse, read, walk
from nightcrew.validation.running.clean_room import CleanRoom

_EXPECTED_CALLS = {"assert_called_with", "assert_called_once_with", "assert_any_call", "call"}


def grown_lists(room: CleanRoom) -> frozenset[str]:
    """Paths of the existing test files in which the change only adds tests, and entries to lists: names that
    it defines in the product, and texts that it adds to the product's tables. Arguments of a call that a
    test expects count as such a list."""
    product = [one for one in room.changes if not room.is_test(one.path) and one.path.endswith(".py")]
    added = {text for one in product for text in _listed(one.after) - _listed(one.before)}
    if not added:
        return frozenset()
    tests = (one for one in room.changes if room.is_test(one.path) and one.before and one.after)
    return frozenset(one.path for one in tests if only_grows(one.before or "", one.after or "", added))


# ---------------------------------------------------------------------------------------------------------


def _listed(text: str | None) -> set[str]:
    """Public names and parameters of a module, and texts in values at its own or a class's level."""
    tree = read(text)
    names = {name.rpartition(".")[2] for name in surface(tree).items if is_public(name)}
    names |= {one.arg for one in walk(tree) if isinstance(one, ast.arg)}
    values = (one for value in _tables(tree.body) for one in walk(value))
    return names | {
        one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def _tables(body: list[ast.stmt]) -> Iterator[ast.expr]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _tables(node.body)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield node.value


def only_grows(before: str, after: str, added: Collection[str]) -> bool:
    """True where a test file keeps all statements, but for more tests and for these texts in its lists."""
    old, new = parse(before), parse(after)
    if old is None or new is None:
        return False
    plain = _Without(added)
    return keeps(plain.visit(copied(old)).body, plain.visit(copied(new)).body, lambda _: True)


class _Without(ast.NodeTransformer):
    """Removes some texts from the lists, tuples and sets of a tree, and from the calls that it expects."""

    def __init__(self, texts: Collection[str]) -> None:
        self.texts = texts

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """The node without them."""
        super().generic_visit(node)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            node.elts = [one for one in node.elts if getattr(one, "value", None) not in self.texts]
        if isinstance(node, ast.Call) and own_name(node.func) in _EXPECTED_CALLS:
            node.keywords = [one for one in node.keywords if one.arg not in self.texts]
        return node
