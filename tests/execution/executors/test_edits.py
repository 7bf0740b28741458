"""Reading, checking and applying edits as models write them."""

from pathlib import Path

import pytest

from nightcrew.execution.executors.edits import BadEdits, Replacement, WholeFile, apply, planned, read_edits


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
