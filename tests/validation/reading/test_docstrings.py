# ruff: noqa: E501
import ast

import pytest

from nightcrew.validation.reading.docstrings import (
    Entry,
    coverage,
    entries,
    given_type,
    is_vacuous,
    read_by_code,
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


def test_what_is_defined_under_a_condition_or_twice_is_found() -> None:
    source = (
        'try:\n    import fast\nexcept ImportError:\n    def slow():\n        """Slow."""\n\n\nclass A:\n'
        '    @property\n    def size(self):\n        """How many."""\n\n    @size.setter\n    def size(self, size):\n        pass\n'
    )
    documented = entries(ast.parse(source))
    assert (documented["slow"].docstring, documented["A.size"].docstring) == ("Slow.", "How many.")


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        ("print(Shop.__doc__)", True),
        ("HELP = Shop.__doc__", True),
        ("HELP = {'text': Shop.__doc__}", True),
        ("Store = type('Store', (Shop,), {'__doc__': Shop.__doc__})", False),
        ("Store.__doc__ = Shop.__doc__", False),
        ("Store.__doc__ = Shop.__doc__.upper()", True),
    ],
)
def test_a_docstring_that_code_reads_and_one_that_it_hands_on(line: str, is_read: bool) -> None:
    tree = ast.parse(f'class Shop:\n    """Sells."""\n\n\n{line}\n')
    fresh = [one for name, one in entries(tree).items() if name]
    assert bool(read_by_code(fresh, tree, {"shop.py": tree})) is is_read


def test_coverage_counts_public_things() -> None:
    source = '"""M."""\n\n\ndef f():\n    pass\n\n\ndef _g():\n    pass\n\n\nclass A:\n    """A."""\n\n    def m(self):\n        pass\n'
    assert coverage(ast.parse(source)) == (2, 4)


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


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return not x", "bool"),
        ("if x:\n        return []\n    return [1]", "list"),
        ("return x in y", "bool"),
        ("return f'{x}'", "str"),
        ("if x:\n        return 1\n    return ''", ""),
        ("return x", ""),
        ("def g():\n        return 1\n    return g", ""),
        ("yield 1\n    return 2", ""),
    ],
)
def test_a_type_that_every_return_shows(body: str, kind: str) -> None:
    node = ast.parse(f"def f(x, y):\n    {body}\n").body[0]
    assert isinstance(node, ast.FunctionDef) and given_type(node) == kind
