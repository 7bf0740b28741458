"""A home of each released version opens with this one, and nothing in it is lost.

`homes/VERSION` is a home that the demo of that version left, as `scripts/dump_home.py` keeps it; `tasks.json`
and `metrics.json` are what that version itself answered.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nightcrew.crew.processes import free_port
from nightcrew.errors import BadInput
from nightcrew.execution.attempt import AttemptEnd
from nightcrew.ledger.compactor import compact
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.selection.candidates import Candidate
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus
from nightcrew.work.history import past_trials
from nightcrew.work.recollection import load_memory
from nightcrew.work.results import Results
from tests.cli.conftest import Cli, cli

HOMES = Path(__file__).parent / "homes"
VERSIONS = sorted(folder.name for folder in HOMES.iterdir())

__all__ = ["cli"]


@pytest.fixture(params=VERSIONS)
def settings(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Settings:
    """A copy of an old home, its store in a database of its own."""
    home = Path(shutil.copytree(HOMES / request.param, tmp_path / "old"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((home / "store.sql").read_bytes())
    return Settings(home=home, database_url=database_url)


@pytest.fixture
def queue(settings: Settings) -> Iterator[TaskQueue]:
    with StateStore(str(settings.database_url)) as store:
        create_schema(store)
        yield TaskQueue(store, settings.max_unfinished_tasks)


@pytest.fixture
def candidates(settings: Settings) -> tuple[Candidate, ...]:
    """The models as the old home's catalogue knows them; their provider is not asked."""
    with StateStore(str(settings.database_url)) as store:
        create_schema(store)
        with store.engine.begin() as connection:
            endpoint = connection.exec_driver_sql(
                "SELECT DISTINCT endpoint FROM catalogue_models"
            ).scalar_one()
        with OpenRouterApi(endpoint, None) as api:
            return tuple(ModelCatalogue(store, api).candidates())


def test_tasks_and_figures_are_those_of_the_old_version(settings: Settings, cli: Cli) -> None:
    home = {"NIGHTCREW_HOME": str(settings.home)}
    for command, answer in (("list-tasks", "tasks.json"), ("metrics", "metrics.json")):
        result = cli(command, "--json", **home)
        assert result.code == 0, result.err
        found = today(json.loads((settings.home / answer).read_text()))
        assert like(result.json, found) == found


@pytest.mark.flows
@pytest.mark.parametrize("settings", VERSIONS[:1], indirect=True)  # the oldest is the furthest away
def test_the_engine_starts_on_an_old_home_and_leaves_its_tasks_alone(settings: Settings, cli: Cli) -> None:
    home = {
        "NIGHTCREW_HOME": str(settings.home),
        "NIGHTCREW_PREFECT_PORT": str(free_port(4400)),
        "NIGHTCREW_API_KEY": "sk-or-v1-of-no-account",
    }
    before = cli("list-tasks", "--json", **home).json
    ran = cli("run-engine", "--workers", "1", "--duration", "1", "--json", **home)
    assert ran.code == 0 and ran.json["workers"] == 1, ran.err
    assert cli("list-tasks", "--json", **home).json == before


def test_every_attempt_comes_back_with_its_verdict_and_its_patch(
    settings: Settings, queue: TaskQueue
) -> None:
    for queued in queue.list():
        trials = past_trials(
            queue.attempts(queued.task_id), Results(settings.results_dir / queued.task_id), {}
        )
        assert len(trials) == queued.attempts > 0
        assert sum(trial.attempt.calls for trial in trials) == queued.calls
        assert (trials[-1].verdict.kind, trials[-1].verdict.score) == (queued.verdict, queued.score)
        assert all(trial.verdict.gates and trial.attempt.patch for trial in trials)
        assert trials[-1].attempt.end is AttemptEnd.FINISHED
        assert (queued.change_path is not None) == (queued.status is TaskStatus.COMPLETED)


def test_the_memory_is_read_and_can_be_made_again_from_the_ledger_to_the_bit(
    settings: Settings, candidates: tuple[Candidate, ...]
) -> None:
    learned = load_memory(settings, candidates).to_json()
    assert learned["outcomes"]
    for spoil in (settings.memory_path.unlink, spoiler(settings, "{"), spoiler(settings, '{"format": 1}')):
        spoil()
        assert load_memory(settings, candidates).to_json() == learned
        assert json.loads(settings.memory_path.read_text())["format"] == learned["format"]


def test_old_facts_can_be_archived_beside_new_ones(settings: Settings) -> None:
    before = figures(settings)
    with MetricsCollector(settings.ledger_dir, "now") as collector:
        collector.task_finished("t-new", TaskStatus.CANCELLED)
    assert compact(settings.ledger_dir, quiet_seconds=0).facts > 0
    shutil.rmtree(settings.ledger_dir / "journal")
    after = figures(settings)
    assert after["attempts"] == before["attempts"] > 0 and after["cost_usd"] == before["cost_usd"]
    assert after["tasks"] == before["tasks"] + 1


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("metrics",), "facts of version 99"),
        (("list-tasks",), "changed by Nightcrew 9.9.9, which is newer"),
        (("queue-stats",), "changed by Nightcrew 9.9.9, which is newer"),
    ],
)
def test_a_home_of_the_future_is_refused_in_one_sentence(
    settings: Settings, cli: Cli, command: tuple[str, ...], sentence: str
) -> None:
    from_the_future(settings)
    result = cli(*command, NIGHTCREW_HOME=str(settings.home))
    assert result.code == 2 and sentence in " ".join(result.err.split()) and "Traceback" not in result.err
    assert not result.out


def test_nothing_of_the_future_is_read_or_written(
    settings: Settings, candidates: tuple[Candidate, ...]
) -> None:
    from_the_future(settings)
    before = settings.memory_path.read_bytes()
    refused: tuple[Callable[[], object], ...] = (
        lambda: load_memory(settings, candidates),
        lambda: MetricsCollector(settings.ledger_dir, "now"),
        lambda: Ledger(settings.ledger_dir),
        lambda: compact(settings.ledger_dir, quiet_seconds=0),
    )
    for attempt in refused:
        with pytest.raises(BadInput, match="install the version that wrote it"):
            attempt()
    assert settings.memory_path.read_bytes() == before


def from_the_future(settings: Settings) -> None:
    (settings.ledger_dir / "version").write_text("99\n")
    settings.memory_path.write_text('{"format": 99, "shape": "unknown"}')
    with StateStore(str(settings.database_url)) as store:
        create_schema(store)
        with store.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO migrations (number, name, nightcrew_version) VALUES (9999, 'later', '9.9.9')"
            )


def spoiler(settings: Settings, text: str) -> Callable[[], object]:
    return lambda: settings.memory_path.write_text(text)


def figures(settings: Settings) -> dict[str, Any]:
    with Ledger(settings.ledger_dir) as ledger:
        summary = ledger.summary()
        return {"tasks": summary.tasks, "attempts": summary.attempts, "cost_usd": summary.cost_usd}


RENAMED = {"requests": "calls"}  # words of keys, since 0.1.0


def today(value: Any) -> Any:
    """What an old version answered, by today's names; the last digits of sums depend on the files' order."""
    if isinstance(value, dict):
        return {today_key(key): today(item) for key, item in value.items()}
    if isinstance(value, list):
        return [today(item) for item in value]
    return round(value, 9) if isinstance(value, float) else value


def today_key(key: str) -> str:
    return "_".join(RENAMED.get(word, word) for word in key.split("_"))


def like(value: Any, found: Any) -> Any:
    """`value` without the figures that the old version did not know."""
    if isinstance(found, dict):
        return {key: like(value[key], item) for key, item in found.items()}
    if isinstance(found, list) and len(found) == len(value):
        return [like(one, item) for one, item in zip(value, found, strict=True)]
    return round(value, 9) if isinstance(value, float) else value
