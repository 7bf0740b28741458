"""A sweep of a real repository: its tests are run in the sandbox, and tasks are submitted once."""

from decimal import Decimal
from pathlib import Path

import pytest

from nightcrew.crew.dispatch import open_queue
from nightcrew.errors import BadInput
from nightcrew.settings import Settings
from nightcrew.task import TaskPriority, TaskType
from nightcrew.work.sweep.sweep import sweep, sweep_page
from nightcrew.work.sweep.terms import Sweep
from tests.execution.conftest import git, make_repo

FILES = {
    "shop/__init__.py": "",
    "shop/price.py": '"""Prices."""\n\n\ndef price(n: int) -> int:\n    """Twice `n`."""\n    return n * 2\n',
    "shop/stock.py": "def left(a: int, b: int) -> int:\n    if b > a:\n        return 0\n    return a - b\n",
    "tests/test_price.py": "from shop.price import price\n\n\ndef test_price():\n    assert price(3) == 6\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = make_repo(tmp_path / "repo", FILES)
    for number in range(2):
        (made / "shop" / "stock.py").write_text(FILES["shop/stock.py"] + f"\n\nLAST = {number}\n")
        git(made, "commit", "--quiet", "--all", "--message", "more")
    return made


def test_it_measures_chooses_and_submits_once_within_a_budget(
    repo: Path, tmp_path: Path, database_url: str
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    terms = Sweep(repo=str(repo), most_tasks=2, budget_usd=Decimal("0.5"))
    found = sweep(settings, terms)
    proofs = {one.path: one for one in found.proofs}
    price, stock = proofs["shop/price.py"], proofs["shop/stock.py"]
    assert (price.run, price.lines, price.documented, price.public, price.changes) == (1, 1, 2, 2, 1)
    assert (stock.run, stock.lines, stock.documented, stock.public, stock.changes) == (0, 3, 0, 2, 3)
    wanted = [(TaskType.UNIT_TEST, "shop/stock.py"), (TaskType.DOCUMENTATION, "shop/stock.py")]
    assert [(one.task_type, one.path) for one in found.chosen] == wanted
    assert "| `shop/stock.py` | 0 of 3 | – | 0 of 2 | 3 |" in sweep_page(found)
    with open_queue(settings) as queue:
        tasks = queue.list()
    assert {one.task_id for one in tasks} == set(found.task_ids) and len(tasks) == 2
    for one in tasks:
        assert (one.task.batch, one.task.batch_cost_usd) == (found.batch, Decimal("0.5"))
        assert one.task.priority is TaskPriority.LOW
    again = sweep(settings, terms)
    assert again.task_ids == () and again.chosen == []


def test_faults_are_put_into_what_is_tested_too_little(repo: Path, tmp_path: Path, database_url: str) -> None:
    (repo / "tests" / "test_stock.py").write_text(
        "from shop import stock\n\n\ndef test_it():\n    stock.left(3, 1)\n"
    )
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "a test that checks nothing")
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    found = sweep(settings, Sweep(repo=str(repo)), is_trial=True)
    (stock,) = [one for one in found.proofs if one.path == "shop/stock.py"]
    assert stock.run == 2 and stock.faults > 0 and stock.noticed < stock.faults
    with open_queue(settings) as queue:
        assert queue.list() == []


def test_a_repository_whose_tests_cannot_be_run_is_refused(
    repo: Path, tmp_path: Path, database_url: str
) -> None:
    (repo / "tests" / "test_price.py").write_text("import nothing_of_this_name\n")
    git(repo, "commit", "--quiet", "--all", "--message", "broken")
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    with pytest.raises(BadInput, match="cannot be run here"):
        sweep(settings, Sweep(repo=str(repo)))


def test_an_address_with_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="without a token"):
        Sweep(repo="https://x:ghp_secret@github.com/a/b")
