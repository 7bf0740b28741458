"""A change goes into a person's checkout as a whole or not at all."""

from pathlib import Path

import pytest

from nightcrew.delivery.person_checkout import apply_to
from nightcrew.errors import BadInput
from tests.execution.conftest import commit_all, git, make_repo

BEFORE = "".join(f"line {number}\n" for number in range(30))
AFTER = BEFORE.replace("line 20\n", "line twenty\n")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"a.txt": BEFORE, "b.txt": "b\n"})


@pytest.fixture
def patch(repo: Path) -> str:
    (repo / "a.txt").write_text(AFTER)
    (repo / "new").mkdir()
    (repo / "new" / "c.txt").write_text("c\n")
    (repo / "b.txt").unlink()
    git(repo, "add", "--all")
    made = git(repo, "diff", "--cached", "--full-index") + "\n"
    git(repo, "reset", "--quiet", "--hard")
    return made


def test_files_are_changed_and_nothing_else(repo: Path, patch: str) -> None:
    before = (git(repo, "rev-parse", "HEAD"), (repo / ".git" / "index").read_bytes())
    assert sorted(apply_to(repo, patch)) == ["a.txt", "b.txt", "new/c.txt"]
    assert (repo / "a.txt").read_text() == AFTER and (repo / "new" / "c.txt").read_text() == "c\n"
    assert not (repo / "b.txt").exists()
    assert (git(repo, "rev-parse", "HEAD"), (repo / ".git" / "index").read_bytes()) == before
    assert sorted(path.name for path in repo.iterdir()) == [".git", "a.txt", "new"]


def test_what_a_person_changed_elsewhere_is_kept(repo: Path, patch: str) -> None:
    (repo / "a.txt").write_text("mine\n" + BEFORE)
    apply_to(repo, patch)
    assert (repo / "a.txt").read_text() == "mine\n" + AFTER


def test_the_second_time_nothing_happens(repo: Path, patch: str) -> None:
    apply_to(repo, patch)
    assert apply_to(repo, patch) == ()


def test_a_change_in_the_same_lines_is_refused_in_one_sentence_and_changes_nothing(
    repo: Path, patch: str
) -> None:
    (repo / "a.txt").write_text(BEFORE.replace("line 20", "my line"))
    before = {path: path.read_text() for path in repo.glob("*.txt")}
    with pytest.raises(BadInput, match=r"does not fit .* a\.txt, line 18; commit or stash your own changes"):
        apply_to(repo, patch)
    assert {path: path.read_text() for path in repo.glob("*.txt")} == before
    assert not (repo / "new").exists()


def test_a_link_is_never_followed(repo: Path, patch: str, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (repo / "new").symlink_to(tmp_path / "outside")
    with pytest.raises(BadInput, match="symbolic link new"):
        apply_to(repo, patch)
    assert list((tmp_path / "outside").iterdir()) == [] and (repo / "a.txt").read_text() == BEFORE


def test_the_mode_of_a_script_stays(repo: Path, tmp_path: Path) -> None:
    (repo / "a.txt").chmod(0o755)
    commit_all(repo)
    (repo / "a.txt").write_text(AFTER)
    patch = git(repo, "diff") + "\n"
    git(repo, "checkout", "--quiet", "a.txt")
    apply_to(repo, patch)
    assert (repo / "a.txt").stat().st_mode & 0o777 == 0o755


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not the root of a checkout"):
        apply_to(tmp_path, "")
