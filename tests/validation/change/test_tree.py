"""The files of a tree as gates read them: no links, nothing installed, nothing too large."""

from pathlib import Path

from nightcrew.validation.change import tree
from nightcrew.validation.change.tree import Tree


def test_links_and_installed_files_are_no_part_of_a_tree(tmp_path: Path) -> None:
    for name in ("a.py", ".git/config.py", "node_modules/x.py", "pkg/__pycache__/b.py", "pkg/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    found = Tree(tmp_path)
    assert found.paths == ("a.py", "pkg/c.py")
    assert found.python == {"a.py": "x = 1\n", "pkg/c.py": "x = 1\n"}


def test_documents_are_those_of_people_and_of_the_build(tmp_path: Path) -> None:
    for name in ("README.md", "NOTES.RST", "setup.py", "a.py", "Makefile", "data.csv"):
        (tmp_path / name).write_text(name)
    assert set(Tree(tmp_path).documents) == {"README.md", "NOTES.RST", "setup.py", "Makefile"}


def test_a_large_file_is_listed_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "table.py").write_bytes(b"#" * (tree.MOST_BYTES + 1))
    assert (Tree(tmp_path).paths, Tree(tmp_path).python) == (("table.py",), {})


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"# \xff\n")
    assert Tree(tmp_path).python["a.py"].encode("utf-8", "surrogateescape") == b"# \xff\n"
