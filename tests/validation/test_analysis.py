"""An analysis whose quotations are right: whether it is true, a person reads."""

import json
from pathlib import Path

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.task import TaskType
from nightcrew.validation.verdict import VerdictKind
from tests.validation.house import FILES, make_house


def test_a_quotation_proves_nothing(tmp_path: Path, settings: Settings, sandbox: Sandbox) -> None:
    files = {path: text for path, text in FILES.items() if path != "nightcrew.toml"}
    finding = {"file": "src/shop/names.py", "line": 1, "quote": "def initials(name):"}
    told = json.dumps({"findings": [finding | {"message": "This is open to SQL injection."}]})
    house = make_house(tmp_path / "repo", settings, sandbox, files)
    verdict = house.judge({"report.json": told}, TaskType.ANALYSIS, None)
    assert verdict.kind is VerdictKind.NOT_MEASURABLE
    assert "SQL injection" in verdict.asks
