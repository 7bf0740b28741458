"""The recipes for other programs in analytics/README.md, as written, on an export of the story's ledger."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import psycopg
import pytest

from nightcrew.ledger.export import ExportFormat, export
from nightcrew.ledger.ledger import Ledger

README = Path(__file__).parents[2] / "analytics" / "README.md"
RECIPES: dict[str, str] = dict(
    re.findall(r"^### ([^\n]+)\n\n```(?:python|sh)\n(.*?)```", README.read_text(), re.DOTALL | re.MULTILINE)
)
COST = 0.007000002  # of the story, worked out by hand


@pytest.fixture(scope="module")
def place(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports that the recipes read."""
    folder = tmp_path_factory.mktemp("recipes")
    with Ledger(home / "ledger") as ledger:
        for form in (ExportFormat.CSV, ExportFormat.PARQUET):
            export(ledger, folder / "out", form)
    return folder


def recipe(program: str) -> str:
    (found,) = [block for title, block in RECIPES.items() if program in title]
    return found


def run(code: str, place: Path) -> str:
    needed = re.findall(r"^import (\w+)", code, re.MULTILINE)
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_a_recipe_for_each_program() -> None:
    titles = " ".join(RECIPES)
    assert all(name in titles for name in ("DuckDB", "pandas", "Polars", "PostgreSQL"))


def test_duckdb(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (query,) = re.findall(r'duckdb -c "([^"]+)"', recipe("DuckDB's command line"))
    ((repo, cost),) = duckdb.connect().execute(query).fetchall()
    assert repo == "https://example.org/shop.git"
    assert float(cost) == pytest.approx(COST)


@pytest.mark.skipif(shutil.which("duckdb") is None, reason="DuckDB's command line is not installed")
def test_duckdbs_command_line(place: Path) -> None:
    (command,) = re.findall(r"^duckdb .*$", recipe("DuckDB's command line"), re.MULTILINE)
    done = subprocess.run(["/bin/sh", "-c", command], cwd=place, capture_output=True, text=True, check=False)
    assert (done.returncode, "0.007000002" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("program", ["pandas", "Polars"])
def test_frames(place: Path, program: str) -> None:
    shown = run(recipe(program), place)
    assert "shop.git" in shown or "https://example.org" in shown
    assert "0.007" in shown and "6" in shown


def test_a_tool_that_speaks_postgresql_finds_the_same_rows(place: Path, database_url: str) -> None:
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    code = recipe("speak PostgreSQL").replace("postgresql+psycopg://localhost/reports", url)
    assert url in code
    run(code, place)
    run(code, place)  # again, as the recipe says
    with psycopg.connect(database_url) as connection:
        tasks, cost = connection.execute("SELECT count(*), sum(cost_usd) FROM tasks").fetchone() or (0, 0)
        calls = connection.execute("SELECT count(*) FROM model_calls").fetchone()
    assert (tasks, calls) == (6, (8,))
    assert float(cost) == pytest.approx(COST)


def test_a_tool_that_speaks_duckdb_reads_the_live_views(home: Path) -> None:
    """What Superset's address in the recipe opens."""
    place = home / "ledger" / "ledger.duckdb"
    assert f"/{place.parent.name}/{place.name}" in README.read_text()
    with duckdb.connect(place, read_only=True) as session:
        assert session.execute("SELECT count(*) FROM tasks").fetchall() == [(6,)]
