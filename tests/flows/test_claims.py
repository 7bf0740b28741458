"""The claims of `tests/claims` that need the whole pipeline: Prefect, its worker, and the real agent.

Here and not there because pytest shares the session's crew only within a folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from nightcrew.crew.storage.database import ensure_database
from nightcrew.logs.reading import last_entries
from nightcrew.task import TaskStatus
from tests.claims.watch import watching_for
from tests.flows.conftest import DOCUMENTED, KEY, RunningCrew

pytestmark = [pytest.mark.flows, pytest.mark.agent]

WAYS = ("direct", "direct", "openhands", "direct", "openhands")


def test_five_of_five_are_completed_and_the_key_shows_up_nowhere(crew: RunningCrew) -> None:
    """Five tasks at once through the worker, two of them by the real agent, which has to write files for it.

    Meanwhile every process's arguments and every sandboxed process's environment are looked at; afterwards
    every file and every row. Only the file that the key is read from may have it.
    """
    with watching_for(KEY) as seen:
        submitted = [
            crew.submit(f"Say what price does, number {number}.", executor=way)
            for number, way in enumerate(WAYS)
        ]
        ended = [crew.ended(queued.task_id, seconds=300) for queued in submitted]
        runs = [crew.run(queued) for queued in ended]
    assert [queued.status for queued in ended] == [TaskStatus.COMPLETED] * 5, [q.detail for q in ended]
    assert {run["state_name"] for run in runs} == {"Accepted"}
    for queued in ended:
        assert "+++ b/pricing.py" in Path(queued.change_path or "").read_text()
        assert queued.calls and queued.input_tokens and queued.output_tokens and queued.cost_usd
    agents = [queued.calls for queued, way in zip(ended, WAYS, strict=True) if way == "openhands"]
    assert min(agents) > 1, "an agent's conversation has several calls"

    assert seen.sandboxed > 20 and not seen.found
    files = [path for path in crew.settings.home.rglob("*") if path.is_file() and not _is_postgres(path)]
    assert {"worker.log", "server.log"} <= {path.name for path in files}
    holders = [path.relative_to(crew.settings.home) for path in files if KEY.encode() in path.read_bytes()]
    assert holders == [Path("secrets/account.json")]
    assert _rows_with(crew, KEY) == []


def test_status_is_readable_and_wait_sees_success_from_a_process_of_its_own(crew: RunningCrew) -> None:
    words = (
        *("submit-task", "--wait", "--json", "--repo", str(crew.repo), "--task-type", "documentation"),
        *("--target-file", "pricing.py", "--executor", "direct", "--model", "twin/capable"),
        *("--description", "Say what price does; I wait."),
    )
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("NIGHTCREW_", "PREFECT_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "nightcrew.cli", *words],
        env=clean | {"NIGHTCREW_HOME": str(crew.settings.home)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["status"] == "completed"
    assert crew.get(outcome["task_id"]).status is TaskStatus.COMPLETED
    assert DOCUMENTED.splitlines()[1] in Path(outcome["change_path"]).read_text()
    logged = "\n".join(entry.text for entry in last_entries(crew.settings.logs_dir, outcome["task_id"], 200))
    assert f'"attempt": "{outcome["task_id"]}:1"' in logged and '"event": "verdict: accepted' in logged


def _is_postgres(path: Path) -> bool:
    return "postgres" in path.parts


def _rows_with(crew: RunningCrew, word: str) -> list[str]:
    """The tables of both databases, ours and Prefect's, in which some row contains `word`."""
    found, looked_at = [], 0
    store = ensure_database(crew.settings).replace("postgresql+psycopg", "postgresql")
    for url in (store, store.replace("/nightcrew?", "/prefect?")):
        with psycopg.connect(url) as connection:
            names = connection.execute(
                "select tablename from pg_tables where schemaname = 'public'"
            ).fetchall()
            for (name,) in names:
                query = sql.SQL("select count(*), count(*) filter (where t::text like {}) from {} t").format(
                    sql.Literal(f"%{word}%"), sql.Identifier(name)
                )
                rows, hits = connection.execute(query).fetchone() or (0, 0)
                looked_at += rows
                found += [name] * bool(hits)
    assert looked_at > 100
    return found
