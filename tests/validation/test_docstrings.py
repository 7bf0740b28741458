# ruff: noqa: E501
import ast

import pytest

from nightcrew.validation.docstrings import (
    Entry,
    coverage,
    documented_parameters,
    entries,
    false_claims,
    is_vacuous,
)


def entry(source: str) -> Entry:
    return next(one for name, one in entries(ast.parse(source)).items() if name)


@pytest.mark.parametrize(
    ("name", "text", "vacuous"),
    [
        ("get_user", "Get the user.", True),
        ("get_user", "Gets a user and returns it.", True),
        ("parse_price", "Parse price function.", True),
        ("get_user", "Look the account up by mail address; None where nobody is registered.", False),
    ],
)
def test_a_docstring_that_repeats_the_name_is_vacuous(name: str, text: str, vacuous: bool) -> None:
    assert is_vacuous(entry(f'def {name}(mail):\n    """{text}"""\n')) is vacuous


@pytest.mark.parametrize(
    "text",
    [
        ":param size: x\n    :param str name: y",
        "X.\n\n    Args:\n        size: how many\n            with more: words\n        name (str): y\n\n    Returns:\n        z: no parameter",
        "X.\n\n    Parameters\n    ----------\n    size : int\n        how many\n    name\n        y\n\n    Returns\n    -------\n    z : int",
    ],
)  # fmt: skip
def test_documented_parameters_in_three_forms(text: str) -> None:
    assert documented_parameters(entry(f'def f():\n    """{text}"""').docstring or "") == {"size", "name"}


def test_claims_about_what_is_not_there() -> None:
    source = 'def f(a):\n    """Use `no_such_name` and `a_name`.\n\n    :param b: x\n    :returns: y\n    """\n    print(a)\n'
    assert false_claims(entry(source), {"a_name"}) == [
        "the parameter 'b'",
        "a return value",
        "the name 'no_such_name'",
    ]


def test_what_is_defined_under_a_condition_or_twice_is_found() -> None:
    source = (
        'try:\n    import fast\nexcept ImportError:\n    def slow():\n        """Slow."""\n\n\nclass A:\n'
        '    @property\n    def size(self):\n        """How many."""\n\n    @size.setter\n    def size(self, size):\n        pass\n'
    )
    told = entries(ast.parse(source))
    assert (told["slow"].docstring, told["A.size"].docstring) == ("Slow.", "How many.")


def test_a_protocols_method_gives_what_it_says() -> None:
    assert (
        false_claims(entry('def f(a):\n    """X.\n\n    Returns:\n        all\n    """\n    ...\n'), set())
        == []
    )


def test_coverage_counts_public_things() -> None:
    source = '"""M."""\n\n\ndef f():\n    pass\n\n\ndef _g():\n    pass\n\n\nclass A:\n    """A."""\n\n    def m(self):\n        pass\n'
    assert coverage(ast.parse(source)) == (2, 4)
