"""What a new function holds for other callers than its tests."""

import ast

import pytest

from nightcrew.validation.formalities.options import for_options, of_other_types
from nightcrew.validation.reading.suite import Function


def function(text: str) -> Function:
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def f(self, name=None):\n    if name is not None:\n        self.name = name\n", 1),
        ("def f(self, name=''):\n    if name:\n        label = name\n", 1),
        ("def f(self, names=()):\n    for one in names:\n        self.all[one] = 1\n", 1),
        ("def f(self, name='x'):\n    if name:\n        self.name = name\n", 0),  # given by default
        ("def f(self, name=None):\n    if name:\n        send(name)\n", 0),  # an effect elsewhere
        ("def f(self, name=None):\n    if name:\n        other.name = name\n", 0),
        ("def f(self, name=None):\n    if name:\n        x = 1\n    else:\n        x = 2\n", 0),
        ("def f(self, strict=None):\n    if strict:\n        self.strict = True\n", 0),  # a switch
    ],
)
def test_statements_for_an_option_that_is_empty_by_default(text: str, count: int) -> None:
    assert len(list(for_options(function(text), {"strict"}))) == count


@pytest.mark.parametrize(
    ("name", "test", "given", "count"),
    [
        ("__eq__", "not isinstance(o, A)", "False", 1),
        ("__eq__", "not isinstance(o, A)", "True", 0),
        ("__ne__", "not isinstance(o, A)", "True", 1),
        ("__eq__", "isinstance(o, A)", "False", 0),
        ("__eq__", "not isinstance(o, A) or o.a", "False", 0),
        ("equals", "not isinstance(o, A)", "False", 0),
    ],
)
def test_an_object_of_another_class_is_not_equal(name: str, test: str, given: str, count: int) -> None:
    text = f"def {name}(self, o):\n    if {test}:\n        return {given}\n    return self.a == o.a\n"
    assert len([*of_other_types(function(text))]) == count
