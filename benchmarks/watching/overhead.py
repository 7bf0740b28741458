"""What audit log, logs, traces and metrics together cost a task: its CPU with all of them, beside none.

    python -m benchmarks.watching.overhead [--pairs N]

Pairs of the same task on the example project, with a scripted model and the `direct` executor, each in a
process of its own that is forked from a loaded one, as the worker does it: once with its lines in the audit
log, JSON logs in a file, and spans sent to a collector; once with none of them. Which comes first alternates.
Counted are user and system seconds of the process and of everything that it started, sandboxes too, and of
PostgreSQL meanwhile; the collector is not ours. Added is a scrape of `/metrics` every 30 seconds, as if the
crew did one task at a time (several at once share it), each as long as the quickest one, because other load
only makes them longer. Prefect's own CPU is left out, so the shares are larger than those of a crew.
"""

import argparse
import logging
import os
import random
import statistics
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.cpu_meter import adopt_orphans, tree_seconds
from benchmarks.local_crew import rooms
from benchmarks.support import FORK, table, twin_process, verdict
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew.storage.postgres import running_server
from nightcrew.dashboard.present import read_present
from nightcrew.dashboard.prometheus import exposition
from nightcrew.dashboard.series import read_series
from nightcrew.ledger.ledger import Ledger
from nightcrew.logs.process import log_as_the_crew
from nightcrew.queue.audit import tasks as audit_of_tasks
from nightcrew.settings import Settings
from nightcrew.task import ExecutorName, Task, TaskStatus, TaskType
from nightcrew.testing.scenario import Character, Price, Scenario, ScriptedModel, shipped_scenario
from nightcrew.work.crew import open_crew
from nightcrew.work.foreground import do_task
from nightcrew.work.traces.export import ENDPOINTS, load

MOST_RATIO = 1.03
SCRAPE_EVERY_SECONDS = 30.0  # as in deployments/monitoring/prometheus.yml
SCRAPES = 5
TARGETS = {
    TaskType.DOCUMENTATION: ("src/stockroom/reorder.py", "Document the reorder module"),
    TaskType.REFACTORING: ("src/stockroom/parcels.py", "Turn the postage tariff into a table"),
}
MODEL = ScriptedModel(
    id="twin/oak", character=Character.CAPABLE, price=Price(prompt="0.000001", completion="0.000004")
)


def main() -> None:
    """Run the pairs, print the ratios, and end with 1 where the median is above the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=20, help="of each kind of task")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="nightcrew-overhead-"))
    scenario = Scenario(name="overhead", models=(MODEL,), solutions=shipped_scenario().solutions)
    with twin_process(scenario) as twin, collector() as endpoint, rooms(home, twin) as crew:
        repository = str(make_repository(home / "stockroom"))
        measure = Measure(crew.settings, endpoint)
        os.environ[ENDPOINTS[0]] = endpoint
        load()  # as the worker's process for forks does
        del os.environ[ENDPOINTS[0]]
        for kind in TARGETS:  # fills the caches of base
            measure.one(task_of(kind, repository, f"warm-{kind}"), is_on=True)
        rows = [pairs(measure, kind, repository, options.pairs) for kind in TARGETS]
        scrape = measure.scrape()
    _report(rows, scrape)


class Measure:
    """Does tasks in processes of their own and counts their CPU."""

    def __init__(self, settings: Settings, endpoint: str) -> None:
        self._settings, self._endpoint = settings, endpoint
        server = running_server(settings.home / "postgres")
        assert server is not None
        self._postgres = server.pid

    def one(self, task: Task, *, is_on: bool) -> tuple[float, float]:
        """CPU and wall seconds of a task."""
        act = self._with_all if is_on else self._with_none
        before, began = tree_seconds(self._postgres), time.monotonic()
        own = _forked(lambda: act(task))
        return own + tree_seconds(self._postgres) - before, time.monotonic() - began

    def scrape(self) -> float:
        """CPU seconds of one answer of `/metrics`, which is not the first: the median of several."""
        spent = []
        with Ledger(self._settings.ledger_dir) as ledger, open_crew(self._settings) as crew:
            for _ in range(SCRAPES + 1):
                before = time.process_time() + tree_seconds(self._postgres)
                text = exposition(read_series(ledger), read_present(crew.store, self._settings))
                assert b"nightcrew_attempts_total" in text
                spent.append(time.process_time() + tree_seconds(self._postgres) - before)
        return statistics.median(spent[1:])

    # ----------------------------------------------------------------------------------------------------

    def _with_all(self, task: Task) -> None:
        logging.disable(logging.NOTSET)
        log = os.open(self._settings.home / "overhead.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.environ |= {"NIGHTCREW_LOG_FORMAT": "json", ENDPOINTS[0]: self._endpoint}
        log_as_the_crew(logging.INFO)
        self._do(task)

    def _with_none(self, task: Task) -> None:
        setattr(audit_of_tasks, "enter", lambda *_, **__: None)  # noqa: B010  it is not exported
        self._do(task)

    def _do(self, task: Task) -> None:
        with open_crew(self._settings) as crew:
            work = do_task(crew, task)
        assert work.queued.status is TaskStatus.COMPLETED, work.queued.detail


def pairs(measure: Measure, kind: TaskType, repository: str, number: int) -> Mapping[str, object]:
    """The ratios of CPU of `number` pairs, and what a task took."""
    ratios, on, off, walls = [], [], [], []
    for pair in range(number):
        found = {}
        for is_on in (True, False) if pair % 2 else (False, True):
            name = f"{kind.replace('_', '-')}-{pair}-{'on' if is_on else 'off'}"
            found[is_on] = measure.one(task_of(kind, repository, name), is_on=is_on)
        ratios.append(found[True][0] / found[False][0])
        on.append(found[True][0])
        off.append(found[False][0])
        walls.append(found[True][1])
    return {
        "task": str(kind), "pairs": number,
        "CPU off": statistics.median(off), "CPU on": statistics.median(on),
        "least wall s": min(walls), "ratios": ratios,
    }  # fmt: skip


def task_of(kind: TaskType, repository: str, name: str) -> Task:
    """One task; the same words give the same answers."""
    target, words = TARGETS[kind]
    return Task(
        task_id=name, task_type=kind, target_file=target, description=words, repo=repository,
        executor=ExecutorName.DIRECT, models=(MODEL.id,), max_attempts=1,
    )  # fmt: skip


@contextmanager
def collector() -> Iterator[str]:
    """A collector in a process of its own that takes every span; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    process = FORK.Process(target=server.serve_forever, daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        process.kill()


# ----------------------------------------------------------------------------------------------------


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _forked(act: Callable[[], None]) -> float:
    """CPU seconds of a forked process that acts, and of everything that it started."""
    assert threading.active_count() == 1, "a lock of another thread would stay locked"
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            adopt_orphans()
            act()
            _reap()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError("a task was not completed")
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _report(rows: Sequence[Mapping[str, object]], scrape: float) -> None:
    shown, claims = [], {}
    for row in rows:
        ratios = [float(one) for one in row["ratios"]]  # type: ignore[attr-defined]
        scraping = (
            scrape * float(str(row["least wall s"])) / SCRAPE_EVERY_SECONDS / float(str(row["CPU off"]))
        )
        low, high = _interval(ratios)
        median = statistics.median(ratios)
        whole = median + scraping
        shown.append({
            **{name: value for name, value in row.items() if name != "ratios"},
            "on/off %": 100 * (median - 1), "95 % from": 100 * (low - 1), "to": 100 * (high - 1),
            "scrapes %": 100 * scraping, "together %": 100 * (whole - 1),
        })  # fmt: skip
        claims[f"{row['task']}: together at most {MOST_RATIO - 1:.0%} CPU a task"] = whole <= MOST_RATIO
    table(shown)
    print(f"\none scrape: {scrape:.2f} CPU s")
    verdict(claims)


def _interval(ratios: Sequence[float], draws: int = 2_000) -> tuple[float, float]:
    """Where the median lies in 95 of 100 draws of the same number of pairs."""
    dice = random.Random(7)
    medians = sorted(statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(draws))
    return medians[int(draws * 0.025)], medians[int(draws * 0.975)]


if __name__ == "__main__":
    main()
