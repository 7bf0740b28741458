# ruff: noqa: E501
"""Candidates from a history: steps that, by their text, are a fix, tests, documentation or a refactoring.

Running them (`labels`) shows whether they are what they claim.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest
from pathlib import PurePosixPath

from benchmarks.verdict.wild.clones import Clone, Step

_FIX = re.compile(
    r"\b(fix\w*|bugs?|bugfix|regression|crash\w*|correct\w*|wrong\w*|incorrect\w*|broken|repair)\b", re.I
)
_NOT_FIX = re.compile(
    r"\b(typos?|lint\w*|flake8|mypy|ruff|ci|docs?|documentation|tests?|typing|pre-commit|coverage|format\w*|"
    r"warnings?|deprecat\w*|release|bump)\b", re.I)  # fmt: skip
_FEATURE = re.compile(r"\b(add\w*|implement\w*|support\w*|new|introduce\w*|allow\w*)\b", re.I)
_REFACTORING = re.compile(
    r"\b(refactor\w*|simplif\w*|clean\w*|extract\w*|dedup\w*|restructur\w*|reorgani[sz]\w*|inline\w*|"
    r"moderni[sz]\w*|(?<!-)tidy|split)\b", re.I)  # fmt: skip
_DECISIVE = re.compile(
    r"(^|/)(pyproject\.toml|setup\.(py|cfg)|tox\.(ini|toml)|noxfile\.py|conftest\.py|pytest\.ini|\.pre-commit.*|"
    r"\.gitattributes|\.gitignore|\.gitmodules|\.coveragerc|MANIFEST\.in|Makefile|.*\.lock|requirements.*\.txt|"
    r"Pipfile|mypy\.ini|justfile|nightcrew\.toml)$|^\.[^/]+/|(^|/)requirements/")  # fmt: skip
_ASIDE = (
    "docs/",
    "doc/",
    "examples/",
    "example/",
    "benchmarks/",
    "benchmark/",
    "scripts/",
    "tools/",
    "bench/",
    "dev/",
    "tasks/",
)
PROSE = (".md", ".rst")
MOST_PRODUCT, MOST_LINES, MOST_FILES = 3, 80, 8


class Kind(StrEnum):
    """What a step is, and so the type of task that it would have been."""

    FIX = "fix"
    FEATURE = "feature"
    TESTS = "tests"
    DOCUMENTATION = "documentation"
    REFACTORING = "refactoring"


@dataclass(frozen=True, slots=True)
class Mined:
    """A step of a project that may serve as a good change; `paths` are those of its files that count."""

    project: str
    kind: Kind
    commit: str
    paths: tuple[str, ...]
    target: str = ""

    @property
    def key(self) -> str:
        """Names it in journals."""
        return f"{self.project}@{self.commit[:12]}:{self.kind}"

    def with_target(self, target: str) -> "Mined":
        """The same step with that file as target."""
        return replace(self, target=target)


def is_test_file(path: str) -> bool:
    """True for a Python file in which a person would look for tests."""
    pure = PurePosixPath(path)
    folders = [part.lower() for part in pure.parts[:-1]]
    in_folder = bool({"test", "tests"} & set(folders)) or folders[:1] == ["testing"]  # in a package: helpers
    named = pure.name.startswith("test_") or pure.stem in {"test", "tests"}
    named |= pure.stem.endswith(("_test", "_tests"))
    return pure.suffix == ".py" and (named or (in_folder and pure.name != "conftest.py"))


def is_product(path: str) -> bool:
    """True for a Python file that users of the project run, and no project that its tests try it on."""
    tried = any(part.startswith(("test-", "test_")) for part in PurePosixPath(path).parts[:-1])
    aside = tried or path.startswith(_ASIDE) or bool(_DECISIVE.search(path))
    return path.endswith(".py") and not aside and not is_test_file(path) and "/conftest" not in f"/{path}"


def mine(clone: Clone, most: int) -> Iterator[Mined]:
    """Candidates, kinds in turns, at most `most` of each kind, in an order that has nothing to do with time."""
    by_kind: dict[Kind, list[Mined]] = {kind: [] for kind in Kind}
    for step in clone.steps():
        kind = _kind(step)
        if kind is not None:
            by_kind[kind].append(Mined(clone.name, kind, step.commit, counted_paths(step)))
    chosen = [_spread(found)[:most] for found in by_kind.values()]
    for turn in zip_longest(*chosen):
        yield from (one for one in turn if one is not None)


def counted_paths(step: Step) -> tuple[str, ...]:
    """The files of a step without those that decide how tests run: a change must not bring them."""
    return tuple(path for path, _, _ in step.files if not _DECISIVE.search(path))


def is_about_words(before: str, after: str) -> bool:
    """True where two Python texts differ only in comments and docstrings."""
    try:
        return _bare(before) == _bare(after)
    except (SyntaxError, ValueError, RecursionError):
        return False


# ---------------------------------------------------------------------------------------------------------


def _kind(step: Step) -> Kind | None:
    if step.binary or not step.files or len(step.files) > MOST_FILES:
        return None
    product = [one for one in step.files if is_product(one[0])]
    tests = [one for one in step.files if is_test_file(one[0])]
    lines = sum(added + gone for _, added, gone in product)
    if product and tests and len(product) <= MOST_PRODUCT and lines <= MOST_LINES:
        if _FIX.search(step.subject) and not _NOT_FIX.search(step.subject):
            return Kind.FIX
        if _FEATURE.search(step.subject) and not _NOT_FIX.search(step.subject):
            return Kind.FEATURE
    if tests and not product and sum(added for _, added, _ in tests) >= 6:
        return Kind.TESTS if all(is_test_file(path) for path, _, _ in step.files) else None
    words = [path for path, _, _ in step.files if path.endswith(PROSE)]
    if not tests and not product and len(words) == len(step.files) and _has_prose(step):
        return Kind.DOCUMENTATION
    if product and lines <= 3 * MOST_LINES:
        if not tests and re.search(
            r"\b(docs?\w*|docstrings?|comments?|document\w*|typos?)\b", step.subject, re.I
        ):
            return Kind.DOCUMENTATION
        return Kind.REFACTORING if _REFACTORING.search(step.subject) else None
    return None


def _has_prose(step: Step) -> bool:
    """More than a line of a list of changes."""
    others = [one for one in step.files if not re.search(r"(?i)(change|history|news|author|version)", one[0])]
    return sum(added for _, added, _ in others) >= 3


def _spread(found: list[Mined]) -> list[Mined]:
    """By halves: the newer half first, since old commits rarely run today; else in no order."""
    half = max(len(found) // 2, 12)

    def chance(one: Mined) -> str:
        return hashlib.sha256(one.key.encode()).hexdigest()

    return sorted(found[:half], key=chance) + sorted(found[half:], key=chance)


def _bare(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and not isinstance(node, ast.Lambda):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
