"""What ruff finds in the changed files that it did not find on base."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from ruff import find_ruff_bin

from nightcrew.errors import Transient
from nightcrew.execution.confinement.confinement import MIB
from nightcrew.execution.environments.layout import read_pyproject, read_setup_cfg, table
from nightcrew.execution.environments.setup_script import setup_arguments
from nightcrew.execution.sandbox import WORKSPACE, Limits, Mount
from nightcrew.untrusted import read_json
from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.suite import nodes_of, parse, walk
from nightcrew.validation.running.clean_room import CleanRoom, write_text

_RUFF = "/opt/nightcrew/ruff"
_PYTHONS = tuple(f"3.{minor}" for minor in range(7, 13))
_LIMITS = Limits(wall_seconds=60.0, cpu_seconds=60, output_bytes=16 * MIB)
# Errors of any Python; ruff's S rules are bandit's, in a program that starts in milliseconds.
_ERRORS = "E9,F63,F7,F82"
DECISIVE = ("E9", "F", "PLE", "syntax", "invalid")
# What no test of values notices: files left open, defaults and names of a loop that calls share, returns in a
# `finally`, statements without effect, tasks that nothing holds.
_CARELESS = "B006,B012,B015,B018,B023,B039,PLE,RUF006,SIM115"
_DANGERS = (
    "S102,S103,S104,S108,S301,S302,S307,S310,S312,S321,S323,S324,S501,S506,S508,S602,S604,S605,S608,S701"
)


def ruff_findings(room: CleanRoom, files: list[Change]) -> dict[str, Counter[tuple[str, str]]] | None:
    """Ruff's findings by `old/path` and `new/path`; None where a limit stopped it."""
    if not files:
        return {}
    with TemporaryDirectory(prefix="ruff-", dir=room.folder) as name:
        folder = Path(name) / "tree"
        for change in files:
            for side, text in (("old", change.before), ("new", change.after)):
                if text is not None:
                    write_text(folder / side / change.path, text)
        done = room.sandbox.run(
            [_RUFF, "check", "--isolated", "--no-cache", "--exit-zero", "--ignore-noqa",
             "--output-format=json", f"--target-version={_oldest_python(room.base)}",
             f"--select={_ERRORS},{_DANGERS},{_CARELESS}", "."],
            workspace=folder, mounts=(Mount(Path(find_ruff_bin()).resolve(), _RUFF),), limits=_LIMITS,
        )  # fmt: skip
        if done.killed_by is not None:
            return None
        if done.returncode != 0:
            raise Transient(f"ruff could not be run: {done.stderr.decode(errors='replace').strip()[-200:]}")
        return _findings(done.stdout, (WORKSPACE, str(folder.resolve())))


def _oldest_python(base: Path) -> str:
    """The oldest Python that base says it runs on, for ruff: newer syntax does not run there."""
    declared = (
        table(read_pyproject(base), "project").get("requires-python")
        or setup_arguments(base).get("python_requires")
        or read_setup_cfg(base).get("options", "python_requires", fallback="")
    )
    try:
        wanted = SpecifierSet(str(declared or ""))
    except InvalidSpecifier:
        wanted = SpecifierSet("!=3.*")
    fitting = (one for one in _PYTHONS if declared and wanted.contains(f"{one}.99"))
    return f"py{next(fitting, _PYTHONS[-1]).replace('.', '')}"


def _findings(output: bytes, roots: tuple[str, ...]) -> dict[str, Counter[tuple[str, str]]]:
    """Ruff's findings by path below the folder in which it ran."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    for line in read_json(output):
        root = next(root for root in roots if line["filename"].startswith(f"{root}/"))
        path = line["filename"].removeprefix(f"{root}/")
        found.setdefault(path, Counter())[(line["code"] or "syntax", line["message"])] += 1
    return found


def new_findings(
    room: CleanRoom, found: dict[str, Counter[tuple[str, str]]], change: Change
) -> list[tuple[str, str]]:
    """The rules and messages that `change` brings, of those that `ruff_findings` found."""
    old, new = found.get(f"old/{change.path}", Counter()), found.get(f"new/{change.path}", Counter())
    # Counted, not located: a finding of base that moved to another line is not new.
    fresh = sorted((new + _left_open(change.after) - old - _left_open(change.before)).elements())
    # Tests often use names and syntax of another Python version behind a check of the version.
    codes = (
        ("E9", "F631", "F7")
        if room.is_test(change.path)
        else ("B", "E9", "F", "PLE", "RUF", "S", "syntax", "invalid")
    )
    given = _given_by_classes(change.after)
    return [one for one in fresh if one[0].startswith(codes) and one[1] not in given]


def only_described(text: str | None) -> set[str]:
    """Ruff's words about names that stand in annotations alone, where Python evaluates none of these."""
    tree = parse(text or "")
    if tree is None or ("__future__", "annotations") not in _imported(tree):
        return set()
    nodes = nodes_of(tree)
    annotations = [getattr(one, key, None) for one in nodes for key in ("annotation", "returns")]
    inside = [one for node in annotations if node is not None for one in walk(node)]
    known = {id(one) for one in inside}
    evaluated = {one.id for one in nodes if isinstance(one, ast.Name) and id(one) not in known}
    named = {one.id for one in inside if isinstance(one, ast.Name)} - evaluated
    return {f"Undefined name `{one}`" for one in named}


def _imported(tree: ast.Module) -> set[tuple[str | None, str]]:
    found = (one for one in tree.body if isinstance(one, ast.ImportFrom))
    return {(one.module, alias.name) for one in found for alias in one.names}


def _given_by_classes(text: str | None) -> set[str]:
    """Ruff's words about names in the bodies of classes with bases.

    A metaclass may give these names, and importing the module shows whether it does.
    """
    tree = parse(text or "")
    classes = (one for one in nodes_of(tree) if isinstance(one, ast.ClassDef)) if tree is not None else ()
    bodies = (node for one in classes if one.bases or one.keywords for node in _run_by_class(one))
    return {f"Undefined name `{node.id}`" for node in bodies if isinstance(node, ast.Name)}


def _run_by_class(node: ast.ClassDef) -> Iterator[ast.AST]:
    """What runs when the class is made, without the bodies of its methods and of classes in it."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from (name for one in statement.decorator_list for name in walk(one))
        else:
            yield from walk(statement)


def _left_open(text: str | None) -> Counter[tuple[str, str]]:
    """What ruff leaves out: files that are opened for another call inside a `return`, which nobody closes."""
    tree = parse(text or "")
    results = (one.value for one in nodes_of(tree) if isinstance(one, ast.Return)) if tree is not None else ()
    inner = (part for one in results if one is not None for part in walk(one) if part is not one)
    calls = (one for one in inner if isinstance(one, ast.Call) and isinstance(one.func, ast.Name))
    opened = sum(one.func.id == "open" for one in calls if isinstance(one.func, ast.Name))
    return Counter({("SIM115", "Use a context manager for opening files"): opened})
