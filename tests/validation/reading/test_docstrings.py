# ruff: noqa: E501
import ast

import pytest

from nightcrew.validation.reading.docstrings import (
    Entry,
    coverage,
    documented_exceptions,
    documented_parameters,
    entries,
    false_claims,
    is_vacuous,
    skeleton,
)


def entry(source: str) -> Entry:
    return next(one for name, one in entries(ast.parse(source)).items() if name)


@pytest.mark.parametrize(
    ("name", "text", "vacuous"),
    [
        ("get_user", "Get the user.", True),
        ("get_user", "Gets a user and returns it.", True),
        ("parse_price", "Parse price function.", True),
        ("get_user", "Carries out the necessary operations to get the provided user efficiently.", True),
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


@pytest.mark.parametrize(
    "text",
    [
        ":raises NoPriceError: x\n    :param str name: y",
        "X.\n\n    Raises:\n        NoPriceError: when there is none\n\n    Returns:\n        z: nothing raised",
        "X.\n\n    Raises\n    ------\n    NoPriceError\n        when there is none\n",
    ],
)
def test_an_exception_that_is_nowhere(text: str) -> None:
    told = entry(f'def find(name):\n    """{text}"""\n    return 1\n')
    assert documented_exceptions(told.docstring or "") == {"NoPriceError"}
    assert false_claims(told, {"name"}) == ["the exception 'NoPriceError'"]
    assert false_claims(told, {"name", "NoPriceError"}) == []


def test_exceptions_of_others_may_be_named() -> None:
    text = ":raises ValueError: a\n    :raises json.JSONDecodeError: b\n    :raises requests.Timeout: c"
    assert false_claims(entry(f'def find():\n    """{text}"""\n    return 1\n'), {"requests"}) == []


def test_docstrings_by_one_template_have_one_skeleton() -> None:
    first = entry(
        'def read_page(url):\n    """Handles the reading of a page by url with the utmost care."""\n'
    )
    second = entry(
        'def send_mail(to):\n    """Handles the sending of a mail by to with the utmost care."""\n'
    )
    other = entry('def send_mail(to):\n    """Handles mails.\n\n    :param to: an address\n    """\n')
    assert skeleton(first) == skeleton(second) != ""
    assert skeleton(other) == ""
