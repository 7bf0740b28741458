"""Words that only this project's authors used do not come back into the code's texts, names and documents."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ODD_WORDS = {
    "told": "configured, given, stored",
    "said": "the message, the answer",
    "handed in": "submitted",
    "hand in": "submit",
    "strangers?": "untrusted",
    "desks?": "name what it does",
    "stubborn(ly|ness)?": "retries",
    "dear(er|est)?": "expensive",
    "for want of": "because ... is missing",
    "lets? us in": "accepts the login",
    "comes? of it": "the outcome",
    "all alike": "all",
    "who(ever)? (asks|makes|wants|tries)": "name who it is",
    "task category": "task type",
}
"""What is odd, as a pattern, and the plain word for it."""
PATTERN = re.compile(rf"\b({'|'.join(ODD_WORDS)})\b", re.IGNORECASE)


def python_files() -> Iterator[Path]:
    for folder in ("src/nightcrew", "flows", "blocks", "deployments"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def files_of_tests() -> Iterator[Path]:
    own = Path(__file__)  # it quotes the odd words
    for folder in ("tests", "benchmarks", "scripts"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if path != own)


def documents() -> Iterator[Path]:
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield from sorted((ROOT / "src/nightcrew/ledger/views").glob("*.sql"))


def texts_of(source: str, *, data: bool = True) -> Iterator[tuple[int, str]]:
    """Line and text of every string, comment, and newly bound name; underscores become spaces.

    `data`: also of strings that are no docstrings.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text)) if data:
                yield node.lineno, text
            case ast.Expr(value=ast.Constant(value=str(text))) if not data:
                yield node.lineno, text
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name.replace("_", " ")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name.replace("_", " ")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def odd_words(texts: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted((line, found.group()) for line, text in texts for found in PATTERN.finditer(text))


def test_an_odd_word_is_found_in_a_docstring_a_comment_a_message_and_a_name() -> None:
    source = 'def f(said):\n    """What was told."""\n    raise ValueError("handed in")  # a desk\n'
    assert [word for _, word in odd_words(texts_of(source))] == ["said", "told", "desk", "handed in"]


def test_the_code_is_written_in_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in python_files()
        for line, word in odd_words(texts_of(path.read_text()))
    ]
    assert not found, "plainer words are in ODD_WORDS:\n" + "\n".join(found)


def test_tests_and_benchmarks_are_written_in_plain_words() -> None:
    """Their strings are left out: they quote what models, users and programs write."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in files_of_tests()
        for line, word in odd_words(texts_of(path.read_text(), data=False))
    ]
    assert not found, "plainer words are in ODD_WORDS:\n" + "\n".join(found)


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_the_documents_are_written_in_plain_words(path: Path) -> None:
    lines = enumerate(path.read_text().splitlines(), start=1)
    assert odd_words(iter(lines)) == []
