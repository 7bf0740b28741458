"""Three hosts work through a queue while one is killed and another is cut off from the network.

Each host has a network namespace with its own address, and its own name, processes and home. Two run an
engine with a Prefect server of their own, with messages through Redis; the third joins. PostgreSQL, Redis,
an S3 server and the twin are on the other side of the network. Needs root, Debian's postgresql and
redis-server, and the extras `redis` and `s3`.

Shown: no task is lost or done twice, nothing is spent beside the books, all hosts give the same answers.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.hosts import checks, network
from benchmarks.hosts import place as shared
from benchmarks.hosts.node import Node
from benchmarks.support import quiet, table, verdict
from nightcrew.cli.demo.parts import make_repository
from nightcrew.crew.dispatch import open_queue
from nightcrew.queue.leases import LOST_AFTER
from nightcrew.settings import load_settings
from nightcrew.task import Task
from nightcrew.testing.demo_tasks import shipped_tasks
from nightcrew.testing.scenario import Account, Scenario, shipped_scenario
from nightcrew.testing.solutions import Match, Solution

NAMES = ("north", "south", "east")
KINDS = ("documentation", "refactoring")
MODEL, LAZY = "twin/journeyman", "twin/apprentice:free"
REBATE: dict[str, str | None] = {
    "src/stockroom/rebate.py": "def rebate(years: int) -> float:\n    return 0.1 if years >= 5 else 0.0\n"
}
AT_WORK = "SELECT task_id FROM tasks WHERE status = 'running' AND host = %s AND pid IS NOT NULL"
ELSEWHERE = (
    "SELECT count(*) FROM tasks "
    "WHERE task_id = ANY(%s) AND (status = 'pending' OR host <> %s OR ended_at IS NOT NULL)"
)
GIVE_UP_SECONDS = 1_500.0


def main() -> None:
    """Play it, and end with 0 if everything held."""
    options = _options()
    if why := network.obstacle() or shared.obstacle():
        print(f"three hosts cannot be played on this machine: {why}")
        sys.exit(3)
    quiet()
    with _folder() as folder, ExitStack() as stack:
        stack.enter_context(network.network(NAMES))
        place = stack.enter_context(shared.place(folder, _scenario(options.latency)))
        nodes = [
            Node(name, network.address_of(number), folder / name, place.variables)
            for number, name in enumerate(NAMES)
        ]
        for node in nodes:
            stack.callback(node.cut_power)
        tasks = _tasks(make_repository(folder / "stockroom"), options.tasks)
        faults = _play(nodes, folder, place, tasks, options.workers)
        table(faults)
        claims = dict(checks.claims(place, nodes, tasks))
        for node in nodes:
            node.stop()
        claims |= checks.leftovers(nodes)
        if not all(claims.values()) and options.keep:
            shutil.copytree(
                folder, options.keep, ignore=shutil.ignore_patterns("database"), dirs_exist_ok=True
            )
    verdict(claims)


# ---------------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2, help="of each host")
    parser.add_argument("--latency", type=float, default=20.0, help="seconds that a model call takes")
    parser.add_argument("--keep", type=Path, help="where homes and logs are kept if something did not hold")
    options = parser.parse_args()
    if options.tasks < (least := 2 * len(NAMES) * options.workers):
        parser.error(f"--tasks: at least {least}, so that each host is at work when it is struck")
    return options


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nightcrew-hosts-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scenario(latency: float) -> Scenario:
    """The demo's models with one latency, nothing that goes wrong, and work that only a person can judge."""
    shipped = shipped_scenario()
    slow = {"latency_seconds": latency}
    models = tuple(model.model_copy(update=slow) for model in shipped.models if model.id in {MODEL, LAZY})
    rebate = Solution(
        match=Match.model_validate({"task_type": "code_generation"}), good=REBATE, vacuous=REBATE
    )
    account = Account(api_key="twin", credits_usd=100, free_per_minute=1000)
    solutions = (rebate, *shipped.solutions)
    return shipped.model_copy(
        update={"account": account, "models": models, "faults": (), "solutions": solutions}
    )


def _tasks(repository: Path, number: int) -> Sequence[Task]:
    patterns = [one.task for kind in KINDS for one in shipped_tasks() if one.task["task_type"] == kind]
    made = [
        Task.model_validate(
            {
                **pattern,
                "task_id": f"task-{count}",
                "description": f"{pattern['description']} (No. {count})",
                "repo": str(repository),
                "priority": "normal",
                "executor": "direct",
                "models": [MODEL],
            }
        )
        for count in range(number - 1)
        for pattern in [patterns[count % len(patterns)]]
    ]
    question = {"task_type": "code_generation", "description": "Write a rebate.", "executor": "direct"}
    return [
        *made,
        Task.model_validate({**question, "task_id": "review", "repo": str(repository), "models": [LAZY]}),
    ]


def _play(
    nodes: Sequence[Node], folder: Path, place: shared.Place, tasks: Sequence[Task], workers: int
) -> list[dict[str, object]]:
    """The night: all tasks, one host killed and started again, another cut off and back."""
    north, south, east = nodes
    north.run_engine(workers)
    south.run_engine(workers)
    east.join(south, workers)
    full = len(nodes) * workers  # more than two hosts can take at once, so that the third one works too
    _submit(folder, place, tasks[:full])
    began = time.monotonic()
    lost = _until(lambda: _at_work(north), "north works")
    north.cut_power()
    faults = [_taken_over("killed", north, lost)]
    north.run_engine(workers)
    _submit(folder, place, tasks[full:])
    lost = _until(lambda: _at_work(east), "east works")
    network.connect(east.name, up=False)
    faults.append(_taken_over("cut off", east, lost))
    time.sleep(LOST_AFTER.total_seconds() / 4)
    network.connect(east.name, up=True)
    _until(lambda: _at_work(east) or checks.all_settled(), "east works again")
    _until(checks.all_settled, "the end of all tasks")
    print(f"{len(tasks)} tasks took {time.monotonic() - began:.0f} s", flush=True)
    return faults


def _submit(folder: Path, place: shared.Place, tasks: Sequence[Task]) -> None:
    settings = load_settings(home=folder / "operator", database_url=shared.DATABASE)
    with open_queue(settings, is_for_batch=True) as queue:
        for task in tasks:
            queue.submit(task)


def _at_work(node: Node) -> list[str]:
    return [task_id for (task_id,) in checks.rows(AT_WORK, node.name)]


def _taken_over(what: str, node: Node, lost: Sequence[str]) -> dict[str, object]:
    """Wait until another host has the tasks that this one was working on, or they ended."""
    began = time.monotonic()
    _until(
        lambda: checks.rows(ELSEWHERE, list(lost), node.name)[0][0] == len(lost), f"another host for {lost}"
    )
    return {
        "fault": f"{node.name} {what}",
        "tasks at work there": len(lost),
        "taken over after s": time.monotonic() - began,
    }


def _until[T](found: Callable[[], T], what: str) -> T:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not (answer := found()):
        if time.monotonic() > deadline:
            sys.exit(f"{what}: did not come within {GIVE_UP_SECONDS:.0f} s; {checks.statuses()}")
        time.sleep(1)
    return answer


if __name__ == "__main__":
    main()
