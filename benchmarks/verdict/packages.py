# ruff: noqa: E501
"""Real packages with their own tests, as git repositories; they are fetched into a cache and never committed."""

import ast
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightcrew.validation.change.paths import is_test, is_test_module
from nightcrew.validation.reading.suite import parse, tests_in

PACKAGES = {
    "cachetools": "8.0.1", "humanize": "4.17.0", "inflection": "0.5.1",
    "isodate": "0.7.2", "itsdangerous": "2.2.0", "more-itertools": "11.2.1", "natsort": "8.4.0",
    "ordered-set": "4.1.0", "parse": "1.22.4", "pathspec": "1.1.1", "python-slugify": "9.2.0",
    "schema": "0.7.8", "semver": "3.1.1", "simpleeval": "1.0.8", "sortedcontainers": "2.4.0",
    "sqlparse": "0.6.1", "tomli": "2.5.0", "toolz": "1.2.0", "voluptuous": "0.16.0",
    "webcolors": "25.10.0", "xmltodict": "1.0.4",
}  # fmt: skip
QUICK = (
    "cachetools", "humanize", "inflection", "isodate", "itsdangerous", "ordered-set", "parse", "python-slugify",
    "schema", "semver", "simpleeval", "webcolors", "xmltodict",
)  # fmt: skip
SETUP = {
    "humanize": "freezegun",
    "natsort": "hypothesis",
    "itsdangerous": "freezegun",
    "isodate": "hypothesis",
}
MOST_TARGETS = 2
LEAST_TESTS = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """A module of a package and the test file that is about it, as texts in the package's tree."""

    package: str
    root: Path
    target: str
    tests: str

    def text(self, path: str) -> str:
        """A file's text."""
        return (self.root / path).read_text(errors="surrogateescape")


def fetch(name: str, cache: Path) -> Path:
    """The unpacked source distribution of a package at its pinned version."""
    folder = cache / "packages" / name
    if (folder / ".ready").is_file():
        return next(path for path in sorted(folder.iterdir()) if path.is_dir())
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{name}=={PACKAGES[name]}" if PACKAGES.get(name) else name
    command = [
        "python3",
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        ":all:",
        "-d",
        str(folder),
        wanted,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip download failed"
        )
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    archive.unlink()
    (folder / ".ready").write_text("")
    return next(path for path in sorted(folder.iterdir()) if path.is_dir())


def subjects(name: str, cache: Path) -> list[Subject]:
    """The package's modules that have a test file of their own, a few of them."""
    root = fetch(name, cache)
    _configure(name, root)
    modules = [path for path in _python(root) if not is_test(path) and _is_product(root, path)]
    found = [
        Subject(name, root, target, tests)
        for tests in _python(root)
        if is_test_module(tests)
        and _count(root, tests) >= LEAST_TESTS
        and (target := _target(root, tests, modules)) is not None
    ]
    unique: dict[str, Subject] = {}
    for subject in sorted(found, key=lambda one: (-_count(root, one.tests), one.tests)):
        unique.setdefault(subject.target, subject)
    return list(unique.values())[:MOST_TARGETS]


def _configure(name: str, root: Path) -> None:
    """Accepts prose without a person, so that the gates' own judgement of documentation is measured."""
    extra = SETUP.get(name, "")
    if not (root / "nightcrew.toml").exists():
        command = f"uv pip install --quiet --python $NIGHTCREW_ENV/bin/python {extra}"
        setup = f"setup = '{command}'\n" if extra else ""
        (root / "nightcrew.toml").write_text(f'{setup}analysis = "accept"\n')


def _python(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py") if path.is_file())


def _is_product(root: Path, path: str) -> bool:
    if path.split("/")[-1] in {"setup.py", "conf.py", "__main__.py", "conftest.py", "noxfile.py", "tasks.py"}:
        return False
    if path.split("/")[0] in {
        "docs",
        "doc",
        "examples",
        "benchmarks",
        "scripts",
        "dev",
        "build",
        "misc",
        "tools",
    }:
        return False
    tree = parse((root / path).read_text(errors="surrogateescape"))
    return tree is not None and sum(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)) >= 2


def _count(root: Path, path: str) -> int:
    tree = parse((root / path).read_text(errors="surrogateescape"))
    return len(tests_in(tree)) if tree is not None else 0


def _target(root: Path, tests: str, modules: list[str]) -> str | None:
    """The module with the test file's name; else the only one; else the largest that the file imports."""
    stem = Path(tests).stem.removeprefix("test_").removesuffix("_test").replace("-", "_")
    named = [
        path
        for path in modules
        if Path(path).stem.lstrip("_") == stem
        or (Path(path).parent.name == stem and path.endswith("__init__.py"))
    ]
    if named:
        return named[0]
    if len(modules) == 1:
        return modules[0]
    near = [path for path in modules if stem in Path(path).stem or Path(path).stem.lstrip("_") in stem]
    return near[0] if len(near) == 1 else None


def write_repository(folder: Path, subject: Subject, replaced: Mapping[str, str | None]) -> str:
    """A git repository with the package's files, some of them replaced (None: left out); its only commit."""
    for source in _files(subject.root):
        path = source.relative_to(subject.root).as_posix()
        if path in replaced and replaced[path] is None:
            continue
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes())
    for path, text in replaced.items():
        if text is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, errors="surrogateescape", newline="")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A", "--force")
    git(folder, "commit", "-q", "-m", "base")
    return git(folder, "rev-parse", "HEAD").strip()


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if (
            path.is_file()
            and not path.is_symlink()
            and "__pycache__" not in path.parts
            and path.suffix != ".pyc"
        ):
            yield path


def make_patch(repo: Path, files: Mapping[str, str | None]) -> str:
    """A patch that gives files these texts."""
    for path, text in files.items():
        if text is None:
            (repo / path).unlink()
        else:
            (repo / path).parent.mkdir(parents=True, exist_ok=True)
            (repo / path).write_text(text, errors="surrogateescape", newline="")
    git(repo, "add", "-A", "--force")
    diff = git(repo, "diff", "--cached", "--no-renames", "--no-ext-diff", "--text", "HEAD")
    git(repo, "reset", "--quiet", "--hard", "HEAD")
    git(repo, "clean", "-fdxq")
    return diff


def git(folder: Path, *words: str) -> str:
    """Runs git in a repository of the corpus."""
    command = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "-c", "core.hooksPath=/dev/null",
               "-c", "core.autocrlf=false", "-c", "gc.auto=0", *words]  # fmt: skip
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "surrogateescape")
