"""The rooms of the house without Prefect: one task from its plan to its end, in this process.

What `flows.run_task` does as steps of a flow, called directly: the same catalogue, selector, memory, gateway,
executors, sandbox, gates, state store and ledger. Only the orchestration, and its seconds, are left out.
"""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.stage import quiet
from nightcrew.crew.database import release_home
from nightcrew.errors import NightcrewError
from nightcrew.ledger.ledger import Ledger
from nightcrew.settings import Settings, load_settings
from nightcrew.task import Task, TaskStatus
from nightcrew.work.crew import Crew, open_crew
from nightcrew.work.outcome import outcome_of
from nightcrew.work.work import Work

PLENTY_USD = "100000"


@contextmanager
def rooms(home: Path, base_url: str) -> Iterator[Crew]:
    """A crew in `home` whose models are at `base_url`; its own PostgreSQL stops at the end.

    The home may be one that an interrupted run left: what it recorded and learned is taken up.
    """
    for name in [name for name in os.environ if name.startswith(("NIGHTCREW_", "OPENROUTER_"))]:
        del os.environ[name]
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root
    quiet()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # let the embedded PostgreSQL be stopped
    settings = load_settings(
        home=home, base_url=base_url, api_key="twin", day_budget_usd=PLENTY_USD, month_budget_usd=PLENTY_USD
    )
    try:
        with open_crew(settings) as crew:
            crew.catalogue.refresh()
            yield crew
            _publish(settings)
    finally:
        release_home(settings)


def do(crew: Crew, task: Task) -> Work:
    """One task to its end; one that an earlier run began goes on where that one was stopped."""
    queued = crew.queue.submit(task)
    work = Work(crew, queued)
    if not queued.status.is_final:
        _begin(work)
    work.restore()
    while work.outcome is None:
        try:
            plan = work.select_model()
            attempt = work.execute(plan)
            work.record(plan, attempt, work.validate(attempt))
        except NightcrewError as error:
            work.finish(outcome_of(error, work.trials))
    return work


# ----------------------------------------------------------------------------------------------------


def _begin(work: Work) -> None:
    crew, task = work.crew, work.task
    crew.collector.task_submitted(task)
    work.queued = crew.queue.update(
        task.task_id, status=TaskStatus.RUNNING, host=socket.gethostname(), pid=os.getpid()
    )
    crew.collector.task_started(task.task_id, base_commit=work.queued.commit, flow_run_id=None)


def _publish(settings: Settings) -> None:
    """Write `ledger.duckdb` and `ledger.sql`, so that a notebook can open the home."""
    with Ledger(settings.ledger_dir) as ledger:
        ledger.write_ledger_file()
