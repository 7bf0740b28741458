"""A newcomer finds each component from the README in two clicks, and the picture of the imports is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
COMPONENTS = (
    *("Task Queue", "State Store", "Model Selector", "Execution Engine", "Sandbox", "OpenHands Adapter"),
    *("OpenHands Client", "OpenRouter API", "Gateway", "Result Validator", "Merge Queue"),
    *("Metrics Collector", "Dashboard"),
    *("Flows", "Blocks", "CLI", "Twin of OpenRouter"),
)
ROW = re.compile(r"^\| (?P<name>[^|]+?) \| (?P<cell>\[`.+) \|$", re.MULTILINE)


def test_the_map_names_each_component_once() -> None:
    assert [row["name"] for row in ROW.finditer(PAGE.read_text())] == list(COMPONENTS)


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_file_of_a_component_is_two_clicks_from_the_readme(component: str) -> None:
    [cell] = [row["cell"] for row in ROW.finditer(PAGE.read_text()) if row["name"] == component]
    [(text, target)] = re.findall(r"\[`([^`]+)`\]\(([^)]+)\)", cell)
    file = (PAGE.parent / target).resolve()
    assert file.is_file()
    assert file == ROOT / text, "the cell shows another path than it links to"
    pages = [page for page in linked(ROOT / "README.md") if page.suffix == ".md"]
    assert any(file in linked(page) for page in pages)


def test_the_picture_is_what_the_import_graph_says() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "picture.py")]
    drawn = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert re.findall("^```mermaid\n.*?^```\n", PAGE.read_text(), re.MULTILINE | re.DOTALL) == [drawn], (
        "make picture"
    )


def linked(page: Path) -> set[Path]:
    """The files that a page links to by a relative link."""
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    return {(page.parent / target).resolve() for target in targets}
