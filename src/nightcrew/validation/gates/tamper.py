"""Tamper: a change must not disable what judges it: the test run, or the honesty of the product.

This gate reads the text; the controls, which run the code, catch what it misses.
"""

import ast
import re
from collections.abc import Iterator

from nightcrew.execution.confinement.bubblewrap import HOME
from nightcrew.execution.confinement.confinement import WORKSPACE
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_test_module
from nightcrew.validation.gate import Gate, failed, passed
from nightcrew.validation.reading.constants import texts_in
from nightcrew.validation.reading.names import dotted
from nightcrew.validation.reading.origins import origins_of
from nightcrew.validation.reading.suite import all_functions, parse, tree_text, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.tables import Table
from nightcrew.validation.verdict import GateResult

NAME = "tamper"
_TABLE = Table("tamper")
_STOPPERS, _UNMISTAKABLE = (_TABLE.words("calls", key) for key in ("anywhere", "unmistakable"))
_STOPPERS_IN_PRODUCT = _STOPPERS | _TABLE.words("calls", "product")
_SETTINGS = _TABLE.words("tests", "settings")
_DECIDING, _WRITES, _TEMPORARY = (_TABLE.pattern("tests", key) for key in ("deciding", "writes", "temporary"))
_LOOKS, _TEXTS = (_TABLE.pattern("product", key) for key in ("looks", "texts"))
_MARKS, _USUAL_MARKS = (_TABLE.pattern("product", key, re.IGNORECASE) for key in ("marks", "usual_marks"))
_RUNNERS = _TABLE.words("product", "modules")
# Pytest offers these for tests of its plugins.
_PYTESTER = {f"pytest_plugins = {value}" for value in ("'pytester'", "['pytester']", "('pytester',)")}
_TEST_HINT = "Test the code by calling it and asserting on what it returns; leave the test runner alone."
_PRODUCT_HINT = "The product must not know that it is tested: make the code right for every caller."


class Tamper(Gate):
    """Finds the ways of disabling a check that show in the text."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reports the first trick found; else passes."""
        for change in room.changes:
            is_test = room.is_test(change.path)
            trick = next(_tricks(room, change, is_test=is_test), "")
            if trick:
                hint = _TEST_HINT if is_test else _PRODUCT_HINT
                return failed(NAME, f"{change.path}: {trick}.", hint, evidence={"path": change.path})
        return passed(NAME, "Nothing that judges is touched.")


# ------------------------------------------------------------------------------------------------------


class _Read:
    """The parts of a file's text that a trick would need."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.origins = origins_of(tree)
        docstrings = {
            ast.get_docstring(one, clean=False) for one in walk(tree) if isinstance(one, _DOCUMENTED)
        }
        self.texts = {text for _, text in texts_in(tree) if text not in docstrings}
        self.modules = {name.split(".")[0] for name in [*self.origins.known.values(), *self.origins.all_of]}

    @property
    def calls(self) -> set[str]:
        """Dotted names of everything that the file mentions, and of what it looks up by name."""
        looked_up = {name for name in _UNMISTAKABLE if name.rsplit(".", 1)[-1] in self.texts}
        return looked_up | set(filter(None, map(self.origins.of, self.origins.nodes)))

    @property
    def written(self) -> set[str]:
        """Names of files that decide a verdict, in statements that also write files."""
        found: set[str] = set()
        for node in self.tree.body:
            code = ast.unparse(node)
            if _WRITES.search(code) and not _TEMPORARY.search(code):
                found |= {text for _, text in texts_in(node) if len(text) < 200 and _DECIDING.search(text)}
        return found


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _tricks(room: CleanRoom, change: Change, *, is_test: bool) -> Iterator[str]:
    old, new = parse(change.before or ""), parse(change.after or "")
    if change.after is None or not change.path.endswith(".py") or old is None or new is None:
        return
    if is_test:
        yield from _in_test(room, change, _Read(old), _Read(new))
    else:
        yield from _in_product(change, _Read(old), _Read(new))
        yield from unmeasured(room, change)


def _in_test(room: CleanRoom, change: Change, old: _Read, new: _Read) -> Iterator[str]:
    for name in sorted((new.calls - old.calls) & _STOPPERS):
        yield f"a test calls {name}, which can end or deceive the test run"
    if not is_test_module(change.path) or change.before is None:
        for name in sorted(all_functions(new.tree).keys() - all_functions(old.tree).keys()):
            if name.startswith("pytest_"):
                yield f"it defines the hook {name}, which changes how tests are run"
    yield from _assignments(room, old, new)
    for place in sorted(new.texts - old.texts):
        if place.startswith((WORKSPACE, f"{HOME}/")):
            yield f"it names {place!r}, a place that only the judge has"
    for name in sorted(new.written - old.written):
        yield f"it writes {name!r}, a file that decides how tests are run or counted"


def _assignments(room: CleanRoom, old: _Read, new: _Read) -> Iterator[str]:
    """New statements of a test module that set what pytest reads, or replace what other code uses."""
    there_before = {tree_text(node) for node in old.tree.body}
    for node in new.tree.body:
        if tree_text(node) in there_before or ast.unparse(node) in _PYTESTER:
            continue
        for target in _assigned(node):
            first, _, rest = target.partition(".")
            if target in _SETTINGS:
                yield f"it sets {target}, which changes how tests are found or run"
            elif rest and new.origins.known.get(first, "").split(".")[0] in room.once(_judged_modules):
                yield f"it replaces {target} for every test that follows"


def _in_product(change: Change, old: _Read, new: _Read) -> Iterator[str]:
    known = {match[0] for match in _LOOKS.finditer(change.before or "")}
    for match in _LOOKS.finditer(change.after or ""):
        if match[0] not in known:
            yield f"the product's code looks at the test run ({match[0]!r})"
    for text in sorted(new.texts - old.texts):
        if _TEXTS.fullmatch(text):
            yield f"the product's code names {text!r}, as code does that looks for its judge"
    for name in sorted((new.calls - old.calls) & _STOPPERS_IN_PRODUCT):
        yield f"the product's code calls {name}, which can end or deceive a test run"
    for module in sorted((new.modules - old.modules) & _RUNNERS):
        yield f"the product's code imports {module}"


def unmeasured(room: CleanRoom, change: Change) -> Iterator[str]:
    """A mark that excludes code from coverage, in a product that does not use such marks.
    Where the product uses them they hide nothing, because no measurement here obeys them.
    """
    hidden = [match[0] for match in _MARKS.finditer(change.after or "")]
    if len(hidden) <= len(_MARKS.findall(change.before or "")):
        return
    base = room.base_tree.python.items()
    usual = any(_USUAL_MARKS.search(text) for path, text in base if not room.is_test(path))
    if not (usual and all(map(_USUAL_MARKS.match, hidden))):
        yield f"the product's code hides from measurement ({hidden[-1]!r})"


def _assigned(node: ast.stmt) -> list[str]:
    """Dotted names to which a statement assigns, also by `setattr`."""
    match node:
        case ast.Assign():
            return [name for name in map(dotted, node.targets) if name]
        case ast.AugAssign() | ast.AnnAssign():
            return [dotted(node.target)]
        case ast.Expr(
            value=ast.Call(func=ast.Name(id="setattr"), args=[owner, ast.Constant(value=str(name)), *_])
        ):
            return [f"{dotted(owner)}.{name}"]
    return []


def _judged_modules(room: CleanRoom) -> set[str]:
    """The repository's own packages, and the test runner."""
    roots = [root for root in (room.base, room.base / "src") if root.is_dir()]
    own = {path.stem for root in roots for path in root.iterdir() if path.is_dir() or path.suffix == ".py"}
    return (own - {"src", "tests", "test"}) | {"pytest", "_pytest", "builtins"}
