"""What a module offers: every name that runs when it is imported, with its kind."""

import ast

import pytest

from nightcrew.validation.questions.surface import Kind, is_public, surface

TEXT = """\
import os
from a import b as c
try:
    import fast
except ImportError:
    fast = None
__all__ = ["Shape"]
__all__ += ["area"]
LIMIT, _hidden = 1, 2
if LIMIT:
    def area(x): ...


class Shape:
    size: int = 1

    def __init__(self):
        self.width = 3
        local = 4

    @property
    def name(self): ...

    @name.setter
    def name(self, value): ...

    @overload
    def drawn(self, a: int): ...


parser.add_argument("--verbose", "-v", help="--not-this")
if __name__ == "__main__":
    print("run")
"""


def test_names_with_their_kinds() -> None:
    found = surface(ast.parse(TEXT))
    kinds = {name: item.kind for name, item in found.items.items()}
    assert kinds == {
        "os": Kind.IMPORT, "c": Kind.IMPORT, "fast": Kind.VALUE, "__all__": Kind.VALUE, "LIMIT": Kind.VALUE,
        "_hidden": Kind.VALUE, "area": Kind.FUNCTION, "Shape": Kind.CLASS, "Shape.size": Kind.VALUE,
        "Shape.__init__": Kind.FUNCTION, "Shape.width": Kind.VALUE, "Shape.name": Kind.FUNCTION,
        "Shape.name.setter": Kind.FUNCTION,
    }  # fmt: skip
    assert found.items["area"].line == 11


def test_what_else_a_module_offers() -> None:
    found = surface(ast.parse(TEXT))
    assert set(found.exported) == {"Shape", "area"}
    assert set(found.options) == {"--verbose", "-v"}
    assert found.is_script
    assert not found.is_dynamic
    assert "run" in found.texts


@pytest.mark.parametrize("text", ["from a import *", "def __getattr__(name): ..."])
def test_modules_whose_names_are_looked_up(text: str) -> None:
    assert surface(ast.parse(text)).is_dynamic


@pytest.mark.parametrize(
    ("name", "public"),
    [("a", True), ("A.b", True), ("A.__eq__", True), ("_a", False), ("A._b", False), ("_A.b", False)],
)
def test_public_names(name: str, public: bool) -> None:
    assert is_public(name) is public
