"""Which calls that base accepts a changed function no longer accepts."""

import ast

import pytest

from nightcrew.validation.questions.signatures import generated, lost_calls, signature


def lost(old: str, new: str) -> list[str]:
    before, after = (ast.parse(f"def f({one}): ...").body[0] for one in (old, new))
    assert isinstance(before, ast.FunctionDef)
    assert isinstance(after, ast.FunctionDef)
    return [*lost_calls(signature(before, is_method=False), signature(after, is_method=False))]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a, b=1", "a", "has no parameter 'b' any more"),
        ("a, b", "a, c", ""),  # a required parameter under another name, at its place
        ("a, b=1", "a, c=1", "has no parameter 'b' any more"),
        ("a, b=1", "a, b", "has no default for 'b' any more"),
        ("a, b=1", "a, b=2", "has another default for 'b': 2 instead of 1"),
        ("a, b=1", "a, b=None", ""),  # worked out now
        ("a, b", "a, *, b", "takes 'b' by name only"),
        ("a, b", "a, b, /", "does not take 'a' by name any more"),
        ("a, b", "b, a", "takes 'a' at another place"),
        ("a", "a, b", "cannot be called without the new parameter 'b'"),
        ("a", "a, *, b", "cannot be called without the new parameter 'b'"),
        ("a", "a, b=1", ""),
        ("*a", "a", "takes no further positional arguments any more"),
        ("a, **b", "a", "takes no further keyword arguments any more"),
        ("a, b=1", "a, **c", ""),
        ("a, _b=1", "a", ""),
    ],
)
def test_calls_that_are_lost(old: str, new: str, words: str) -> None:
    found = lost(old, new)
    assert bool(found) is bool(words), found
    assert not words or words in found


def test_self_and_cls_are_no_parameters_of_a_method() -> None:
    (node,) = ast.parse("class A:\n    def f(self, a): ...\n").body
    assert isinstance(node, ast.ClassDef)
    method = node.body[0]
    assert isinstance(method, ast.FunctionDef)
    assert [one.name for one in signature(method, is_method=True).parameters] == ["a"]
    method.decorator_list = [ast.Name("staticmethod")]
    assert [one.name for one in signature(method, is_method=True).parameters] == ["self", "a"]


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("@dataclass\nclass A:", ["x", "y"]),
        ("@attr.s(auto_attribs=True)\nclass A:", ["x", "y"]),
        ("class A(BaseModel):", ["x", "y"]),
        ("class A(NamedTuple):", ["x", "y"]),
        ("class A(Base):", None),
    ],
)
def test_constructors_that_are_generated(head: str, names: list[str] | None) -> None:
    (node,) = ast.parse(f"{head}\n    x: int\n    _y: str = ''\n    z: ClassVar[int] = 1\n    w = 2\n").body
    assert isinstance(node, ast.ClassDef)
    found = generated(node)
    assert (None if found is None else [one.name for one in found.parameters]) == names
