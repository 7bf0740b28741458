"""What files other than Python lose: named with its line, and nothing that only moved or was replaced."""

import pytest

from nightcrew.validation.questions.text_losses import entries, is_document, text_losses


def lost(path: str, before: str, after: str, elsewhere: str = "") -> list[tuple[str, int]]:
    return [(one.what, one.line) for one in text_losses(path, before, after, elsewhere)]


def test_entries_of_every_format_are_keyed_alike() -> None:
    toml = '[project]\ndependencies = ["Rich_Text>=1", "click"]\n'
    keys = {"/project", "/project/dependencies", "/project/dependencies/[rich-text]"}
    assert keys <= (entries("pyproject.toml", toml) or {}).keys()
    steps = "jobs:\n  test:\n    steps:\n      - uses: actions/checkout@v4\n"
    assert "/[jobs]/jobs/test/steps/[actions/checkout]" in (entries("ci.yml", steps) or {})
    assert entries("setup.cfg", "[options]\ninstall_requires =\n  click\n") == {
        "/options": "options",
        "/options/install_requires": "install_requires",
        "/options/install_requires/[click]": "click",
    }
    assert entries("a.json", "{") is None


@pytest.mark.parametrize(
    ("path", "before", "after", "what"),
    [
        ("a.toml", "a = 1\nb = 2\n", "a = 1\n", [("b is gone", 2)]),
        ("a.toml", "a = 1\nb = 2\n", "a = 1\nc = 2\n", []),  # renamed: as many as before
        ("a.toml", "a = 1\n", "a = \n", [("the file cannot be read as TOML any more", 1)]),
        ("requirements.txt", "a==1\nb==2\n", "a==3\n", [("b is gone", 2)]),
        ("Makefile", "all:\n\tx\n\ntest:\n\ty\n", "all:\n\tx\n", [("test is gone", 4)]),
        ("a.c", "int f(int a) {\n}\nint g(void) {\n}\n", "int f(int a) {\n}\n", [("g is gone", 3)]),
        ("a.c", "int f(int a);\n", "\n", []),  # a declaration has no body
    ],
)
def test_what_a_file_loses(path: str, before: str, after: str, what: list[tuple[str, int]]) -> None:
    assert lost(path, before, after) == what


def test_a_key_that_another_file_has_now_has_moved() -> None:
    assert lost("a.toml", "a = 1\nb = 2\n", "a = 1\n", elsewhere='{"b": 2}') == []


README = (
    "# Shop\n\nSells.\n\n## Prices\n\nEvery price is an amount of cents, never negative.\n\n## Help\n\nAsk.\n"
)


def test_a_section_is_lost_unless_its_words_are_kept_elsewhere() -> None:
    without = "# Shop\n\nSells.\n\n## Help\n\nAsk.\n"
    assert lost("README.md", README, without) == [("the section 'Prices' is gone", 5)]
    assert (
        lost("README.md", README, without, elsewhere="Each price is an amount of cents, never negative.")
        == []
    )


def test_a_comment_in_a_block_of_code_is_no_section() -> None:
    before = "# Shop\n\n```\n# install it\nmake\n```\n"
    assert lost("README.md", before, "# Shop\n\n```\nmake\n```\n") == []


def test_a_link_is_lost_and_a_moved_one_is_not() -> None:
    before = "[a](https://a.example/x) and [b](https://b.example/y)\n"
    assert lost("README.md", before, "[b](https://b.example/y) and a\n") == [
        ("the link to https://a.example/x is gone", 1)
    ]
    assert lost("README.md", before, "[b](https://b.example/y)\n", elsewhere="https://a.example/x") == []


@pytest.mark.parametrize(
    ("path", "is_prose"),
    [
        ("README", True),
        ("docs/a.rst", True),
        ("notes.txt", False),
        ("CHANGES.txt", True),
        ("requirements.txt", False),
    ],
)
def test_which_files_are_prose(path: str, is_prose: bool) -> None:
    assert is_document(path) is is_prose
