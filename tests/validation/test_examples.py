"""Examples in docstrings: true ones are accepted however they are written, wrong ones are not."""

import pytest

from nightcrew.task import TaskType
from nightcrew.validation.verdict import Verdict, VerdictKind
from tests.validation.house import FILES, House, last_gate, make_house

PATH = "src/shop/labels.py"
CODE = """\
import random
import time


def shout(name):
    return name.upper() + "!"


def letters(name):
    return set(name)


def ticket():
    return random.randrange(10**9)


def today():
    return time.strftime("%Y-%m-%d")


class Label:
    def __init__(self, name):
        if not name:
            raise ValueError("no name")
        self.name = name

    def __repr__(self):
        return f"Label(name={self.name})"


class Plain:
    pass
"""


@pytest.fixture(scope="module")
def labels(house: House) -> House:
    files = FILES | {PATH: CODE, "src/shop/__init__.py": "from shop.prices import total\n"}
    return make_house(house.repo.parent / "labels", house.settings, house.sandbox, files)


def explained(house: House, function: str, example: str) -> Verdict:
    """The verdict on a docstring with this example."""
    head = next(
        line for line in CODE.split("\n") if line.strip().startswith((f"def {function}", f"class {function}"))
    )
    inside = " " * 4
    described = f"Letters for banners above every counter.\n\n{example}\n"
    text = f'{inside}"""' + described.replace("\n", f"\n{inside}").rstrip() + f'\n{inside}"""'
    return house.judge({PATH: CODE.replace(head, f"{head}\n{text}")}, TaskType.DOCUMENTATION, PATH)


@pytest.mark.parametrize(
    ("function", "example"),
    [
        ("shout", ">>> shout('ada')\n'ADA!'"),
        ("shout", ">>> import shop\n>>> shop.labels.shout('ada')\n'ADA!'"),
        ("shout", ">>> shop.total(['1.00'])\n100"),
        ("shout", ">>> total(['1.00'])\n100"),
        ("shout", ">>> labels.shout('ada')\n'ADA!'"),
        ("shout", ">>> json.loads('[1]')\n[1]"),
        ("shout", ">>> shout('ada')"),
        ("shout", ">>> shout(customer.name)\n'ADA!'"),
        ("shout", ">>> name = customer.name\n>>> shout(name)\n'ADA!'"),
        ("shout", ">>> open('names.txt').read()\n'ada'"),
        ("shout", ">>> import numpy as np\n>>> shout(np.array(['ada'])[0])\n'ADA!'"),
        ("letters", ">>> letters('ab')\n{'b', 'a'}"),
        ("ticket", ">>> ticket()\n415362"),
        ("today", ">>> today()\n'2021-03-04'"),
        ("Label", ">>> Label('ada')\nLabel(name='ada')"),
        ("Plain", ">>> Plain()\n<shop.labels.Plain object at 0x7f0000000000>"),
        ("Label", ">>> Label('')\nTraceback (most recent call last):\n    ...\nValueError: names are needed"),
    ],
)
def test_an_example_that_a_reader_would_believe(labels: House, function: str, example: str) -> None:
    verdict = explained(labels, function, example)
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary


@pytest.mark.parametrize(
    ("function", "example", "word"),
    [
        ("shout", ">>> shout('ada')\n'ADA'", "gives 'ADA!', not 'ADA'"),
        ("shout", ">>> shop.total(['1.00'])\n1", "gives 100"),
        ("shout", ">>> shop.whisper('ada')\n'ada'", "AttributeError"),
        ("shout", ">>> from shop import whisper", "ImportError"),
        ("shout", ">>> whisper('ada')\n'ada'", "whisper"),
        ("shout", ">>> Banner.of('ada')\n'ada'", "Banner"),
        ("shout", ">>> customer.name\n'ada'\n>>> shout('ada')\n'ADA'", "gives 'ADA!', not 'ADA'"),
        ("shout", ">>> shout('ada', 2)", "TypeError"),
        ("shout", ">>> shout('ada'\n'ADA'", "SyntaxError"),
        ("shout", ">>> len(shout('ada'))\n'4'", "gives 4, not '4'"),
        ("letters", ">>> letters('ab')\n{'a', 'c'}", "letters"),
        ("Label", ">>> Label('ada')\nLabel(name='bob')", "name=ada"),
        ("ticket", ">>> ticket()\n415362\n>>> ticket() < 0\nTrue", "gives False"),
        (
            "Label",
            ">>> Label('')\nTraceback (most recent call last):\n    ...\nKeyError: 'no name'",
            "ValueError",
        ),
        (
            "Label",
            ">>> Label('ada')\nTraceback (most recent call last):\n    ...\nValueError: no name",
            "Label",
        ),
    ],
)
def test_an_example_that_is_wrong(labels: House, function: str, example: str, word: str) -> None:
    verdict = explained(labels, function, example)
    assert verdict.kind is VerdictKind.REJECTED, verdict.summary
    assert last_gate(verdict).name == "documentation"
    assert word in verdict.summary


def test_an_example_that_runners_skip_is_tried_and_shown_to_a_person(labels: House) -> None:
    described = ">>> shout('ada')  # doctest: +SKIP\n'ADA'"
    verdict = explained(labels, "shout", described)
    assert (verdict.kind, "gives 'ADA!', not 'ADA'" in verdict.asks) == (VerdictKind.NOT_MEASURABLE, True)
    right = explained(labels, "shout", described.replace("'ADA'", "'ADA!'"))
    assert right.kind is VerdictKind.ACCEPTED, right.summary


def test_where_the_suite_runs_the_examples_its_own_rules_hold(house: House) -> None:
    settings = (
        '[project]\nname = "shop"\nversion = "1"\n[tool.pytest.ini_options]\naddopts = "--doctest-modules"\n'
    )
    files = FILES | {PATH: CODE, "pyproject.toml": settings}
    own = make_house(house.repo.parent / "own", house.settings, house.sandbox, files)
    assert explained(own, "shout", ">>> shout('ada')\n'ADA!'").kind is VerdictKind.ACCEPTED
    verdict = explained(own, "shout", ">>> shout('ada')")
    assert verdict.kind is VerdictKind.REJECTED, verdict.summary
    assert last_gate(verdict).name == "behaviour"
