"""An analysis whose quotations are right: whether it is true, a person reads."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.gates.analysis import Finding, Report, _json, _says_nothing
from nightcrew.validation.verdict import VerdictKind
from tests.validation.house import FILES, make_house


def test_a_quotation_proves_nothing(tmp_path: Path, settings: Settings, sandbox: Sandbox) -> None:
    files = {path: text for path, text in FILES.items() if path != "nightcrew.toml"}
    finding = {"file": "src/shop/names.py", "line": 1, "quote": "def initials(name):"}
    output = json.dumps({"findings": [finding | {"message": "This is open to SQL injection."}]})
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    verdict = house.judge({"report.json": output}, TaskType.ANALYSIS, None)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE
    assert "SQL injection" in verdict.asks


def finding(message: str, line: int = 3, quote: str = "def parse(text):") -> Finding:
    return Finding(file="a.py", line=line, quote=quote, message=message)


@pytest.mark.parametrize(
    ("findings", "why"),
    [
        ([finding("It accepts negative numbers."), finding("It ignores the unit.", 4)], ""),
        ([finding("It accepts negative numbers.")] * 2, "more than once"),
        ([finding("def parse text", quote="def parse(text):")], "repeats the line"),
        ([finding("This line is not tested.", line) for line in (1, 2, 3)], "say the same words"),
        ([finding("This line is not tested.", line) for line in (1, 2)], ""),
        (
            [finding("This line is not tested.", line) for line in (1, 2, 3)]
            + [finding(f"It has {one} of its own.", 9) for one in ("a limit", "an error", "a name")],
            "",
        ),
    ],
)
def test_findings_that_say_nothing(findings: list[Finding], why: str) -> None:
    output = _says_nothing(findings)
    assert why in output
    assert bool(output) is bool(why)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('{"findings": []}', '{"findings": []}'),
        ("# Report\n\n```json\n{\n}\n```\n\nMore.\n", "{\n}\n"),
        ("```python\nx\n```\n```json\n1\n```\n", "1\n"),
    ],
)
def test_a_report_is_json_or_one_block_of_it(text: str, inside: str) -> None:
    assert _json(text) == inside


def test_keys_that_linters_use_are_accepted_too() -> None:
    row = {"path": "a.py", "line": 1, "quote": "import os", "finding": "os is never used here"}
    (found,) = Report.model_validate({"findings": [row], "tool": "x"}).findings
    assert (found.file, found.message) == ("a.py", "os is never used here")
    for wrong in ({**row, "line": 0}, {**row, "quote": "x"}, {**row, "finding": "short"}):
        with pytest.raises(ValidationError):
            Report.model_validate({"findings": [wrong]})
