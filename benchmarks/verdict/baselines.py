# ruff: noqa: E501
"""What other rules accept: the original's rules and score, a passing suite, rising coverage, and that five times."""

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path

from nightcrew.execution.environments.environment import build_environment, project_paths
from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.target_config import load_target_config

REPEATS = 5


def original(path: str, text: str) -> bool:
    """The rules of the system that Nightcrew replaces: not empty, parses, named like a test."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return bool(text.strip()) and "def test_" in text and Path(path).name.startswith("test_")


def original_score(text: str) -> float:
    """Its quality score, 0 to 1: tests, asserts, and the words `edge` and `error`."""
    tests, asserts = len(re.findall(r"def test_", text)), len(re.findall(r"\bassert\b", text))
    words = 15 * ("edge" in text.lower()) + 15 * ("error" in text.lower())
    return (min(tests * 4, 40) + min(asserts * 2, 30) + words) / 100


class Runner:
    """Runs a test file the way coverage-driven generators do, believing exit codes and coverage files."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self.settings, self.sandbox = settings, sandbox
        self._before: dict[str, set[int]] = {}

    def accepts(self, name: str, base: Path, tree: Path, tests: str, target: str) -> Mapping[str, bool]:
        """By rule: `passes`, `coverage rises`, `rises, five times`; `name` is the same for the same base."""
        if name not in self._before:
            self._before[name] = self._covered(base, None, target) or set()
        results = [self._covered(tree, tests, target)]
        passes = results[0] is not None
        rises = passes and bool((results[0] or set()) - self._before[name])
        if rises:
            results += [self._covered(tree, tests, target) for _ in range(REPEATS - 1)]
        return {"passes": passes, "coverage rises": rises, "rises, five times": rises and None not in results}

    def _covered(self, tree: Path, tests: str | None, target: str) -> set[int] | None:
        return covered_lines(self.settings, self.sandbox, tree, tests, target)


def covered_lines(
    settings: Settings, sandbox: Sandbox, tree: Path, tests: str | None, target: str
) -> set[int] | None:
    """Lines of the target that ran; None where the tests did not end well. Without `tests`: the suite's."""
    environment = build_environment(tree, load_target_config(tree), settings, sandbox)
    where = tests or "."
    command = (
        f"cp -r . /tmp/w && cd /tmp/w && {environment.python} -m coverage run --rcfile=/dev/null --include='/tmp/w/{target}' -m pytest -q "
        f"-p no:cacheprovider -o addopts= {where} >/dev/null 2>&1; code=$?; "
        f"{environment.python} -m coverage json --rcfile=/dev/null -q -o /tmp/c.json >/dev/null 2>&1; cat /tmp/c.json; exit $code"
    )
    paths = ":".join(path.replace("/workspace", "/tmp/w") for path in project_paths(tree))
    done = sandbox.run(
        ["/bin/sh", "-c", command],
        workspace=tree,
        read_only_workspace=True,
        mounts=environment.mounts,
        env={"PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    if done.returncode != 0 and tests is not None:
        return None
    try:
        files = json.loads(done.stdout)["files"].values()
    except ValueError:
        return set()
    return {line for file in files for line in file["executed_lines"]}
