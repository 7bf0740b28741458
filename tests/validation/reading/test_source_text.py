"""Positions in a text: characters from the start, also behind letters of several bytes."""

import ast
from textwrap import dedent

from nightcrew.validation.reading.source_text import SourceText

TEXT = dedent("""\
    größe = "ß" + name


    @cached
    @other(1)
    def first(a, b=2):
        x = 1
        if a:
            y = 2

        return x


    class Second(Base):
        # a comment between
        value = 3
""")
SOURCE = SourceText(TEXT)
ASSIGNED, FIRST, SECOND = ast.parse(TEXT).body


def test_spans_count_characters_and_not_bytes() -> None:
    assert isinstance(ASSIGNED, ast.Assign)
    assert SOURCE.of(ASSIGNED.value) == '"ß" + name'
    assert SOURCE.of(ASSIGNED.targets[0]) == "größe"


def test_a_statement_with_its_decorators() -> None:
    start, end = SOURCE.whole(FIRST)
    assert TEXT[start:end].startswith("@cached\n@other(1)\ndef first")
    assert TEXT[start:end].endswith("return x")
    assert SOURCE.of(FIRST).startswith("def first")


def test_a_block_is_moved_to_another_indent() -> None:
    assert isinstance(FIRST, ast.FunctionDef)
    body = FIRST.body[:2]
    assert SOURCE.block(body, 0) == "x = 1\nif a:\n    y = 2"
    assert SOURCE.block(body, 8) == "x = 1\n        if a:\n            y = 2"
    start, end = SOURCE.run(body)
    assert TEXT[start:end] == "x = 1\n    if a:\n        y = 2"


def test_lines_of_offsets() -> None:
    assert SOURCE.line_of(0) == 1
    assert SOURCE.line_of(TEXT.index("return x")) == 11


def test_a_header_ends_at_its_colon_unless_a_comment_follows() -> None:
    span = SOURCE.header(FIRST)
    assert span is not None
    assert TEXT[slice(*span)] == "def first(a, b=2):"
    assert SOURCE.header(SECOND) is None
    assert SOURCE.header(ASSIGNED) is None
