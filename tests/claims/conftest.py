"""One crew, one twin and one state store for all claims; what a module needs beyond that it makes itself."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from nightcrew.settings import Settings, load_settings
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import open_crew
from nightcrew.work.work import Work
from tests.claims.line import KEY, TASKS, Line, make_repo, scenario
from tests.claims.watch import Seen, watching_for


@pytest.fixture(scope="session")
def line_settings(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A home and a state store of the claims' own; the caller's settings and key are out of the way."""
    name = f"claims_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    ours = ("NIGHTCREW_", "OPENROUTER")
    kept = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith(ours)}
    yield load_settings(
        home=tmp_path_factory.mktemp("claims") / "home",
        database_url=postgres_url.replace("/postgres?", f"/{name}?"),
        api_key=KEY,
        free_requests_per_day=1000,
        free_requests_per_minute=1000,
    )
    os.environ.update(kept)


@pytest.fixture(scope="session")
def line(line_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    repo = make_repo(tmp_path_factory.mktemp("shop") / "repo")
    with Twin(scenario()) as twin:
        settings = line_settings.model_copy(update={"base_url": twin.base_url})
        with open_crew(settings) as crew:
            yield Line(settings, crew, twin, repo)


@dataclass(frozen=True)
class Five:
    """Five tasks that were done, what the processes showed meanwhile, and what the twin was asked."""

    works: tuple[Work, ...]
    seen: Seen
    asked: tuple[str, ...]


@pytest.fixture(scope="session")
def five(line: Line) -> Five:
    """Five tasks of five types, by a capable model."""
    before = len(line.twin.requests)
    with watching_for(KEY) as seen:
        works = tuple(line.do(**values) for values in TASKS)
    return Five(works, seen, tuple(request.asked for request in line.twin.requests[before:]))


@pytest.fixture
def files_of_home(line: Line) -> list[Path]:
    """Every file that the crew keeps: ledger, results, environments, memory."""
    return [path for path in line.settings.home.rglob("*") if path.is_file() and not path.is_symlink()]
