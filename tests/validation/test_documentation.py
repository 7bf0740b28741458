# ruff: noqa: E501
"""Documentation tasks, judged whole."""

from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.verdict import VerdictKind
from tests.validation.house import FILES, NAMES, PRICES, House, make_house

README = """\
# Shop

Prices and names of a shop, see `parse_price` and `initials`.

```python
from shop.names import initials
assert initials("ada lovelace") == "AL"
```

Install it with `pip install shop`.
"""
MORE = README + "\nA discount is a number of percent: members of the shop get five more of them.\n"
DOCUMENTED = NAMES.replace(
    "def initials(name):\n",
    'def initials(name):\n    """First letters of the words of a name, in capitals.\n\n    >>> initials("ada lovelace")\n    \'AL\'\n    """\n',
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, settings: Settings, sandbox: Sandbox) -> House:
    """With a document, and a program that shows its own docstring."""
    folder: Path = tmp_path_factory.mktemp("shop") / "repo"
    program = NAMES.replace("def initials", '"""Make names short.\n"""\n\nHELP = __doc__\n\n\ndef initials')
    wrong = DOCUMENTED.replace("'AL'", "'LA'")
    files = FILES | {"README.md": README, "src/shop/program.py": program, "src/shop/wrong.py": wrong}
    return make_house(folder, settings, sandbox, files)


def judge(house: House, path: str, text: str) -> tuple[VerdictKind, str]:
    verdict = house.judge({path: text}, TaskType.DOCUMENTATION, path)
    return verdict.kind, verdict.summary


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", f'{MORE}\n```python\nTEXT = """\n    >>> initials(\'a\')\n  \'A\'\n"""\n```\n'),
        ("README.md", f"{MORE}\n[![Help](https://tidelift.com/shop.svg)](https://github.com/shop)\n"),
        ("src/shop/names.py", DOCUMENTED),
        (
            "src/shop/prices.py",
            PRICES.replace(
                "Percent off for an order.",
                "Percent off for an order of so many cents; members get five more.",
            ),
        ),
        (
            "src/shop/prices.py",
            PRICES.replace(
                "    percent = 0\n", "    # Members get their percent on top of this.\n    percent = 0\n"
            ),
        ),
    ],
)
def test_good_documentation(shop: House, path: str, text: str) -> None:
    kind, why = judge(shop, path, text)
    assert kind is VerdictKind.ACCEPTED, why


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("README.md", "# Shop\n\n" + "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 5, "stands where a text should"),
        ("README.md", README + "\nThis powerful solution leverages modern practices, delivering robust, scalable, delightful outcomes everywhere.\n", "about nothing"),
        ("src/shop/names.py", NAMES + "\n# well documented\n", "comments are about nothing"),
        ("README.md", README + "\nCall `parse_prize()` for it.\n", "parse_prize"),
        ("README.md", README + "\n```python\nfrom shop.prices import parse\n```\n", "shop.prices"),
        ("README.md", README + "\n```python\nfrom shop.names import initials\ninitials('a', upper=True)\n```\n", "unexpected keyword"),
        ("README.md", README + "\n```python\n>>> initials('bob c')\n'B'\n```\n", "gives 'BC'"),
        ("README.md", README + "\n```python\nx = 1\n", "never closed"),
        ("README.md", README + "\n```python\nx = (1\n```\n", "does not parse"),
        ("README.md", README + "\nSee [the guide](docs/guide.md).\n", "docs/guide.md"),
        ("README.md", README + "\n![The shop](docs/shop.png)\n", "docs/shop.png"),
        ("README.md", README + "\nFirst call set_shop_up(mode=2) for it.\n", "set_shop_up"),
        ("README.md", README + "\nFirst: `sudo pip install shopp`.\n", "'shopp'"),
        ("README.md", README.replace("a shop,", "a  shop,"), "nothing new"),
        ("src/shop/names.py", DOCUMENTED.replace("'AL'", "'A.L.'"), "does not give"),
        ("src/shop/prices.py", PRICES.replace("    percent = 0\n", "    percent = 0  # noqa\n"), "tools read"),
        ("src/shop/prices.py", PRICES.replace("Percent off for an order.", "Percent off.\n\n    :raises PriceError: for less than nothing\n    "), "PriceError"),
    ],
)  # fmt: skip
def test_bad_documentation(shop: House, path: str, text: str, word: str) -> None:
    kind, why = judge(shop, path, text)
    assert (kind, word in why) == (VerdictKind.REJECTED, True), why


def test_prose_that_nothing_can_check_is_accepted_where_it_adds(shop: House) -> None:
    text = PRICES.replace(
        "Percent off for an order.", "Percent off for an order. Members see it in their account."
    )
    verdict = shop.judge({"src/shop/prices.py": text}, TaskType.DOCUMENTATION, "src/shop/prices.py")
    gate = next(one for one in verdict.gates if one.name == "documentation")
    assert verdict.kind is VerdictKind.ACCEPTED, verdict.summary
    assert "1 new sentences say what no check can tell" in gate.message
    assert "Members see it" in gate.evidence["unread"][0]


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("src/shop/prices.py", PRICES.replace("Percent off for an order.", "Percent off for an order; never more than fourteen hundred."), "hundred"),
        ("README.md", README.replace("of a shop", "of no shop"), "otherwise than before"),
        ("README.md", README + "\nPass `--turbo-mode` to see prices sooner.\n", "--turbo-mode"),
        ("README.md", README + "\nThe prices come from [the list](https://prices.example.net/).\n", "prices.example.net"),
        ("README.md", README + "\nParsing prices of a shop is thread-safe.\n", "promises"),
        ("README.md", README + "\nPass `strictly=True` to be told of unknown currencies of prices.\n", "argument strictly"),
        ("src/shop/prices.py", PRICES.replace("Sum of prices in cents.", "Sum of prices; the list is sorted in place."), "promises"),
        ("src/shop/wrong.py", DOCUMENTED.replace("'AL'", "'L'"), "gives otherwise"),
        ("docs/guide.md", "# Guide\n\nParse each price first, then take the discount of the shop from it.\n", "is new"),
    ],
)  # fmt: skip
def test_prose_that_a_person_reads(shop: House, path: str, text: str, word: str) -> None:
    kind, why = judge(shop, path, text)
    assert (kind, word in why) == (VerdictKind.NOT_MEASURABLE, True), why


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("Percent off for an order. Members see it in their account.", VerdictKind.NOT_MEASURABLE, "Members see"),
        ("Percent off for an order.\n\n    :rtype: int\n    ", VerdictKind.NOT_MEASURABLE, "rtype: int"),
        ("Percent off an order.", VerdictKind.ACCEPTED, ""),
    ],
)  # fmt: skip
def test_a_person_reads_what_no_check_can_tell(
    tmp_path: Path, shop: House, text: str, kind: VerdictKind, word: str
) -> None:
    house = make_house(tmp_path / "repo", shop.settings, shop.sandbox, FILES | {"nightcrew.toml": ""})
    text = PRICES.replace("Percent off for an order.", text)
    verdict = house.judge({"src/shop/prices.py": text}, TaskType.DOCUMENTATION)
    assert verdict.kind is kind, verdict.summary
    assert word in verdict.asks


def test_a_docstring_that_the_program_shows_is_a_persons(shop: House) -> None:
    text = (
        shop.repo.joinpath("src/shop/program.py")
        .read_text()
        .replace("names short", "the names of a shop short")
    )
    kind, why = judge(shop, "src/shop/program.py", text)
    assert (kind, "shown by the program" in why) == (VerdictKind.NOT_MEASURABLE, True), why
