"""Untrusted text on terminals and pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nightcrew.plain_text import code_block, code_span, harmless, markdown_text

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


@given(st.text())
def test_only_tabs_and_line_feeds_of_the_control_characters_are_left(text: str) -> None:
    shown = harmless(text)
    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)
    assert harmless(shown) == shown


@pytest.mark.parametrize(
    "attack",
    [
        "![](http://evil.example/x.png)",
        "[click](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "<http://evil.example>",
        "`</code><b>",
        "**bold** _it_ ~~gone~~",
        "&lt;b&gt;",
        "\\![a](b)",
        "[a]: http://evil.example",
        "http://evil.example/a_b_c",
    ],
)
def test_markup_is_shown_and_does_nothing(attack: str) -> None:
    (paragraph,) = [token for token in MARKDOWN.parse(f"said: {markdown_text(attack)}") if token.children]
    assert {child.type for child in paragraph.children or ()} == {"text"}
    assert "".join(child.content for child in paragraph.children or ()) == f"said: {attack}"


@given(st.text(alphabet="`*_[]()<>!#&\\ab |~\n"))
def test_any_text_stays_text(text: str) -> None:
    tokens = [t for token in MARKDOWN.parse(f"said {markdown_text(text)} end") for t in token.children or ()]
    assert {token.type for token in tokens} == {"text"}


@given(st.text(alphabet="`ab\n#<"))
def test_code_cannot_leave_its_frame(text: str) -> None:
    assert [token.type for token in MARKDOWN.parse(code_block(text, "diff"))] == ["fence"]
    inline = [t.type for token in MARKDOWN.parse(f"x {code_span(text)} y") for t in token.children or ()]
    assert set(inline) <= {"text", "code_inline"}
