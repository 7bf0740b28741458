"""A small real repository to judge changes of, and helpers that make patches the way git does."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskType
from nightcrew.validation.gate import Gate
from nightcrew.validation.result_validator import ResultValidator
from nightcrew.validation.running.clean_room import open_room
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict

PRICES = '''\
"""Prices of a shop."""

LIMIT = 100


def discount(total: int, member: bool) -> int:
    """Percent off for an order."""
    if total < 0:
        raise ValueError("a total is not negative")
    percent = 0
    if total >= LIMIT:
        percent = 10
    if member:
        percent += 5
    return percent


def parse_price(text: str) -> int:
    """Cents of a price such as `3.50 EUR`."""
    number, _, currency = text.strip().partition(" ")
    if currency not in ("", "EUR"):
        raise ValueError(f"unknown currency {currency!r}")
    whole, _, cents = number.partition(".")
    return int(whole) * 100 + int((cents + "00")[:2])


def total(prices: list[str]) -> int:
    """Sum of prices in cents."""
    result = 0
    for price in prices:
        result += parse_price(price)
    return result
'''

NAMES = """\
def initials(name):
    return "".join(part[0].upper() for part in name.split())


def shout(name):
    return name.upper() + "!"
"""

TEST_NAMES = """\
from shop.names import initials


def test_initials():
    assert initials("ada lovelace") == "AL"


def test_initials_of_nothing():
    assert initials("") == ""
"""

GOOD_TEST = """\
import pytest

from shop.prices import discount, parse_price, total


@pytest.mark.parametrize(
    ("amount", "member", "percent"),
    [(0, False, 0), (99, False, 0), (100, False, 10), (101, True, 15), (50, True, 5)],
)
def test_discount(amount, member, percent):
    assert discount(amount, member) == percent


def test_discount_refuses_negative_totals():
    with pytest.raises(ValueError):
        discount(-1, False)


@pytest.mark.parametrize(
    ("text", "cents"),
    [("3.50 EUR", 350), ("3.5", 350), ("12", 1200), (" 0.05 EUR ", 5), ("1.239", 123)],
)
def test_parse_price(text, cents):
    assert parse_price(text) == cents


def test_parse_price_refuses_other_currencies():
    with pytest.raises(ValueError):
        parse_price("3.50 USD")


def test_total():
    assert total(["1.00", "2.50 EUR"]) == 350
    assert total([]) == 0
"""

FILES = {
    "src/shop/__init__.py": "",
    "src/shop/prices.py": PRICES,
    "src/shop/names.py": NAMES,
    "tests/test_names.py": TEST_NAMES,
    "nightcrew.toml": 'analysis = "accept"\ndocumentation = "accept"\n',
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
}


def git(folder: Path, *words: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "core.hooksPath=/dev/null",
        *words,
    ]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout.decode()


@dataclass(frozen=True)
class House:
    """One repository with one commit, and the means to judge changes of it."""

    repo: Path
    commit: str
    settings: Settings
    sandbox: Sandbox

    def patch(self, files: Mapping[str, str | None]) -> str:
        """A patch that gives files these texts (None: deleted)."""
        for path, text in files.items():
            place = self.repo / path
            if text is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        git(self.repo, "add", "-A", "--force")
        diff = git(self.repo, "diff", "--cached", "--no-renames", "--no-ext-diff", "HEAD")
        git(self.repo, "reset", "--quiet", "--hard", "HEAD")
        git(self.repo, "clean", "-fdxq")
        return diff

    def judge(
        self,
        files: Mapping[str, str | None] | str,
        task_type: TaskType = TaskType.UNIT_TEST,
        target: str | None = "src/shop/prices.py",
        **task: object,
    ) -> Verdict:
        """The verdict on a change."""
        patch = files if isinstance(files, str) else self.patch(files)
        wanted = self.task(task_type, target, **task)
        return ResultValidator(self.settings, self.sandbox).judge(wanted, patch, commit=self.commit)

    def task(self, task_type: TaskType, target: str | None, **task: object) -> Task:
        """Work on this repository."""
        wanted = {"description": "do it", "repo": str(self.repo), "task_type": task_type}
        return Task.model_validate({**wanted, "target_file": target, **task})

    def ask(self, gate: Gate, files: Mapping[str, str | None], task: Task) -> GateResult:
        """What one gate alone says about a change."""
        patch = self.patch(files)
        with (
            base_checkout(task.repo, self.commit, self.settings) as base,
            open_room(task, patch, base, settings=self.settings, sandbox=self.sandbox) as room,
        ):
            return gate.run(room)


def make_house(folder: Path, settings: Settings, sandbox: Sandbox, files: Mapping[str, str] = FILES) -> House:
    """A repository with these files, committed."""
    folder.mkdir(parents=True)
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "base")
    return House(folder, git(folder, "rev-parse", "HEAD").strip(), settings, sandbox)


def last_gate(verdict: Verdict) -> GateResult:
    """The gate that decided: the first that failed, or the last of all."""
    return next((gate for gate in verdict.gates if gate.outcome is GateOutcome.FAIL), verdict.gates[-1])
