"""The grammar of replies: what is read as an edit, and that no part of a file is ever lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.execution.executors.reply import BadEdits, Replacement, WholeFile, read_edits

README = "# Shop\n\n## Install\n\n```bash\npip install shop\n```\n\n## Use\n\nCall `total`.\n"
BARE = README.replace("```bash", "```")
DRAFT = "### FILE a.py\n```\ndraft = 1\n```\n"
FINAL = "### FILE a.py\n```\nfinal = 1\n```\n"

lines = st.one_of(
    st.sampled_from(
        [
            "```",
            "```python",
            "````",
            "~~~",
            "# Title",
            "### FILE b.py",
            "### EDIT b.py",
            "=======",
            "text",
            "",
        ]
    ),
    st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=8),
)
contents = st.lists(lines, min_size=1, max_size=12).map(lambda some: "".join(f"{line}\n" for line in some))


def only_file(reply: str) -> str:
    (edit,) = read_edits(reply)
    assert isinstance(edit, WholeFile)
    return edit.content


def test_a_readme_with_inner_fences_is_read_whole() -> None:
    assert only_file(f"### FILE README.md\n```markdown\n{README}```\nDone.\n") == README
    assert only_file(f"### FILE README.md\n```\n{BARE}```\n### END\nDone.\n") == BARE
    assert only_file(f"### FILE README.md\n~~~\n{BARE}~~~\n") == BARE
    assert only_file(f"### FILE README.md\n````\n{BARE}`````\n") == BARE


def test_a_file_whose_end_is_not_certain_is_refused_with_the_remedy() -> None:
    for reply in (
        f"### FILE README.md\n```\n{BARE}```\n",
        "### FILE README.md\n```\n# Shop\n```\nCheck it:\n```\nmake docs\n```\n",
    ):
        with pytest.raises(BadEdits, match="longer fence"):
            read_edits(reply)


def test_a_command_after_a_python_file_is_not_part_of_it() -> None:
    assert only_file("### FILE a.py\n```python\nx = 1\n```\nRun it:\n```bash\npytest\n```\n") == "x = 1\n"


def test_a_reply_that_states_ends_states_all_of_them() -> None:
    with pytest.raises(BadEdits, match="END must follow"):
        read_edits("### FILE a.md\n```\na\n```\n### FILE b.md\n```\nb\n```\n### END\n")


@given(contents)
def test_any_content_in_a_longer_fence_is_read_as_it_is(content: str) -> None:
    for end in ("", "### END\n"):
        assert only_file(f"Here:\n### FILE a.md\n``````\n{content}``````\n{end}") == content


@given(contents, st.sampled_from(["", "\nThat is all.\n", "### END\n"]))
def test_a_content_is_read_whole_or_refused_whatever_its_fences(content: str, after: str) -> None:
    if "### " in content:  # a heading in a fence of the same length starts another file
        return
    try:
        read = only_file(f"### FILE a.md\n```\n{content}```\n{after}")
    except BadEdits:
        return
    assert read == content


@given(contents, contents)
def test_any_block_with_longer_marks_is_read_as_it_is(search: str, replace: str) -> None:
    block = f"<<<<<<<<<< SEARCH\n{search}==========\n{replace}>>>>>>>>>> REPLACE\n"
    assert read_edits(f"### EDIT a.md\n{block}") == (Replacement("a.md", search, replace),)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(reply: str) -> None:
    try:
        read_edits(reply)
    except BadEdits as error:
        assert str(error)


def test_a_heading_of_equal_signs_gives_several_readings() -> None:
    body = "Title\n=======\nold\n=======\nTitle\n=======\nnew\n"
    (edit,) = read_edits(f"### EDIT a.rst\n<<<<<<< SEARCH\n{body}>>>>>>> REPLACE\n")
    assert isinstance(edit, Replacement)
    readings = [(edit.search, edit.replace), *edit.others]
    assert ("Title\n=======\nold\n", "Title\n=======\nnew\n") in readings


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>\nFirst I try\n{DRAFT}</think>\n{FINAL}",
        f"<think>{DRAFT}</think>{FINAL}",
        f"  <thinking>\n{DRAFT}</thinking>\n\n{FINAL}",
        f"Let me see.\n{DRAFT}so this is it.</think>\n{FINAL}",
        f"<think>\none\n</think>\n<think>\n{DRAFT}\n</think>\n{FINAL}",
    ],
)
def test_a_draft_in_the_thinking_is_never_an_edit(reply: str) -> None:
    assert read_edits(reply) == (WholeFile("a.py", "final = 1\n"),)


def test_thinking_that_never_ends_holds_no_edit() -> None:
    assert read_edits(f"<think>\n{DRAFT}") == ()


def test_a_tag_of_thinking_in_a_file_is_its_content() -> None:
    page = "<think>\nIs this thinking?\n</think>\n"
    assert only_file(f"### FILE page.html\n```\n{page}```\n") == page


@pytest.mark.parametrize("odd", ["\x0c", "\u2028", "\x85", "\x1c", "\x0b", "\r"])
def test_only_a_line_feed_ends_a_line(odd: str) -> None:
    assert only_file(f"### FILE a.txt\n```\none{odd}two\n```\n") == f"one{odd}two\n"


def test_marks_of_other_formats_are_understood() -> None:
    block = "------- SEARCH\nold\n=======\nnew\n+++++++ REPLACE\n"
    for heading in ("### EDIT a.py", "### FILE a.py", "## EDIT: **a.py**"):
        for fenced in (block, f"```\n{block}```\n", f"\n```python\n{block}```\n"):
            assert read_edits(f"{heading}\n{fenced}") == (Replacement("a.py", "old\n", "new\n"),)
    crlf = f"### EDIT a.py\n{block}".replace("\n", "\r\n")
    assert read_edits(crlf) == (Replacement("a.py", "old\n", "new\n"),)
