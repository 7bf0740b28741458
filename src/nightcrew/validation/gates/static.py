"""Static: the changed files parse, their imports exist, and ruff and mypy find no new errors in them."""

import ast
import importlib.machinery
import re
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from tokenize import detect_encoding

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from ruff import find_ruff_bin

from nightcrew.errors import Transient
from nightcrew.execution.confinement.confinement import MIB
from nightcrew.execution.environments.layout import read_pyproject, read_setup_cfg, table
from nightcrew.execution.environments.setup_script import setup_arguments
from nightcrew.execution.sandbox import WORKSPACE, Limits, Mount
from nightcrew.untrusted import read_json, text_of
from nightcrew.validation.change.change import Change
from nightcrew.validation.gate import Gate, counted, failed, not_measurable, passed, unproven
from nightcrew.validation.reading.suite import nodes_of, parse, walk
from nightcrew.validation.running.clean_room import CleanRoom, write_text
from nightcrew.validation.running.type_errors import compare_types
from nightcrew.validation.verdict import GateResult

NAME = "static"
_IMPORTS = ast.Import | ast.ImportFrom
_RUFF = "/opt/nightcrew/ruff"
_PYTHONS = tuple(f"3.{minor}" for minor in range(7, 13))
_LIMITS = Limits(wall_seconds=60.0, cpu_seconds=60, output_bytes=16 * MIB)
# Errors of any Python; ruff's S rules are bandit's, in a program that starts in milliseconds.
_ERRORS = "E9,F63,F7,F82"
# What no test of values notices: files left open, defaults and names of a loop that calls share, returns in a
# `finally`, statements without effect, tasks that nothing holds.
_CARELESS = "B006,B012,B015,B018,B023,B039,PLE,RUF006,SIM115"
_DANGERS = (
    "S102,S103,S104,S108,S301,S302,S307,S310,S312,S321,S323,S324,S501,S506,S508,S602,S604,S605,S608,S701"
)


class Static(Gate):
    """Reads the change without running it."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reports the first file that cannot work; else passes."""
        files = [one for one in room.changes if one.path.endswith(".py") and one.after is not None]
        for change in files:
            if not _is_utf_8(change.after) and not _is_utf_8(change.before):
                message = f"{change.path} is not UTF-8 on base either; the gates read UTF-8 only."
                return not_measurable(NAME, message, "Convert the file to UTF-8 on base first.")
            problem = _syntax(change) or _other_encoding(change)
            if problem:
                return failed(
                    NAME, problem, "Write Python that parses, in UTF-8.", evidence={"path": change.path}
                )
            # Models invent packages. Found here, it costs no run of the suite.
            missing = _unresolved(room, change)
            # Base needs it too, so that the environment is at fault and not this change.
            if missing and _is_lacking_on_base(room, missing):
                message = f"{change.path} imports {missing}; so do files of base, and it is not installed."
                return not_measurable(NAME, message, f"Let `setup` in nightcrew.toml install {missing}.")
            if missing:
                message = (
                    f"{change.path} imports {missing}, which exists neither in the repository "
                    f"nor its environment."
                )
                hint = f"Do not import {missing}; use what the repository and its environment have."
                return failed(NAME, message, hint, evidence={"path": change.path, "import": missing})
        found = _ruff(room, files)
        if found is None:
            message = "ruff did not get to the end of the change within its limits."
            return not_measurable(NAME, message, "Make the change smaller.")
        for change in files:
            for rule, message in _new_findings(room, found, change):
                text = f"{change.path}: {message} ({rule})."
                return failed(
                    NAME,
                    text,
                    "Repair this before anything else.",
                    evidence={"path": change.path, "rule": rule},
                )
        types = compare_types(room)
        if types.new:
            refused = failed(
                NAME,
                f"{types.new[0]} (a type error that base does not have; {types.how}).",
                "Make the types right.",
                evidence={"types": types.how, "errors": list(types.new[:20])},
            )
            # A person may decide where the project does not check its types itself.
            return refused if types.is_their_own else unproven(refused, types.new[0], files[0].path)
        message = f"{counted(len(files), 'Python file')} parsed; imports exist; no new errors."
        return passed(NAME, message, types=types.how)


def _is_utf_8(text: str | None) -> bool:
    """False where the text contains bytes that are not UTF-8."""
    return text is None or not any("\udc80" <= char <= "\udcff" for char in text)


def _other_encoding(change: Change) -> str:
    """A declared encoding with which Python would read another text than the gates and a reviewer."""
    declared, before = _declared(change.after or ""), _declared(change.before or "")
    # An odd encoding that base declares already has been read by everybody in that way.
    if declared in {"utf-8", "utf-8-sig", before}:
        return ""
    return f"{change.path} declares the encoding {declared!r}: Python would read it otherwise than it looks."


def _declared(text: str) -> str:
    try:
        return detect_encoding(BytesIO(text.encode("utf-8", "surrogateescape")).readline)[0]
    except SyntaxError as error:
        return f"unknown ({error})"


def _syntax(change: Change) -> str:
    assert change.after is not None
    if not _is_utf_8(change.after):
        return f"{change.path} is not UTF-8."
    try:
        compile(change.after.removeprefix("\ufeff"), change.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, UnicodeEncodeError) as error:
        return f"{change.path} is not valid Python: {error}."
    return ""


def _unresolved(room: CleanRoom, change: Change) -> str:
    """The first added import outside of try blocks whose module does not exist."""
    assert change.after is not None
    old, new = parse(change.before or ""), parse(change.after)
    known = _imports(old) if old is not None else set()
    for module in sorted((_imports(new) if new is not None else set()) - known):
        if not _exists(room, module.split(".")[0], change.path):
            return module
        if not _submodule_exists(room, module):
            return module
    return ""


def _is_lacking_on_base(room: CleanRoom, module: str) -> bool:
    """True for a module of other projects that files of base import, outside of the change's."""
    name = re.escape(module.split(".")[0])
    line = re.compile(rf"^(?:import|from)\s+{name}\b", re.MULTILINE)
    others = (text for path, text in room.base_tree.python.items() if room.change(path) is None)
    return not _exists(room, module.split(".")[0], "") and any(map(line.search, others))


def _imports(tree: ast.Module) -> set[str]:
    """Absolute imports that run when the file is imported or its functions are called."""
    # An import in a `try` or `if` has another way out where the module is missing.
    nodes = nodes_of(tree)
    blocks = (node for node in nodes if isinstance(node, ast.Try | ast.If))
    guarded = {id(inner) for node in blocks for inner in walk(node) if isinstance(inner, _IMPORTS)}
    found: set[str] = set()
    for node in nodes:
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _exists(room: CleanRoom, name: str, path: str) -> bool:
    if name in sys.stdlib_module_names or name in sys.builtin_module_names:
        return True
    roots = [room.patched, room.patched / "src", room.patched / "lib"]
    place = (room.patched / path).parent
    while place != room.patched.parent:
        roots.append(place)
        place = place.parent
    # Tests and scripts often put a folder of the repository on the path themselves.
    roots += [folder for folder in room.patched.iterdir() if folder.is_dir()]
    roots += room.environment.path.glob("lib*/python*/site-packages")
    return any(_is_module(root, name) for root in roots)


def _submodule_exists(room: CleanRoom, module: str) -> bool:
    """True for a dotted name whose file exists in the repository."""
    top, *rest = module.split(".")
    for root in (room.patched, room.patched / "src"):
        place = root / top
        if not (place / "__init__.py").is_file():
            continue
        for index, name in enumerate(rest):
            if not _is_module(place, name):
                text = text_of(place / "__init__.py")
                return index == len(rest) - 1 and (name in text or "__getattr__" in text)
            place = place / name
        return True
    return True


def _is_module(root: Path, name: str) -> bool:
    suffixes = (".py", *importlib.machinery.EXTENSION_SUFFIXES)
    return (
        (root / name).is_dir()
        or any((root / f"{name}{suffix}").is_file() for suffix in suffixes)
        or any(root.glob(f"{name}.*.so"))
    )


def _ruff(room: CleanRoom, files: list[Change]) -> dict[str, Counter[tuple[str, str]]] | None:
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


def _new_findings(
    room: CleanRoom, found: dict[str, Counter[tuple[str, str]]], change: Change
) -> list[tuple[str, str]]:
    old, new = found.get(f"old/{change.path}", Counter()), found.get(f"new/{change.path}", Counter())
    # Counted, not located: a finding of base that moved to another line is not new.
    fresh = sorted((new + _left_open(change.after) - old - _left_open(change.before)).elements())
    # Tests often use names and syntax of another Python version behind a check of the version.
    codes = (
        ("E9", "F631", "F7")
        if room.is_test(change.path)
        else ("B", "E9", "F", "PLE", "RUF", "S", "syntax", "invalid")
    )
    return [one for one in fresh if one[0].startswith(codes)]


def _left_open(text: str | None) -> Counter[tuple[str, str]]:
    """What ruff leaves out: files that are opened for another call inside a `return`, which nobody closes."""
    tree = parse(text or "")
    results = (one.value for one in nodes_of(tree) if isinstance(one, ast.Return)) if tree is not None else ()
    inner = (part for one in results if one is not None for part in walk(one) if part is not one)
    calls = (one for one in inner if isinstance(one, ast.Call) and isinstance(one.func, ast.Name))
    opened = sum(one.func.id == "open" for one in calls if isinstance(one.func, ast.Name))
    return Counter({("SIM115", "Use a context manager for opening files"): opened})
