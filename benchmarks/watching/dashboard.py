"""How fast the dashboard opens as the crew's past grows.

    python -m benchmarks.watching.dashboard [--tasks N ...]

The product's own writers record 200 tasks, in the ledger and in the state store; larger pasts are copies of
them with other ids. Each size is served by a process of its own, which has read nothing yet. `page` is the
time until the overview is there, `figures` until it has the ledger's figures, `again` once they were read,
`tasks list` and `task` the pages of the list and of one task. CPU seconds are the serving process's for all.
"""

import argparse
import base64
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from sqlalchemy import text

from benchmarks.cpu_meter import tree_seconds
from benchmarks.ledger_growth import RECORDED, _grow, _record
from benchmarks.support import postgres, table, verdict
from nightcrew.crew.api_access import make_password
from nightcrew.queue.state_store import StateStore
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.settings import Settings
from nightcrew.task import Task, TaskStatus, TaskType

MOST_SECONDS = 2.0
PAUSE_SECONDS = 0.1
GIVE_UP_SECONDS = 120.0
_SERVE = (
    "import sys; from pathlib import Path; from nightcrew.dashboard.app import serve; "
    "from nightcrew.settings import Settings; "
    "serve(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2]), 0, "
    "on_ready=lambda url: print(url, flush=True))"
)


def main() -> None:
    """Grow the past, open the pages, and end with 1 where one takes too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, nargs="+", default=[200, 10_000, 100_000])
    parser.add_argument("--keep", type=Path, help="a new folder for the largest home, which is left there")
    options = parser.parse_args()
    home = options.keep or Path(tempfile.mkdtemp(prefix="nightcrew-dashboard-"))
    with postgres() as fresh:
        settings = Settings(home=home, database_url=fresh())
        make_password(home)
        _record(settings.ledger_dir)
        _record_tasks(settings)
        rows = []
        for tasks in options.tasks:
            _grow(settings.ledger_dir, tasks // RECORDED)
            _grow_store(settings, tasks)
            rows.append({"tasks": tasks, **_opened(settings)})
        table(rows)
        if options.keep:
            print(f"\n{home} with {settings.database_url}; Enter ends it")
            input()
    shutil.rmtree(home)
    last = rows[-1]
    verdict({
        f"every page of {last['tasks']:,} tasks opens in {MOST_SECONDS} s": max(
            last[name] for name in ("page", "again", "tasks list", "task")
        ) <= MOST_SECONDS,
    })  # fmt: skip


def _record_tasks(settings: Settings) -> None:
    """The tasks of the ledger as the queue stores them, with their ends; a tenth is of a batch."""
    with StateStore(str(settings.database_url)) as store:
        queue = TaskQueue(store, RECORDED, admit=lambda _: "a" * 40)
        for number in range(RECORDED):
            queue.submit(
                Task(
                    task_id=f"t-{number}", task_type=TaskType.BUG_FIX, description=f"do it, {number}",
                    repo="https://example.org/shop.git", target_file="shop/cart.py",
                    batch="spring" if number % 10 == 0 else None,
                )
            )  # fmt: skip
            queue.update(f"t-{number}", status=TaskStatus.RUNNING)
            queue.update(f"t-{number}", status=TaskStatus.COMPLETED, detail="accepted with score 1.00")


def _grow_store(settings: Settings, tasks: int) -> None:
    names = "body, commit, priority, rank, detail, submitted_at, started_at, ended_at"
    copy = (
        f"INSERT INTO tasks (task_id, status, fingerprint, {names}) SELECT task_id || '-copy' || copy, "
        f"'completed', fingerprint || copy, {names.replace('body', _OTHER_ID)} "
        "FROM tasks, generate_series(1, :copies) AS copies(copy) WHERE task_id NOT LIKE '%-copy%'"
    )
    with StateStore(str(settings.database_url)) as store, store.engine.begin() as connection:
        connection.execute(text("DELETE FROM tasks WHERE task_id LIKE '%-copy%'"))
        connection.execute(text(copy), {"copies": tasks // RECORDED - 1})


_OTHER_ID = "jsonb_set(body, '{task_id}', to_jsonb(task_id || '-copy' || copy))"


def _opened(settings: Settings) -> dict[str, float]:
    """Seconds until each page is there, of a server that has just started."""
    command = [sys.executable, "-c", _SERVE, str(settings.home), str(settings.database_url)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    try:
        _wait_for(url)
        began, idle = time.monotonic(), tree_seconds(server.pid)
        page, _ = _get(settings, f"{url}/nightcrew/")
        while "data-soon" in _get(settings, f"{url}/nightcrew/")[1]:
            assert time.monotonic() - began < GIVE_UP_SECONDS
            time.sleep(PAUSE_SECONDS)
        figures = time.monotonic() - began
        again = statistics.median(_get(settings, f"{url}/nightcrew/")[0] for _ in range(5))
        listed, _ = _get(settings, f"{url}/nightcrew/tasks")
        task, _ = _get(settings, f"{url}/nightcrew/tasks/t-7")
        return {
            "page": page, "figures": figures, "again": again, "tasks list": listed, "task": task,
            "CPU s": tree_seconds(server.pid) - idle,
        }  # fmt: skip
    finally:
        server.kill()
        server.wait()


def _wait_for(url: str) -> None:
    """Until the server listens; its libraries are loaded by then."""
    for _ in range(int(GIVE_UP_SECONDS / PAUSE_SECONDS)):
        try:
            urllib.request.urlopen(f"{url}/nightcrew/style.css").close()
        except urllib.error.HTTPError:  # it asks for the password
            return
        except urllib.error.URLError:
            time.sleep(PAUSE_SECONDS)
    raise TimeoutError(url)


def _get(settings: Settings, url: str) -> tuple[float, str]:
    secret = base64.b64encode(make_password(settings.home).encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {secret}"})
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=GIVE_UP_SECONDS) as answer:
        read = answer.read().decode()
    return time.monotonic() - began, read


if __name__ == "__main__":
    main()
