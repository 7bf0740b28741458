"""What could only fail minutes after a task was submitted is refused when it is submitted."""

from pathlib import Path

import pytest

from nightcrew.errors import BadInput
from nightcrew.execution.checkout import workspace
from nightcrew.execution.checkout.admission import Admission, admit, root_of
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.task import Task
from tests.execution.conftest import git, make_repo

FILES = {
    "backend/src/shop.py": "def add(a, b):\n    return a + b\n",
    "backend/tests/test_shop.py": "",
    "README.md": "# Shop\n",
}


def a_task(repo: Path, task_type: str = "unit_test", target: str | None = "backend/src/shop.py") -> Task:
    return Task.model_validate(
        {"description": "work on it", "repo": str(repo), "task_type": task_type, "target_file": target}
    )


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repo(tmp_path_factory.mktemp("admission") / "repo", FILES)


@pytest.mark.parametrize(
    ("task_type", "target"),
    [
        ("unit_test", "backend/src/shop.py"),
        ("bug_fix", None),
        ("documentation", "docs/new.md"),
        ("code_generation", "backend/src/new.py"),
        ("build_script", "Makefile"),
    ],
)
def test_work_that_can_be_done_begins_at_the_commit(repo: Path, task_type: str, target: str | None) -> None:
    assert admit(a_task(repo, task_type, target)) == resolve_commit(str(repo), "HEAD")


def test_the_tasks_of_a_batch_begin_at_one_commit(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    batch = Admission()
    first = batch.admit(a_task(repo))
    git(repo, "commit", "-q", "--allow-empty", "-m", "meanwhile")
    assert batch.admit(a_task(repo, "documentation", "README.md")) == first
    assert admit(a_task(repo)) == resolve_commit(str(repo), "HEAD") != first
    with pytest.raises(BadInput, match=r"has no file gone\.py"):
        batch.admit(a_task(repo, target="gone.py"))


@pytest.mark.parametrize("task_type", ["unit_test", "bug_fix", "refactoring"])
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("shop.py", "do you mean backend/src/shop.py?"),
        ("backend/src/shp.py", "do you mean backend/src/shop.py?"),
        ("backend/src", "it is a folder: name a file in it, such as backend/src/shop.py"),
        ("zebra.txt", "commit it first, or name another one"),
    ],
)
def test_a_target_that_is_not_there_is_refused(repo: Path, task_type: str, target: str, says: str) -> None:
    with pytest.raises(BadInput, match=f"has no file {target}") as refusal:
        admit(a_task(repo, task_type, target))
    assert says in str(refusal.value)


def test_a_file_that_is_not_committed_is_not_there(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    (repo / "fresh.py").write_text("x = 1\n")
    with pytest.raises(BadInput, match=r"has no file fresh\.py"):
        admit(a_task(repo, target="fresh.py"))


def test_a_language_that_is_not_supported_is_refused_where_code_is_measured(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"shop.js": "1\n", "README.md": "# Shop\n"})
    with pytest.raises(BadInput, match="no Python file"):
        admit(a_task(repo, "bug_fix", "shop.js"))
    assert admit(a_task(repo, "documentation", "README.md"))


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("nightcrew.toml", "tst = 3\n", "nightcrew.toml: tst: unknown name; the settings are setup, test"),
        ("nightcrew.toml", "test = \n", "cannot read the repository's nightcrew.toml"),
        ("pyproject.toml", "[tool.nightcrew]\ntest = 3\n", "pyproject.toml: test"),
    ],
)
def test_an_invalid_configuration_is_refused(tmp_path: Path, name: str, text: str, says: str) -> None:
    repo = make_repo(tmp_path / "repo", {**FILES, name: text})
    with pytest.raises(BadInput, match="correct it and commit it") as refusal:
        admit(a_task(repo))
    assert says in str(refusal.value)


def test_a_folder_of_a_repository_belongs_to_its_root(repo: Path, tmp_path: Path) -> None:
    assert root_of(repo / "backend" / "src") == repo
    assert root_of(repo) == repo
    assert root_of(tmp_path) == tmp_path


def test_what_would_fill_the_disk_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = make_repo(tmp_path / "repo", {**FILES, "nightcrew.toml": "# " + 17 * 1024 * 1024 * "x"})
    with pytest.raises(BadInput, match=r"nightcrew\.toml is larger than"):
        admit(a_task(repo))
    monkeypatch.setattr(workspace, "ENTRIES", 2)
    with pytest.raises(BadInput, match="files"):
        admit(a_task(repo))
