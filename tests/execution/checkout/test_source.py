"""Repositories of every shape are read as far as their objects are there, and never written to."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.execution.checkout.workspace import make_checkout, resolve_commit
from tests.execution.conftest import commit_all, git, make_repo
from tests.execution.test_execution_engine import digest


def _cloned(repo: Path, *options: str) -> Path:
    target = repo.parent / "copy"
    subprocess.run(["git", "clone", "--quiet", *options, f"file://{repo}", str(target)], check=True)
    return target


def _partial(repo: Path) -> Path:
    git(repo, "config", "uploadpack.allowFilter", "true")
    return _cloned(repo, "--filter=blob:none")


def _submodule(repo: Path) -> Path:
    outer = make_repo(repo.parent / "outer", {"README.md": "outer\n"})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{repo}", "inner")
    return outer / "inner"


def _worktree_of_a_bare_one(repo: Path) -> Path:
    bare = _cloned(repo, "--bare")
    git(bare, "worktree", "add", "--quiet", "--detach", str(repo.parent / "tree"))
    return repo.parent / "tree"


def _packed(repo: Path) -> Path:
    git(repo, "gc", "--quiet", "--prune=now")
    git(repo, "pack-refs", "--all")
    return repo


def _sha256(repo: Path) -> Path:
    other = repo.parent / "sha256"
    other.mkdir()
    git(other, "init", "--quiet", "--object-format=sha256")
    (other / "README.md").write_text("# Example\n")
    commit_all(other)
    return other


def _detached(repo: Path) -> Path:
    git(repo, "checkout", "--quiet", "--detach")
    return repo


def _inside_itself(repo: Path) -> Path:
    """`git init --separate-git-dir` with the folder in the working tree."""
    (repo / ".git").rename(repo / "store")
    (repo / ".git").write_text("gitdir: store\n")
    return repo


SHAPES: dict[str, Callable[[Path], Path]] = {
    "partial": _partial,
    "shallow": lambda repo: _cloned(repo, "--depth=1"),
    "mirror": lambda repo: _cloned(repo, "--mirror"),
    "submodule": _submodule,
    "worktree of a bare one": _worktree_of_a_bare_one,
    "packed": _packed,
    "sha256": _sha256,
    "detached": _detached,
    "git directory in the tree": _inside_itself,
    "git directory itself": lambda repo: repo / ".git",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_repository_of_any_shape_is_read(repo: Path, tmp_path: Path, shape: str) -> None:
    commit_all(repo)
    place = SHAPES[shape](repo)
    before = digest(place)
    made = make_checkout(str(place), resolve_commit(str(place), "HEAD"), tmp_path / "clone")
    assert (made.path / "README.md").read_text() == "# Example\n"
    assert digest(place) == before


def test_what_a_partial_clone_lacks_is_reported_and_not_fetched(repo: Path, tmp_path: Path) -> None:
    first = git(repo, "rev-parse", "HEAD")
    (repo / "README.md").write_text("# Changed\n")
    commit_all(repo)
    partial = _partial(repo)
    with pytest.raises(BadInput, match=r"does not have all of .*git fetch --refetch"):
        make_checkout(str(partial), first, tmp_path / "clone")


def test_what_is_borrowed_from_another_repository_is_reported(repo: Path, tmp_path: Path) -> None:
    git(repo.parent, "clone", "--quiet", "--shared", str(repo), "borrower")
    borrower = repo.parent / "borrower"
    with pytest.raises(BadInput, match="borrows objects"):
        resolve_commit(str(borrower), "HEAD")
    git(borrower, "repack", "-a", "-d", "-q")
    assert resolve_commit(str(borrower), "HEAD") == git(repo, "rev-parse", "HEAD")
    assert make_checkout(str(borrower), git(repo, "rev-parse", "HEAD"), tmp_path / "clone").path.is_dir()


def test_a_git_directory_elsewhere_has_to_know_of_the_tree(repo: Path) -> None:
    (repo / ".git").rename(repo.parent / "store")
    (repo / ".git").write_text("gitdir: ../store\n")
    with pytest.raises(BadInput, match="does not refer to"):
        resolve_commit(str(repo), "HEAD")
    assert resolve_commit(str(repo.parent / "store"), "HEAD")
