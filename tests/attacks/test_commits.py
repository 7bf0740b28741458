"""Commits that no git would make: more than the disk holds, and names that lead elsewhere."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.workspace import make_checkout
from nightcrew.execution.confinement.confinement import MIB
from tests.attacks.rows import Findings, Row
from tests.execution.conftest import git, make_repo

pytestmark = pytest.mark.attack(Row.GIT)


def _object(repo: Path, kind: str, content: bytes) -> str:
    words = ["git", "hash-object", "-w", "-t", kind, "--literally", "--stdin"]
    return (
        subprocess.run(words, cwd=repo, input=content, check=True, capture_output=True)
        .stdout.decode()
        .strip()
    )


def _tree(repo: Path, *entries: tuple[str, str, str]) -> str:
    """A tree of entries with a mode, a name and an object, as they are given."""
    lines = (f"{mode} {name}\0".encode() + bytes.fromhex(sha) for mode, name, sha in entries)
    return _object(repo, "tree", b"".join(lines))


def _folders_in_folders(repo: Path) -> str:
    made, mode = _object(repo, "blob", b"x\n"), "100644"
    for _ in range(10):
        made, mode = _tree(repo, *((mode, f"d{number}", made) for number in range(10))), "40000"
    return made


def _one_file_often(repo: Path) -> str:
    blob = _object(repo, "blob", bytes(64 * MIB))
    return _tree(repo, *(("100644", f"f{number:03}", blob) for number in range(100)))


def _a_link_that_is_a_folder(repo: Path) -> str:
    planted = _tree(repo, ("100644", "planted", _object(repo, "blob", b"x\n")))
    return _tree(repo, ("120000", "a", _object(repo, "blob", b"../../outside")), ("40000", "a", planted))


def _named(name: str) -> Callable[[Path], str]:
    return lambda repo: _tree(repo, ("100644", name, _object(repo, "blob", b"x\n")))


TREES: dict[str, tuple[Callable[[Path], str], str]] = {
    "ten billion files": (_folders_in_folders, "has more than"),
    "one file a hundred times": (_one_file_often, "can be worked on"),
    "a link that is a folder too": (_a_link_that_is_a_folder, ""),
    **{name: (_named(name), "invalid path") for name in ("../planted", ".git", ".GIT", "..", "a/../../x")},
    "a submodule of nowhere": (lambda repo: _tree(repo, ("160000", "m", "1" * 40)), ""),
}
"""What a commit can hold that git itself would not make, and how it is refused, if it is."""


@pytest.mark.parametrize("name", TREES)
def test_a_commit_fills_no_disk_and_leaves_nothing_elsewhere(
    tmp_path: Path, name: str, finding: Findings
) -> None:
    repo = make_repo(tmp_path / "untrusted", {"README.md": "hello\n"})
    (tmp_path / "outside").mkdir()
    make, refusal = TREES[name]
    commit = git(repo, "commit-tree", make(repo), "-m", "hostile")
    try:
        made = make_checkout(str(repo), commit, tmp_path / "clone")
        assert refusal == ""
        finding(sorted(path.name for path in made.path.rglob("*")))
    except BadInput as refused:
        assert refusal in str(refused)
        finding(refused)
    assert len(list((tmp_path / "clone").rglob("*"))) < 300
    assert not list((tmp_path / "outside").iterdir())
    assert not list(tmp_path.glob("*planted*"))
