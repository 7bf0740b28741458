"""Reading, checking and applying edits as models write them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.execution.executors.edits import apply, planned
from nightcrew.execution.executors.reply import BadEdits, Replacement, WholeFile, read_edits
from nightcrew.execution.executors.source_text import SourceText


def block(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def changed(reply: str, tree: Path) -> dict[str, bytes]:
    return planned(read_edits(reply), tree)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\ny = 2\nx = 1\n")
    (tmp_path / "b.txt").write_text("one\ntwo")
    return tmp_path


def test_whole_files_and_replacements_are_read_in_order() -> None:
    reply = "Sure!\n\n### FILE new.py\n```python\nz = 3\n```\nand\n"
    reply += f"### EDIT `a.py`\n```\n{block('y = 2', 'y = 3')}```\n"
    assert read_edits(reply) == (WholeFile("new.py", "z = 3\n"), Replacement("a.py", "y = 2\n", "y = 3\n"))


def test_a_longer_fence_may_hold_fences_and_headings() -> None:
    reply = "### FILE doc.md\n````\n```\n### FILE inner.py\n```\n````\n"
    assert read_edits(reply) == (WholeFile("doc.md", "```\n### FILE inner.py\n```\n"),)


def test_prose_holds_no_edits() -> None:
    assert read_edits("I would add a test:\n```python\nassert True\n```\n") == ()


@pytest.mark.parametrize(
    "reply",
    [
        "### FILE a.py\nx = 1\n",
        "### FILE a.py\n```\nx = 1\n",
        "### EDIT a.py\nchange x\n",
        "### EDIT a.py\n<<<<<<< SEARCH\nx\n",
        "### EDIT a.py\n<<<<<<< SEARCH\nx\n=======\ny\n",
    ],
)
def test_a_heading_without_a_complete_block_is_refused(reply: str) -> None:
    with pytest.raises(BadEdits):
        read_edits(reply)


def test_what_is_written_can_be_read_by_the_user_of_the_sandbox(
    tree: Path, request: pytest.FixtureRequest
) -> None:
    """A worker has a private umask, with which the tests of a new file failed in the sandbox."""
    before = os.umask(0o077)
    request.addfinalizer(lambda: os.umask(before))
    apply({"tests/new/test_a.py": b"x = 1\n", "a.py": b"x = 2\n"}, tree)
    assert (tree / "tests/new/test_a.py").stat().st_mode & 0o777 == 0o644
    assert (tree / "tests/new").stat().st_mode & 0o777 == 0o755


def test_a_search_text_must_stand_there_exactly_once(tree: Path) -> None:
    assert changed("### EDIT a.py\n" + block("y = 2", "y = 3"), tree) == {"a.py": b"x = 1\ny = 3\nx = 1\n"}
    with pytest.raises(BadEdits, match="2 times"):
        changed("### EDIT a.py\n" + block("x = 1", "x = 2"), tree)
    with pytest.raises(BadEdits, match="not in the file"):
        changed("### EDIT a.py\n" + block("w = 1", "x = 2"), tree)
    with pytest.raises(BadEdits, match="empty"):
        changed("### EDIT a.py\n" + block("", "x = 2"), tree)


def test_several_blocks_build_on_each_other(tree: Path) -> None:
    reply = "### EDIT a.py\n" + block("y = 2", "y = 3") + "\n" + block("y = 3", "y = 4")
    assert changed(reply, tree) == {"a.py": b"x = 1\ny = 4\nx = 1\n"}


def test_a_last_line_without_an_end_and_crlf_are_kept(tree: Path) -> None:
    assert changed("### EDIT b.txt\n" + block("two", "three"), tree) == {"b.txt": b"one\nthree"}
    (tree / "w.txt").write_bytes(b"a\r\nb\r\n")
    assert changed("### EDIT w.txt\n" + block("a", "c"), tree) == {"w.txt": b"c\r\nb\r\n"}


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../out.py", "a/../../out.py", ".git/config", "sub/.GIT/hooks/x", "a\\b.py", "link/x.py"],
)
def test_a_path_out_of_the_tree_is_refused(tree: Path, path: str) -> None:
    (tree / "link").symlink_to("/tmp")
    with pytest.raises(BadEdits):
        changed(f"### FILE {path}\n```\nx = 1\n```\n", tree)


def test_a_link_a_folder_and_a_missing_file_are_refused(tree: Path) -> None:
    (tree / "link.py").symlink_to("a.py")
    (tree / "folder").mkdir()
    for reply in (
        "### FILE link.py\n```\n```\n",
        "### FILE folder\n```\n```\n",
        "### FILE a.py/b.py\n```\n```\n",
    ):
        with pytest.raises(BadEdits):
            changed(reply, tree)
    with pytest.raises(BadEdits, match="no such file"):
        changed("### EDIT missing.py\n" + block("a", "b"), tree)


def test_python_that_does_not_parse_is_refused(tree: Path) -> None:
    with pytest.raises(BadEdits, match=r"a\.py: cannot be read as Python.*line 1"):
        changed("### FILE a.py\n```\ndef (:\n```\n", tree)


def test_enormous_edits_are_refused(tree: Path) -> None:
    with pytest.raises(BadEdits, match="bytes"):
        changed("### FILE big.txt\n```\n" + "x" * 600_000 + "\n```\n", tree)
    many = "".join(f"### FILE f{n}.txt\n```\nx\n```\n" for n in range(41))
    with pytest.raises(BadEdits, match="41 files"):
        changed(many, tree)


def test_applying_keeps_the_mode_and_makes_folders(tree: Path) -> None:
    (tree / "run.sh").write_text("old\n")
    (tree / "run.sh").chmod(0o755)
    apply({"run.sh": b"new\n", "deep/er/x.py": b""}, tree)
    assert (tree / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tree / "deep/er/x.py").read_bytes() == b""


def refusal(reply: str, tree: Path) -> str:
    with pytest.raises(BadEdits) as caught:
        changed(reply, tree)
    return str(caught.value)


def test_line_ends_and_encoding_of_a_file_are_kept(tree: Path) -> None:
    (tree / "w.py").write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\nc = 3")
    assert changed("### FILE w.py\n```\na = 1\nb = 5\nc = 3\n```\n", tree) == {
        "w.py": b"\xef\xbb\xbfa = 1\r\nb = 5\r\nc = 3"
    }
    assert changed("### EDIT w.py\n" + block("a = 1\nb = 2", "a = 1\nx = 0\nb = 2"), tree) == {
        "w.py": b"\xef\xbb\xbfa = 1\r\nx = 0\r\nb = 2\r\nc = 3"
    }
    (tree / "l.py").write_bytes("# coding: latin-1\ns = 'é'\nt = 1\n".encode("latin-1"))
    assert changed("### EDIT l.py\n" + block("t = 1", "t = 'ü'"), tree) == {
        "l.py": "# coding: latin-1\ns = 'é'\nt = 'ü'\n".encode("latin-1")
    }
    assert "'€'" in refusal("### EDIT l.py\n" + block("t = 1", "t = '€'"), tree)


def test_lines_of_a_file_with_both_line_ends_keep_their_own(tree: Path) -> None:
    (tree / "m.txt").write_bytes(b"a\r\nb\nc\r\nd\n")
    assert changed("### FILE m.txt\n```\na\nb\nC\nd\n```\n", tree) == {"m.txt": b"a\r\nb\nC\r\nd\n"}


def test_bytes_of_an_unknown_encoding_stay_and_nothing_else_is_mixed_in(tree: Path) -> None:
    (tree / "u.txt").write_bytes(b"caf\xe9\nold\n")
    assert changed("### EDIT u.txt\n" + block("old", "new"), tree) == {"u.txt": b"caf\xe9\nnew\n"}
    assert "not UTF-8" in refusal("### EDIT u.txt\n" + block("old", "né"), tree)
    (tree / "binary").write_bytes(b"\0\1")
    assert "not a text file" in refusal("### EDIT binary\n" + block("old", "new"), tree)


@pytest.mark.parametrize("odd", ["\x0c", "\u2028", "\x85", "\x1c"])
def test_a_copied_line_with_an_odd_character_is_found(tree: Path, odd: str) -> None:
    (tree / "o.txt").write_text(f"one{odd}two\nthree\n", newline="")
    assert changed("### EDIT o.txt\n" + block(f"one{odd}two", "2"), tree) == {"o.txt": b"2\nthree\n"}


def test_a_search_is_made_of_whole_lines(tree: Path) -> None:
    (tree / "s.py").write_text("max = 1\nx = 1\n")
    assert changed("### EDIT s.py\n" + block("x = 1", "x = 2"), tree) == {"s.py": b"max = 1\nx = 2\n"}


def test_white_space_that_can_mean_one_place_only_is_forgiven(tree: Path) -> None:
    (tree / "i.py").write_text("class A:\n    def f(self):\n        return 1  \n")
    reply = "### EDIT i.py\n" + block("def f(self):\n    return 1", "def f(self):\n\n    return 2")
    assert changed(reply, tree) == {"i.py": b"class A:\n    def f(self):\n\n        return 2\n"}


def test_a_missed_search_says_why_and_what_is_there(tree: Path) -> None:
    (tree / "i.py").write_text("if x:\n\tif y:\n\t\tgo(1)\n")
    assert "only in white space" in refusal("### EDIT i.py\n" + block("  if y:\n  go(1)", "pass"), tree)
    near = refusal("### EDIT a.py\n" + block("y = 22", "y = 3"), tree)
    assert "from line 2" in near
    assert "y = 2\n" in f"{near}\n"
    assert "nothing like" in refusal("### EDIT a.py\n" + block("import antigravity", "y = 3"), tree)
    assert "from lines 1, 3" in refusal("### EDIT a.py\n" + block("x = 1", "x = 2"), tree)


def test_a_block_with_an_underline_of_equal_signs_is_placed_by_the_file(tree: Path) -> None:
    (tree / "d.rst").write_text("Title\n=======\nold\n")
    reply = "### EDIT d.rst\n" + block("Title\n=======\nold", "Title\n=======\nnew")
    assert changed(reply, tree) == {"d.rst": b"Title\n=======\nnew\n"}


@pytest.mark.parametrize(
    "line",
    [
        "# ... rest of the code unchanged ...",
        "    # ... existing code ...",
        "// ... (other methods remain the same)",
        "# The rest of the file stays as before.",
        "<!-- rest of the README unchanged -->",
        "[... remaining sections omitted ...]",
        "# ...",
        "... (rest of the file) ...",
        "# … keep the previous tests …",
        "/* existing functions here */",
        "# unchanged",
    ],
)
def test_a_file_that_leaves_lines_out_is_refused(tree: Path, line: str) -> None:
    for reply in (f"### FILE b.txt\n```\none\n{line}\n```\n", "### EDIT b.txt\n" + block("two", line)):
        assert "stands in for" in refusal(reply, tree)
    (tree / "b.txt").write_text(f"{line}\nold\n")
    assert changed(f"### FILE b.txt\n```\n{line}\nnew\n```\n", tree) == {"b.txt": f"{line}\nnew\n".encode()}


@pytest.mark.parametrize(
    "line",
    [
        "    ...",
        "def f() -> None: ...",
        "# the rest of the arguments are joined",
        "rest = items[1:]  # everything but the first",
        "print('loading...')",
        "# existing files are overwritten",
        "# Returns the same object.",
        "# see the previous section, e.g. a, b, ...",
        "- The other options are described here: ...",
    ],
)
def test_ordinary_lines_are_not_taken_for_gaps(tree: Path, line: str) -> None:
    assert changed(f"### FILE n.txt\n```\n{line}\n```\n", tree) == {"n.txt": f"{line}\n".encode()}


texts = st.lists(
    st.tuples(
        st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=6),
        st.sampled_from(["\n", "\r\n"]),
    ),
    max_size=8,
)


@given(texts, st.sampled_from(["", "end", "\x0c"]), st.data())
def test_lines_that_are_not_edited_keep_every_byte(
    some: list[tuple[str, str]], last: str, data: st.DataObject
) -> None:
    content = "".join(f"{line}{end}" for line, end in some).encode() + last.encode()
    source = SourceText.read(content)
    assert source.encoded() == content
    if source.lines:
        at = data.draw(st.integers(0, len(source.lines) - 1))
        made = source.replaced(at, at + 1, ["new", "lines"])
        assert made.encoded().startswith("".join(f"{a}{b}" for a, b in some[:at]).encode())
        assert made.ends[at + 2 :] == source.ends[at + 1 :]
        assert made.lines[at + 2 :] == source.lines[at + 1 :]
    assert source.rewritten(source.text).encoded() == content


def test_a_block_whose_two_parts_are_indented_differently_is_asked_for_again(tmp_path: Path) -> None:
    before = "def f(a):\n    if a:\n        return 1\n    return 2\n"
    (tmp_path / "a.py").write_text(before)
    for search, replace in (("return 2\n", "    return 3\n"), ("        return 2\n", "    return 3\n")):
        with pytest.raises(BadEdits, match="as the file has them, from line 4"):
            planned((Replacement("a.py", search, replace),), tmp_path)
    edit = Replacement("a.py", "return 2\n", "a += 1\nreturn 3\n")
    assert planned((edit,), tmp_path)["a.py"].endswith(b"\n    a += 1\n    return 3\n")
