"""The time of a verdict by gate, and the cost of a mutant compared with mutmut and cosmic-ray.

    python -m benchmarks.mutation_cost [--only speed|cost] [--targets N]

Real modules of some 300 lines, each with its package's own tests of it offered as the patch. The first
verdict knows nothing of base, the second finds base's run known; both have to be the same to the last bit.
CPU counts every process by control group, sandboxes included (as root). The rivals run the same tests on the
same module, in an environment of their own; cosmic-ray tries a sample of its mutants, since all of them would
take an hour.
"""

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uv

from benchmarks.cpu_group import CpuGroup
from benchmarks.verdict.packages import SETUP, Subject, fetch, make_patch, write_repository
from nightcrew.execution.checkout.base import base_checkout
from nightcrew.execution.environments.environment import build_environment
from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.settings import SandboxKind, Settings
from nightcrew.target_config import load_target_config
from nightcrew.task import Task, TaskType
from nightcrew.validation.gates import all_gates
from nightcrew.validation.running.clean_room import open_room
from nightcrew.validation.scoring import conclude
from nightcrew.validation.verdict import GateResult, Verdict

TARGETS = (
    ("isodate", "src/isodate/duration.py", "tests/test_duration.py"),
    ("boltons", "boltons/mathutils.py", "tests/test_mathutils.py"),
    ("humanize", "src/humanize/number.py", "tests/test_number.py"),  # 241 tests of it, 908 in all
    ("itsdangerous", "src/itsdangerous/signer.py", "tests/test_itsdangerous/test_signer.py"),
    ("toolz", "toolz/dicttoolz.py", "toolz/tests/test_dicttoolz.py"),
    ("boltons", "boltons/listutils.py", "tests/test_listutils.py"),
    ("boltons", "boltons/jsonutils.py", "tests/test_jsonutils.py"),
)
MUTMUT, COSMIC_RAY = "mutmut==3.8.1", "cosmic-ray==8.7.0"
MEDIAN_SECONDS, MUTMUT_TIMES, COSMIC_RAY_TIMES = 60.0, 5.0, 20.0
COMPARED, SAMPLE = 3, 40
LARGE, LARGE_CPU_SECONDS = {"humanize"}, 15.0  # packages with 600 tests and more
METER = CpuGroup("mutation-cost")  # of this process, and of all that it starts or lets start
_NOT_RUN = {None, 5, 33, 34}  # mutmut's exit codes for: not tried, no tests, no tests, skipped


@dataclass(frozen=True, slots=True)
class Judged:
    """One verdict: seconds of wall time by gate (`room` before the first), CPU seconds by gate."""

    verdict: Verdict
    seconds: dict[str, float]
    cpu: dict[str, float]
    mutants: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an engine for some mutants."""

    engine: str
    mutants: int
    cpu_seconds: float

    @property
    def each_ms(self) -> float:
        return 1000 * self.cpu_seconds / max(self.mutants, 1)


@dataclass
class Bench:
    """Prepared subjects, a sandbox, and an environment for the other tools."""

    cache: Path
    sandbox: Sandbox
    settings: Settings
    rivals: Path
    failures: list[str] = field(default_factory=list)

    def judge(self, subject: Subject) -> Judged:
        """The verdict on the subject's own tests, gate by gate."""
        with tempfile.TemporaryDirectory(prefix="mutation-cost-") as name:
            repo = Path(name) / "repo"
            commit = write_repository(repo, subject, {subject.tests: None})
            patch = make_patch(repo, {subject.tests: subject.text(subject.tests)})
            wanted = {"description": "benchmark", "repo": str(repo), "task_type": TaskType.UNIT_TEST}
            task = Task.model_validate({**wanted, "target_file": subject.target})
            return self._judge(task, patch, commit)

    def _judge(self, task: Task, patch: str, commit: str) -> Judged:
        seconds, cpu, results = {}, {}, list[GateResult]()
        gates = [gate for gate in all_gates() if gate.applies(task)]
        moment, used = time.monotonic(), METER.seconds()
        with (
            base_checkout(task.repo, commit, self.settings) as base,
            open_room(task, patch, base, settings=self.settings, sandbox=self.sandbox) as room,
        ):
            seconds["room"], cpu["room"] = time.monotonic() - moment, METER.seconds() - used
            for gate in gates:
                moment, used = time.monotonic(), METER.seconds()
                results.append(gate.run(room))
                seconds[gate.name] = time.monotonic() - moment
                cpu[gate.name] = METER.seconds() - used
        verdict = conclude(task, results, [gate.name for gate in gates], self.sandbox.name)
        mutants = sum(
            int(result.evidence.get("mutants", 0)) for result in results if result.name == "mutation"
        )
        return Judged(verdict, seconds, cpu, mutants)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 if every requirement is met."""
    options = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")
    with METER, tempfile.TemporaryDirectory(prefix="mutation-cost-home-") as home:
        METER.take(os.getpid())
        bench = _bench(options.cache, Path(home))
        chosen = [_subject(*one, options.cache) for one in TARGETS[: options.targets]]
        judged = _speed(bench, chosen) if options.only != "cost" else {}
        if options.only != "speed":
            _cost(bench, chosen[: options.compared], judged)
    for failure in bench.failures:
        print(f"NOT KEPT: {failure}")
    return 1 if bench.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation_cost", description=__doc__)
    parser.add_argument("--only", choices=["speed", "cost"], help="one of the two tables")
    parser.add_argument("--targets", type=int, default=len(TARGETS), help="the first so many targets")
    parser.add_argument("--compared", type=int, default=COMPARED, help="rivals run on the first so many")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "nightcrew-benchmark")
    return parser


def _bench(cache: Path, home: Path) -> Bench:
    """Environments are kept between runs; what is known of base is not."""
    settings = Settings(home=home)
    kept = cache / "home" / "environments"
    kept.mkdir(parents=True, exist_ok=True)
    settings.environments_dir.symlink_to(kept)
    return Bench(cache, open_sandbox(SandboxKind.BUBBLEWRAP), settings, cache / "rivals")


def _subject(package: str, target: str, tests: str, cache: Path) -> Subject:
    root = fetch(package, cache)
    extra = SETUP.get(package)
    if extra and not (root / "nightcrew.toml").exists():
        command = f"uv pip install --quiet --python $NIGHTCREW_ENV/bin/python {extra}"
        (root / "nightcrew.toml").write_text(f"setup = '{command}'\n")
    return Subject(package, root, target, tests)


# -- the speed of verdicts ----------------------------------------------------------------------------------


def _speed(bench: Bench, subjects: Sequence[Subject]) -> dict[str, Judged]:
    first: dict[str, Judged] = {}
    names = ["room", *(gate.name for gate in all_gates())]
    print("seconds per verdict (wall; CPU of all processes), the package's own tests as the patch")
    for subject in subjects:
        build_environment(subject.root, load_target_config(subject.root), bench.settings, bench.sandbox)
        cold, warm = bench.judge(subject), bench.judge(subject)
        first[subject.target] = cold
        lines = len(subject.text(subject.target).splitlines())
        print(
            f"\n{subject.package} {subject.target}, {lines} lines: "
            f"{cold.verdict.kind}, score {cold.verdict.score}"
        )
        for name, one in (("base unknown", cold), ("base known", warm)):
            gates = "  ".join(
                f"{name} {one.seconds[name]:.1f}" for name in names if one.seconds.get(name, 0) >= 0.05
            )
            print(
                f"  {name:13} {sum(one.seconds.values()):6.1f} s {sum(one.cpu.values()):6.1f} CPU s   {gates}"
            )
        if subject.package in LARGE and (cpu := sum(warm.cpu.values())) > LARGE_CPU_SECONDS:
            bench.failures.append(f"{subject.target}: {cpu:.1f} CPU s, not {LARGE_CPU_SECONDS:.0f}")
        if cold.verdict != warm.verdict:
            bench.failures.append(f"{subject.target}: another verdict once base's run is known")
        if cold.verdict.kind != "accepted":
            bench.failures.append(f"{subject.target}: {cold.verdict.summary}")
    median = statistics.median(sum(one.seconds.values()) for one in first.values())
    print(f"\nmedian {median:.1f} s per verdict, promised are at most {MEDIAN_SECONDS:.0f}")
    if median > MEDIAN_SECONDS:
        bench.failures.append(f"median {median:.1f} s per verdict")
    return first


# -- the cost of a fault ------------------------------------------------------------------------------------


def _cost(bench: Bench, subjects: Sequence[Subject], judged: dict[str, Judged]) -> None:
    python = _rivals(bench.rivals)
    print(f"\nCPU per mutant: the whole mutation gate, {MUTMUT}, {COSMIC_RAY} ({SAMPLE} of its mutants)")
    for subject in subjects:
        one = judged.get(subject.target) or bench.judge(subject)
        own = Cost("nightcrew", one.mutants, one.cpu["mutation"])
        with tempfile.TemporaryDirectory(prefix="mutation-cost-") as name:
            rivals = [
                _mutmut(subject, Path(name) / "m", python),
                _cosmic_ray(subject, Path(name) / "c", python),
            ]
        print(f"\n{subject.package} {subject.target}")
        for cost, floor in zip((own, *rivals), (1.0, MUTMUT_TIMES, COSMIC_RAY_TIMES), strict=True):
            times = cost.each_ms / own.each_ms
            figures = f"{cost.mutants:4} mutants {cost.cpu_seconds:7.2f} CPU s {cost.each_ms:8.1f} ms each"
            print(f"  {cost.engine:11} {figures}, {times:5.1f} times ours")
            if times < floor:
                bench.failures.append(
                    f"{subject.target}: {cost.engine} costs {times:.1f} times ours, not {floor:.0f}"
                )


def _rivals(folder: Path) -> Path:
    """The Python of an environment with both rivals and what the packages' tests need."""
    python = folder / "bin" / "python"
    if not (folder / ".ready").is_file():
        subprocess.run(
            [uv.find_uv_bin(), "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True
        )
        wanted = [MUTMUT, COSMIC_RAY, "pytest", "coverage", *sorted(set(SETUP.values()))]
        subprocess.run(
            [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", python, *wanted], check=True
        )
        (folder / ".ready").write_text("")
    return python


def _tree(subject: Subject, folder: Path, options: str) -> None:
    """The package with its tests, and no configuration but ours."""
    write_repository(folder, subject, {})
    for name in ("setup.cfg", "tox.ini", "pytest.ini", "pyproject.toml"):
        (folder / name).unlink(missing_ok=True)
    (folder / "pyproject.toml").write_text(options)


def _mutmut(subject: Subject, folder: Path, python: Path) -> Cost:
    parts = subject.target.split("/")
    source = "/".join(parts[: 2 if parts[0] == "src" else 1])
    lines = {
        "source_paths": [source],
        "only_mutate": [subject.target],
        "pytest_add_cli_args_test_selection": [subject.tests],
    }
    options = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    _tree(subject, folder, f"[tool.mutmut]\n{options}")
    used = _run([python.parent / "mutmut", "run", "--max-children", "1"], folder, python)
    meta = json.loads((folder / "mutants" / f"{subject.target}.meta").read_text())
    ran = [code for code in meta["exit_code_by_key"].values() if code not in _NOT_RUN]
    return Cost("mutmut", len(ran), used)


def _cosmic_ray(subject: Subject, folder: Path, python: Path) -> Cost:
    _tree(subject, folder, "")
    config = {
        "module-path": subject.target,
        "timeout": 60.0,
        "excluded-modules": [],
        "test-command": f"{python} -m pytest -x -q -p no:cacheprovider {subject.tests}",
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in config.items())
    (folder / "c.toml").write_text(f'[cosmic-ray]\n{lines}[cosmic-ray.distributor]\nname = "local"\n')
    _run([python.parent / "cosmic-ray", "init", "c.toml", "c.sqlite"], folder, python)
    kept = _sample(folder / "c.sqlite")
    return Cost(
        "cosmic-ray", kept, _run([python.parent / "cosmic-ray", "exec", "c.toml", "c.sqlite"], folder, python)
    )


def _sample(session: Path) -> int:
    """Leave only some of the mutants to be tried; how many."""
    with sqlite3.connect(session) as database:
        found = sorted(row[0] for row in database.execute("SELECT job_id FROM work_items"))
        kept = set(random.Random(0).sample(found, min(SAMPLE, len(found))))
        gone = [(one,) for one in found if one not in kept]
        database.executemany("DELETE FROM mutation_specs WHERE job_id = ?", gone)
        database.executemany("DELETE FROM work_items WHERE job_id = ?", gone)
    return len(kept)


def _run(words: Sequence[str | Path], folder: Path, python: Path) -> float:
    """CPU seconds of a command and everything it starts."""
    env = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": "src:.",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }
    used = METER.seconds()
    done = subprocess.run(
        words, cwd=folder, env=env, capture_output=True, text=True, timeout=1800, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} failed: {done.stdout[-600:]} {done.stderr[-600:]}")
    return METER.seconds() - used


if __name__ == "__main__":
    sys.exit(main())
