# ruff: noqa: E501 - rows of a table
"""Which docstrings of a file are new, and which of them say nothing."""

import ast

from nightcrew.validation.reading.docstrings import Entry, entries
from nightcrew.validation.running.docstring_claims import _lost, _vacuous, changed_docstrings


def of(text: str) -> dict[str, Entry]:
    return entries(ast.parse(text))


BEFORE = of(
    'def f(a):\n    """Says what."""\n\n\ndef g(b):\n    pass\n\n\nclass A:\n    """Holds a limit."""\n'
)


def test_docstrings_with_other_words() -> None:
    after = of(
        'def f(a):\n    """Says\n    what."""\n\n\ndef g(b):\n    """Is new."""\n\n\nclass A:\n    """Holds two limits."""\n'
    )
    assert [one.name for one in changed_docstrings(BEFORE, after)] == ["g", "A"]


def test_docstrings_that_are_gone_or_explain_less() -> None:
    gone = _lost(BEFORE, of("def f(a):\n    pass\n\n\ndef g(b):\n    pass\n\n\nclass A:\n    pass\n"))
    assert gone is not None
    assert "the docstring of f is taken away" in gone.what
    documented = 'def f(rate, days):\n    """Cents.\n\n    Args:\n        rate: of a day.\n        days: of work.\n    """\n    return rate * days\n'
    less = _lost(of(documented), of(documented.replace("        days: of work.\n", "")))
    assert less is not None
    assert "days is no longer explained" in less.what
    assert _lost(of(documented), of(documented.replace("of work", "of a stay"))) is None


def test_docstrings_that_add_nothing_or_are_made_from_one_template() -> None:
    text = (
        "".join(
            f'def parse_{name}(text):\n    """Handles the {name} of the customer carefully."""\n\n\n'
            for name in "abc"
        )
        + 'def parse_price(text):\n    """Parse the price."""\n\n\ndef rounded(cents):\n    """Half a cent goes up, as banks do."""\n'
    )
    fresh = [one for one in of(text).values() if one.docstring]
    vacuous = {one.name for one in _vacuous(fresh, fresh)}
    assert "parse_price" in vacuous
    assert "rounded" not in vacuous
