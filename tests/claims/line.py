"""The whole line without Prefect: a small shop, scripted models, and the flow's four steps in a row."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightcrew.settings import Settings
from nightcrew.task import Task
from nightcrew.testing.scenario import Scenario
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import Crew
from nightcrew.work.foreground import do_task
from nightcrew.work.work import Work

KEY = "sk-or-v1-claims-a-key-that-is-easy-to-find"
CAPABLE, BUSY, FREE = "twin/capable", "twin/busy", "twin/miser:free"

PRICING = """\
def price(pieces: int, each: float) -> float:
    if pieces < 0:
        raise ValueError("pieces must not be negative")
    if pieces >= 10:
        return pieces * each * 0.9
    return pieces * each
"""
DOCUMENTED = PRICING.replace(
    "-> float:\n", '-> float:\n    """The price of `pieces` at `each`, ten or more a tenth cheaper."""\n', 1
)
PRICING_TEST = """\
import pytest

from pricing import price


def test_few_pieces_cost_their_sum():
    assert price(3, 2.0) == 6.0


def test_ten_pieces_are_a_tenth_cheaper():
    assert price(10, 2.0) == 18.0
    assert price(9, 2.0) == 18.0


def test_nothing_costs_nothing():
    assert price(0, 5.0) == 0.0


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        price(-1, 1.0)
"""
STOCK = '''\
def left(stock: int, pieces: int) -> int:
    """What is left of `stock` after taking `pieces`."""
    if pieces >= stock:
        raise ValueError("not enough")
    return stock - pieces
'''
STOCK_FIXED = STOCK.replace(">=", ">")
STOCK_TEST = """\
from stock import left


def test_the_last_piece_can_be_taken():
    assert left(4, 4) == 0
"""
LABELS = '''\
def label(code: str, pieces: int) -> str:
    """What is printed on a box: the code in capitals and how many pieces are inside."""
    if pieces < 1:
        raise ValueError("a box holds at least one piece")
    return f"{code.upper()} x{pieces}"
'''
LABELS_TEST = """\
import pytest

from labels import label


def test_a_label_has_code_and_pieces():
    assert label("ab-1", 3) == "AB-1 x3"
    assert label("ab-1", 1) == "AB-1 x1"


def test_an_empty_box_gets_none():
    with pytest.raises(ValueError, match="at least one"):
        label("ab-1", 0)
"""
REPORT = """\
# What was found

```json
{"summary": "One comparison takes the last piece for one too many.",
 "findings": [{"path": "stock.py", "line": 3, "quote": "if pieces >= stock:", "severity": "high",
               "finding": "Taking all that is there is refused; the comparison has to be strict."}]}
```
"""
FILES = {
    "nightcrew.toml": 'analysis = "accept"\ndocumentation = "accept"\n',
    "pricing.py": PRICING,
    "stock.py": STOCK,
    "auth.py": "def login(name: str) -> bool:\n    return name == 'root'\n",
    "tests/test_stock.py": STOCK_TEST.replace("the_last_piece_can_be_taken", "some_are_left").replace(
        "left(4, 4) == 0", "left(5, 2) == 3"
    ),
}
WITH_FIX = {"stock.py": STOCK_FIXED, "tests/test_left.py": STOCK_TEST}

TASKS: tuple[dict[str, Any], ...] = (
    {"task_type": "unit_test", "target_file": "pricing.py", "description": "Write unit tests for price."},
    {"task_type": "documentation", "target_file": "pricing.py", "description": "Say what price does."},
    {"task_type": "bug_fix", "target_file": "stock.py", "description": "The last piece cannot be taken."},
    {
        "task_type": "code_generation",
        "target_file": "labels.py",
        "acceptance": "python -m pytest -q tests/test_labels.py",
        "description": "Add label(code, pieces), the text on a box, with tests in tests/test_labels.py.",
    },
    {
        "task_type": "analysis",
        "target_file": "stock.py",
        "description": "Report what is wrong with stock.py.",
    },
)
"""Five tasks of five types."""


def scenario(**more: Any) -> Scenario:
    """Models of several characters, an account with a key, and a good and an empty solution for each task."""
    paid = {"prompt": "0.0000002", "completion": "0.0000008"}
    cheaper = {"prompt": "0.0000001", "completion": "0.0000004"}
    labels = {"labels.py": LABELS, "tests/test_labels.py": LABELS_TEST}
    return Scenario.model_validate(
        {
            "name": "claims",
            "account": {"api_key": KEY, "free_per_minute": 1000, "free_per_day": 10_000},
            "models": [
                {"id": CAPABLE, "price": paid, "coding_index": 40.0},
                {"id": BUSY, "price": cheaper, "coding_index": 40.0},
                {"id": FREE, "coding_index": 20.0},
            ],
            "faults": [{"kind": "rate_limit_upstream", "models": [BUSY], "retry_after_seconds": 60}],
            "solutions": [
                _solution("unit_test", "auth.py", {"tests/test_auth.py": "def test_auth():\n    pass\n"}),
                _solution("unit_test", "pricing.py", {"tests/test_pricing.py": PRICING_TEST}),
                _solution("documentation", "pricing.py", {"pricing.py": DOCUMENTED}),
                _solution("bug_fix", "stock.py", WITH_FIX),
                _solution("code_generation", "labels.py", labels),
                _solution("analysis", "stock.py", {"report.md": REPORT}),
            ],
            **more,
        }
    )  # fmt: skip


def make_repo(path: Path) -> Path:
    """The shop in a git repository."""
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    return path


@dataclass(frozen=True)
class Line:
    """A crew in this process, the twin it talks to, and the repository it works on."""

    settings: Settings
    crew: Crew
    twin: Twin
    repo: Path

    def task(self, **values: Any) -> Task:
        """A task for the direct executor and the capable model, unless the arguments differ."""
        given = {"repo": str(self.repo), "executor": "direct", "models": [CAPABLE], **values}
        return Task.model_validate(given)

    def do(self, **values: Any) -> Work:
        """A task, done."""
        return do_task(self.crew, self.task(**values))

    def query(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """What the ledger answers."""
        from nightcrew.ledger.ledger import Ledger

        self.crew.collector.flush()
        with Ledger(self.settings.ledger_dir) as ledger:
            return ledger.query(sql, values)


def _solution(task_type: str, target: str, good: dict[str, str]) -> dict[str, Any]:
    return {"match": {"task_type": task_type, "target_file": target}, "good": good}
