"""Type errors that a change adds: mypy runs on base and on the change, and new errors are reported.

Where the repository configures mypy and its environment contains it, that mypy runs, in the sandbox and with
the repository's own configuration. Otherwise Nightcrew's mypy reads the changed files without configuration
and plugins, and so runs no code of the repository; it runs in the sandbox too, because its input is not
trusted. Only the product is checked; tests are judged by running them.
`# type: ignore` is removed on both sides where base's product has none, so it neither hides a new error nor
causes one where it is removed. Where the product uses it, mypy obeys it in the change too.
"""

import ast
import importlib.util
import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from nightcrew.errors import Transient
from nightcrew.execution.checkout.work_folder import work_folder
from nightcrew.execution.sandbox import Completed, Limits, Mount, interpreter_mounts
from nightcrew.untrusted import text_of
from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.docstrings import has_same_code
from nightcrew.validation.reading.suite import read, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command
from nightcrew.validation.tables import Table

_LINE = re.compile(r"^(?:\./)?(?P<path>[^:\n]+\.pyi?):\d+(?::\d+)?: error: (?P<message>.+)$", re.MULTILINE)
_IGNORE = re.compile(r"#[ \t]*type:[ \t]*ignore(\[[^\]\n]*\])?|#[ \t]*mypy:[^\n]*")
_READ = re.compile(r"#[ \t]*(?:type|mypy):[^\n]*")  # comments that mypy reads
_OPTIONS = ("--no-error-summary", "--hide-error-context", "--no-color-output", "--follow-imports=silent")
_CACHE = "/run/nightcrew/types"
_THEIRS = "the repository's own mypy"
_LIBRARY = Table("interfaces").texts("library")["types"]
_INFERRED = Table("interfaces").texts("library")["inferred"]
_LIMITS = Limits(wall_seconds=1800.0, cpu_seconds=300)  # CPU time decides: it does not depend on the load


@dataclass(frozen=True, slots=True)
class Types:
    """`how` types were compared, or why they were not; `new` errors in mypy's words."""

    how: str
    new: tuple[str, ...] = ()

    @property
    def is_their_own(self) -> bool:
        """True where the repository checks its types itself."""
        return self.how == _THEIRS


def compare_types(room: CleanRoom) -> Types:
    """New type errors in the product's changed files."""
    files = [
        one for one in room.changes if one.path.endswith(".py") and one.after and not room.is_test(one.path)
    ]
    files = [one for one in files if not (room.base / f"{one.path}i").exists()]
    if not files:
        return Types("not compared: no changed product file, or its types are in a stub beside it")
    if not any(map(_may_change_types, files)):
        return Types("not compared: only docstrings and comments differ")
    paths = [one.path for one in files]
    if _is_configured(room.base) and _has_mypy(room.environment.path):
        return _compared(room, paths, _THEIRS)
    if not any(_is_annotated(one.after or "") for one in files):
        return Types("not compared: the changed files have no annotations")
    if importlib.util.find_spec("mypy") is None:
        return Types("not compared: mypy is not installed")
    return _compared(room, paths, "plain mypy")


def _compared(room: CleanRoom, paths: Sequence[str], how: str) -> Types:
    check = _their_errors if how == _THEIRS else _our_errors
    after = check(room, room.patched, paths)
    if after is not None and not after:
        return Types(how)  # the change has no error, so none is new
    before = check(room, room.base, [path for path in paths if (room.base / path).is_file()])
    if before is None or after is None:
        return Types(f"not compared: {how} could not be run")
    # The same code in another form can have the same error in other words, so the number of errors counts.
    more = after.total() > before.total()
    return Types(how, tuple(sorted((after - before).elements())) if more else ())


def _may_change_types(change: Change) -> bool:
    """False where only docstrings differ, and comments that mypy does not read."""
    if change.before is None or not has_same_code(change.before, change.after):
        return True
    return _READ.findall(change.before) != _READ.findall(change.after or "")


def _their_errors(room: CleanRoom, tree: Path, paths: Sequence[str]) -> Counter[str] | None:
    if not paths:
        return Counter()
    words = ["exec", "python", "-I", "-m", "mypy", "--cache-dir=/dev/null", *_OPTIONS, "--"]
    words += [shlex.quote(_as_path(path)) for path in paths]
    done = run_command(room, tree, " ".join(words), replaced=_bare(room, tree, paths))
    return _found(done, paths)


def _our_errors(room: CleanRoom, tree: Path, paths: Sequence[str]) -> Counter[str] | None:
    if not paths:
        return Counter()
    cache = room.folder / "types"  # for this verdict only: repositories share no cache
    if not cache.exists():
        shutil.copytree(_library_types(room), cache)
    with room.copy(tree, _bare(room, tree, paths)) as copy:
        done = _mypy(room, copy, cache, list(map(_as_path, paths)))
    return _found(done, paths)


def _library_types(room: CleanRoom) -> Path:
    """The folder with mypy's cache for Python's own library, which no repository can write to."""
    known = room.types / f"{version('mypy')}-{sys.version_info.major}.{sys.version_info.minor}"
    if known.is_dir():
        return known
    with work_folder(room.types, "new") as folder:
        for name in ("cache", "tree"):
            (folder / name).mkdir()
        (folder / "tree/library.py").write_text("".join(f"import {name}\n" for name in _LIBRARY))
        _mypy(room, folder / "tree", folder / "cache", ["./library.py"])
        with suppress(OSError):  # another verdict was faster
            (folder / "cache").rename(known)
    return known


def _mypy(room: CleanRoom, tree: Path, cache: Path, paths: Sequence[str]) -> Completed:
    command = [
        *(sys.executable, "-I", "-m", "mypy", "--config-file=", f"--cache-dir={_CACHE}"),
        *("--ignore-missing-imports", "--no-site-packages", *_OPTIONS),
        *(f"--disable-error-code={one}" for one in _INFERRED),
        *("--", *paths),
    ]
    return room.sandbox.run(
        command,
        workspace=tree,
        mounts=(*interpreter_mounts(Path(sys.executable)), Mount(cache, _CACHE, writable=True)),
        limits=_LIMITS,
    )


def _found(done: Completed, paths: Sequence[str]) -> Counter[str] | None:
    if done.killed_by == "wall_time":
        raise Transient("mypy did not come to its end in the time there is: the machine has too much to do")
    return _errors(done.stdout.decode(errors="replace"), paths) if done.returncode in {0, 1} else None


def _bare(room: CleanRoom, tree: Path, paths: Sequence[str]) -> dict[str, str]:
    texts = {path: (tree / path).read_bytes().decode("utf-8", "surrogateescape") for path in paths}
    if tree == room.patched and _uses_ignores(room):
        return texts
    return {path: _IGNORE.sub("", text) for path, text in texts.items()}


def _uses_ignores(room: CleanRoom) -> bool:
    """True where base's product uses comments that exclude type errors."""
    texts = room.base_tree.python.items()
    return any("# type: ignore" in text and not room.is_test(path) for path, text in texts)


def _errors(text: str, paths: Sequence[str]) -> Counter[str]:
    """Errors without their line numbers, which can move."""
    return Counter(f"{one['path']}: {one['message']}" for one in _LINE.finditer(text) if one["path"] in paths)


def _is_configured(base: Path) -> bool:
    places = {"mypy.ini": "[mypy", ".mypy.ini": "[mypy", "setup.cfg": "[mypy", "pyproject.toml": "[tool.mypy"}
    for name, word in places.items():
        place = base / name
        if word in text_of(place):
            return True
    return False


def _has_mypy(environment: Path) -> bool:
    return any(environment.glob("lib/python*/site-packages/mypy/__main__.py"))


def _is_annotated(text: str) -> bool:
    return any(
        isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        and (one.returns is not None or any(arg.annotation is not None for arg in one.args.args))
        for one in walk(read(text))
    )


def _as_path(path: str) -> str:
    """The path in a form that mypy never takes for an option or, after an @, for a file of options."""
    return f"./{path}"
