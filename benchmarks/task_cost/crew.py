"""Crews of one or more versions of the code, each in a home of its own, whose processes are counted."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.task_cost.parts import ENGINE, FLOW, SERVICES, CpuParts

MODEL = "twin/journeyman"
LATENCY_SECONDS = 1.0
IDLE_SECONDS = 10.0
_LOOKS = 3
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
        """Measure what the services take while nothing is to be done: the least of several looks, since a
        schedule of the crew may come in between."""
        time.sleep(_SETTLE_SECONDS)
        looks = []
        for _ in range(_LOOKS):
            before = self.parts.seconds()
            time.sleep(IDLE_SECONDS)
            after = self.parts.seconds()
            looks.append({part: (after[part] - before[part]) / IDLE_SECONDS for part in SERVICES})
        self.idle = {part: min(look[part] for look in looks) for part in SERVICES}

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
        steps = self.ask({"steps": ended["run"]})
        elapsed, after = time.monotonic() - began, self.parts.seconds()
        spent = {
            part: after[part] - before[part] - elapsed * self.idle.get(part, 0.0)
            for part in after
            if part != ENGINE
        }
        return self._with_steps(spent, steps)

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
        return sum(self.parts.flow_between(start, end) for step, start, end in steps if name in step)


@contextmanager
def playing(name: str, tree: Path) -> Iterator[Player]:
    """A crew of the version in `tree`, in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="nightcrew-cost-") as folder,
        CpuParts(name) as parts,
        ExitStack() as ends,
    ):
        home = Path(folder)
        home.chmod(0o755)  # the embedded PostgreSQL runs as another user when started by root
        stage = ends.enter_context(_program(tree, "stage.py", home, LATENCY_SECONDS, MODEL))
        assert stage.stdout
        staged = json.loads(stage.stdout.readline())
        place = home / "home"
        process = ends.enter_context(_program(tree, "player.py", place, staged["url"], staged["repository"]))
        parts.take(process.pid)
        player = Player(name, process, parts, staged["tasks"])
        player.hear()
        yield player


# ----------------------------------------------------------------------------------------------------


@contextmanager
def _program(tree: Path, name: str, *words: object) -> Iterator["subprocess.Popen[str]"]:
    """A program beside this one, run with the Python of a checkout; it ends when its standard input does."""
    ours = ("NIGHTCREW_", "OPENROUTER_", "PREFECT_", "PYTHON")
    process = subprocess.Popen(
        [tree / ".venv/bin/python", _HERE / name, *map(str, words)],
        env={key: value for key, value in os.environ.items() if not key.startswith(ours)},
        cwd=tree, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(120)
