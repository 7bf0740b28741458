"""What a task costs in CPU seconds, by part, beside Prefect's process worker and another version of the code.

    python -m benchmarks.task_cost [--before TREE] [--tasks N] [--kinds "direct documentation" ...]

The services are the real ones (PostgreSQL, Prefect server, worker, sandbox, gates); the model is the twin's
and answers after a second. Every process of a crew is in a control group of its part (`parts.py`), so that
nothing is missed that ends or is orphaned; the twin is not counted. What the crew takes while nothing is to
be done is measured before and left out. One task runs at a time; the first of each kind, which builds
environments and measures base, is not counted. `TREE` is a checkout of another version with its own `.venv`,
such as c4e3cd1: its crew has a home and ports of its own and takes turns with ours. Needs root. Floors: the
CPU seconds of a task of each kind, and half of the other version's.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.support import table, verdict
from benchmarks.task_cost.parts import ENGINE, FLOW, CpuParts

MODEL = "twin/journeyman"
LATENCY_SECONDS = 1.0
MOST = {
    "direct documentation": 1.6,
    "direct unit_test": 3.5,
    "direct bug_fix": 4.0,
    "openhands bug_fix": 6.5,
}
MOST_RATIO = 0.5
IDLE_SECONDS = 15.0
_SETTLE_SECONDS = 2.5  # for processes that are on their way out, and what is written late
_STEPS = ("execute", "validate")
_HERE = Path(__file__).resolve().parent


@dataclass
class Player:
    """One version's crew. `idle` is what each part takes in a second without work."""

    name: str
    process: "subprocess.Popen[str]"
    parts: CpuParts
    tasks: Mapping[str, Mapping[str, str]]
    idle: Mapping[str, float] = field(default_factory=dict)
    number: int = 0

    def ask(self, question: object) -> Any:
        """The player's answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> Any:
        """Its next line."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the crew of {self.name} ended: see its output above")
        return json.loads(line)

    def rest(self) -> None:
        """Measure what it takes while nothing is to be done."""
        time.sleep(_SETTLE_SECONDS)
        before = self.parts.seconds()
        time.sleep(IDLE_SECONDS)
        after = self.parts.seconds()
        self.idle = {part: (after[part] - before[part]) / IDLE_SECONDS for part in after}

    def do(self, kind: str) -> dict[str, float]:
        """CPU seconds of one task by part."""
        executor, task_type = kind.split()
        self.number += 1
        wanted = dict(self.tasks[task_type])
        wanted["description"] = f"{wanted['description']} (No. {self.number})"
        wanted |= {"task_id": f"{task_type.replace('_', '-')}-{self.number}", "task_type": task_type}
        before, began = self.parts.seconds(), time.monotonic()
        ended = self.ask({**wanted, "executor": executor, "models": [MODEL]})
        if ended["status"] != "completed":
            raise SystemExit(f"{self.name}, {kind}: {ended['status']}, {ended['detail']}")
        time.sleep(_SETTLE_SECONDS)
        elapsed, after = time.monotonic() - began, self.parts.seconds()
        spent = {
            part: after[part] - before[part] - elapsed * self.idle.get(part, 0.0)
            for part in after
            if part != ENGINE
        }
        return self._with_steps(spent, ended["steps"])

    def _with_steps(self, spent: Mapping[str, float], steps: Sequence[Sequence[Any]]) -> dict[str, float]:
        """The flow's own CPU shared out to its steps, by Prefect's times of them."""
        found: dict[str, float] = {}
        for part, seconds in spent.items():
            found[part] = seconds
            if part == FLOW:
                own = {name: self._flow_in(name, steps) for name in _STEPS}
                found[part] = seconds - sum(own.values())
                found |= {f"own {name}": value for name, value in own.items()}
        return found

    def _flow_in(self, name: str, steps: Sequence[Sequence[Any]]) -> float:
        return sum(self.parts.flow_between(start, end) for step, start, end in steps if step == name)


def main() -> None:
    """Measure, print, and end with 1 where a floor is missed."""
    options = _options()
    trees = {"ours": _HERE.parents[1]}
    if options.before is not None:
        trees["before"] = options.before.resolve()
    costs: dict[tuple[str, str], list[dict[str, float]]] = {}
    with ExitStack() as resources:
        players = [resources.enter_context(_player(name, tree)) for name, tree in trees.items()]
        for player in players:
            for kind in options.kinds:
                player.do(kind)
            player.rest()
            print(f"{player.name}: idle {sum(player.idle.values()):.1%} of a core", flush=True)
        for number in range(options.tasks):
            for kind in options.kinds:
                for player in players if number % 2 else players[::-1]:
                    costs.setdefault((kind, player.name), []).append(player.do(kind))
        stock = players[0]
        stock.ask("stock")
        stock.rest()
        for kind in options.kinds:
            costs[kind, "stock worker"] = [stock.do(kind) for _ in range(options.tasks)]
    _report(options, costs)


# ----------------------------------------------------------------------------------------------------


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.task_cost", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--before", type=Path, help="a checkout with a .venv, such as one of c4e3cd1")
    parser.add_argument("--tasks", type=int, default=5, help="of each kind, by each")
    parser.add_argument("--kinds", nargs="+", choices=MOST, default=list(MOST))
    return parser.parse_args()


@contextmanager
def _player(name: str, tree: Path) -> Iterator[Player]:
    """A crew of the version in `tree`, in a folder of its own."""
    python = tree / ".venv/bin/python"
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("NIGHTCREW_", "OPENROUTER_", "PREFECT_", "PYTHON"))
    }
    with (
        tempfile.TemporaryDirectory(prefix="nightcrew-cost-") as folder,
        CpuParts(name) as parts,
        ExitStack() as ends,
    ):
        home = Path(folder)
        home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root

        def start(program: str, *words: object) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [python, _HERE / program, *map(str, words)],
                env=env,
                cwd=tree,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            ends.callback(_end, process)
            return process

        stage = start("stage.py", home, LATENCY_SECONDS, MODEL)
        assert stage.stdout
        staged = json.loads(stage.stdout.readline())
        process = start("player.py", home / "home", staged["url"], staged["repository"])
        parts.take(process.pid)
        player = Player(name, process, parts, staged["tasks"])
        player.hear()
        yield player


def _end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(120)


def _report(
    options: argparse.Namespace, costs: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]
) -> None:
    parts = list(dict.fromkeys(part for tasks in costs.values() for one in tasks for part in one))
    totals = {key: statistics.median(sum(one.values()) for one in tasks) for key, tasks in costs.items()}
    columns = {
        key: {part: statistics.mean(one.get(part, 0.0) for one in tasks) for part in parts}
        for key, tasks in costs.items()
    }
    print(f"\nCPU seconds a task, {options.tasks} of each; means by part, medians of the whole\n")
    table([
        {"task": key[0], "crew": key[1], **column, "median": totals[key]}
        for key, column in columns.items()
    ])  # fmt: skip
    checks = {}
    for kind in options.kinds:
        ours, stock = totals[kind, "ours"], totals[kind, "stock worker"]
        figures = f"{ours:.2f}; {ours / stock:.2f} of Prefect's process worker"
        checks[f"{kind}: at most {MOST[kind]} CPU s ({figures})"] = ours <= MOST[kind]
        if (kind, "before") in totals:
            ratio = ours / totals[kind, "before"]
            checks[f"{kind}: at most {MOST_RATIO} of the other version ({ratio:.2f})"] = ratio <= MOST_RATIO
    verdict(checks)


if __name__ == "__main__":
    main()
