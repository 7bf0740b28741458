"""What a task needs to see is measured in its repository, and the number says where it comes from."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.executors.context_need import USUAL_TOKENS, ContextNeed, measured_need
from nightcrew.execution.executors.context_pack import CHARACTERS_PER_TOKEN
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskType
from tests.execution.conftest import commit_all, git

LINE = "# a line that makes the file longer\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work"


def need(repo: Path, folder: Path, target: str | None, commit: str | None = None) -> ContextNeed:
    task = Task(
        task_id="t-measured",
        description="do it",
        repo=str(repo),
        task_type=TaskType.CODE_GENERATION,
        target_file=target,
    )
    with ExitStack() as stack:
        place = base_checkout(str(repo), commit or git(repo, "rev-parse", "HEAD"), Settings(home=folder))
        return measured_need(task, lambda: stack.enter_context(place))


def test_the_target_and_what_it_imports_are_counted(repo: Path, folder: Path) -> None:
    found = need(repo, folder, "src/shop/prices.py")
    assert "src/shop/prices.py" in found.source and "src/shop/tax.py" in found.source
    assert git(repo, "rev-parse", "HEAD")[:12] in found.source
    assert found.tokens < USUAL_TOKENS


@pytest.mark.parametrize("grown", ["src/shop/prices.py", "src/shop/tax.py", "AGENTS.md"])
def test_a_longer_file_needs_as_many_tokens_more(repo: Path, folder: Path, grown: str) -> None:
    before = need(repo, folder, "src/shop/prices.py")
    with (repo / grown).open("a") as file:
        file.write(LINE * 100)
    commit_all(repo)
    after = need(repo, folder, "src/shop/prices.py")
    more = 100 * len(LINE) / CHARACTERS_PER_TOKEN
    assert more <= after.tokens - before.tokens <= more + 20


def test_it_is_measured_at_the_tasks_commit(repo: Path, folder: Path) -> None:
    start = git(repo, "rev-parse", "HEAD")
    before = need(repo, folder, "src/shop/prices.py")
    (repo / "src/shop/prices.py").write_text(LINE * 1000)
    commit_all(repo)
    assert need(repo, folder, "src/shop/prices.py", start) == before


def test_a_file_that_does_not_concern_the_target_costs_no_more_than_its_name(
    repo: Path, folder: Path
) -> None:
    before = need(repo, folder, "src/shop/prices.py")
    (repo / "src/shop/stock.py").write_text(LINE * 1000)
    commit_all(repo)
    assert 0 < need(repo, folder, "src/shop/prices.py").tokens - before.tokens < 10


@pytest.mark.parametrize(
    ("target", "result"),
    [(None, "no target file is named"), ("src/shop/new.py", "src/shop/new.py is not there yet")],
)
def test_without_a_target_the_usual_is_assumed_and_reported(
    repo: Path, folder: Path, target: str | None, result: str
) -> None:
    found = need(repo, folder, target)
    assert found.tokens == USUAL_TOKENS
    assert result in found.source and found.source.startswith("the usual number")


def test_a_repository_that_cannot_be_read_is_reported_too(tmp_path: Path, folder: Path) -> None:
    found = need(tmp_path / "nowhere", folder, "a.py", "0" * 40)
    assert found.tokens == USUAL_TOKENS
    assert found.source.startswith("the usual number, not measured: ")
