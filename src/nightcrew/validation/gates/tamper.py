"""Tamper: nothing that judges may be made blind: the test run, and the honesty of the product.

Read from the text; what slips through here meets the controls, which do not read but try.
"""

import ast
import re

from nightcrew.execution.confinement.bubblewrap import HOME
from nightcrew.execution.confinement.confinement import WORKSPACE
from nightcrew.task import Task
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.lookalikes import disguised_name, turned_line
from nightcrew.validation.change.paths import is_test_module
from nightcrew.validation.gate import failed, passed
from nightcrew.validation.reading.constants import texts_in
from nightcrew.validation.reading.suite import all_functions, parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import GateResult

NAME = "tamper"
_PRAGMA = re.compile(r"#\s*(pragma:\s*no\s*(cover|branch)|pytest:\s*skip|nightcrew:)", re.IGNORECASE)
_USUAL_PRAGMA = re.compile(r"#\s*pragma:\s*no\s*(cover|branch)", re.IGNORECASE)
_HARNESS = re.compile(
    r"PYTEST_\w+|_pytest\b|sys\.modules\s*(?:\.get)?\s*[\[(]\s*['\"](?:pytest|_pytest|unittest|coverage|nightcrew_rig)"
    r"|['\"](?:pytest|_pytest|unittest|coverage)['\"]\s*(?:not\s+)?in\s+sys\.modules"
    r"|nightcrew|PYTHONHASHSEED|sys\.argv\[0\].*test"
)
_HARNESS_TEXT = re.compile(
    r"_?(pytest|unittest|doctest|coverage)(\.\w+)*|.*\bPYTEST_[A-Z_]+.*|.*_called_from_test.*"
)
_STOPPERS = {
    "os._exit", "os.abort", "pytest.exit", "atexit.register", "sys.settrace", "sys.setprofile",
    "gc.get_referrers",
    "sys.monitoring.use_tool_id", "threading.settrace",
}  # fmt: skip
_STOPPERS_IN_PRODUCT = _STOPPERS | {
    "os.kill", "os.killpg", "gc.get_objects", "ctypes.CDLL", "ctypes.pythonapi", "os.execv", "os.execve",
    "os.dup2",
    "signal.raise_signal", "inspect.stack", "sys._getframe", "sys._current_frames", "inspect.currentframe",
}  # fmt: skip
_UNMISTAKABLE = {"os._exit", "sys.settrace", "sys.setprofile", "gc.get_referrers"}  # by their last part alone
_TEMPORARY = re.compile(r"tmp|temp|isolated|chdir|scratch|sandbox|workdir|fs\b")
_DECIDING_WORDS = re.compile(
    r"conftest|sitecustomize|usercustomize|\.pth\b|pytest\.ini|setup\.cfg|tox\.ini|pyproject\.toml|\.coveragerc"
    r"|coverage\.xml|\.coverage\b|junit|report\.(?:xml|json)|\.git[/\\]|\.git['\"]|/proc/self"
)
# The runner's own means for tests of its plugins.
_PYTESTER = {f"pytest_plugins = {value}" for value in ('"pytester"', '["pytester"]', '("pytester",)')}
_WRITERS = {
    "write_text",
    "write_bytes",
    "write",
    "writelines",
    "touch",
    "symlink_to",
    "hardlink_to",
    "rename",
    "replace",
}


class Tamper:
    """Every way of making a judge blind that can be seen in the text."""

    name = NAME

    def applies(self, task: Task) -> bool:
        """Always."""
        del task
        return True

    def run(self, room: CleanRoom) -> GateResult:
        """The first trick found, or pass."""
        for change in room.changes:
            problem = _problem(room, change)
            if problem:
                reason, hint = problem
                return failed(NAME, f"{change.path}: {reason}", hint, evidence={"path": change.path})
        return passed(NAME, "Nothing that judges is touched.")


def _problem(room: CleanRoom, change: Change) -> tuple[str, str] | None:
    if change.after is None:
        return None
    turned = turned_line(change.after, change.before or "")
    if turned is not None:
        what = f"line {turned} has a character that turns the text round, so it does not read as it runs."
        return what, "Write such characters as escapes."
    if not change.path.endswith(".py"):
        return None
    old, new = parse(change.before or ""), parse(change.after)
    if new is None or old is None:
        return None
    disguised = disguised_name(new)
    if disguised is not None and disguised != disguised_name(old):
        return (
            f"the name {disguised!r} mixes letters of two scripts that look the same.",
            "Use plain letters.",
        )
    if room.is_test(change.path):
        return _in_test(room, change, old, new)
    return _in_product(change, old, new) or _unmeasured(room, change)


def _in_test(room: CleanRoom, change: Change, old: ast.Module, new: ast.Module) -> tuple[str, str] | None:
    hint = "Test the code by calling it and asserting on what it returns; leave the test runner alone."
    for name in sorted(_added_calls(old, new) & _STOPPERS):
        return f"a test calls {name}, which can end or deceive the test run.", hint
    if not is_test_module(change.path) or change.before is None:
        for name in sorted(set(all_functions(new)) - set(all_functions(old))):
            if name.startswith("pytest_"):
                return f"it defines the hook {name}, which changes how tests are run.", hint
    there_before = {ast.dump(node) for node in old.body}
    for node in new.body:
        if ast.dump(node) in there_before or ast.unparse(node).replace("'", '"') in _PYTESTER:
            continue
        for target in _assigned(node):
            if target in {"pytest_plugins", "collect_ignore", "collect_ignore_glob"}:
                return f"it sets {target}, which changes how tests are found or run.", hint
            if "." in target and _imported(new).get(target.split(".")[0]) in _judged_modules(room):
                return f"it replaces {target} for every test that follows.", hint
    places = sorted(text for text in _texts(new) - _texts(old) if text.startswith((WORKSPACE, f"{HOME}/")))
    if places:
        return f"it names {places[0]!r}, a place that only the judge has.", hint
    written = _written_paths(new) - _written_paths(old)
    if written:
        return f"it writes {sorted(written)[0]!r}, a file that decides how tests are run or counted.", hint
    return None


def _in_product(change: Change, old: ast.Module, new: ast.Module) -> tuple[str, str] | None:
    hint = "The product must not know that it is tested: make the code right for every caller."
    assert change.after is not None
    before = change.before or ""
    known = {match[0] for match in _HARNESS.finditer(before)}
    for match in _HARNESS.finditer(change.after):
        if match[0] not in known:
            return f"the product's code looks at the test run ({match[0]!r}).", hint
    for text in sorted(_texts(new) - _texts(old)):
        if _HARNESS_TEXT.fullmatch(text):
            return f"the product's code names {text!r}, as code does that looks for its judge.", hint
    for name in sorted(_added_calls(old, new) & _STOPPERS_IN_PRODUCT):
        return f"the product's code calls {name}, which can end or deceive a test run.", hint
    added = _imported_modules(new) - _imported_modules(old)
    for module in sorted(
        added & {"pytest", "_pytest", "unittest", "coverage", "doctest", "hypothesis", "nose"}
    ):
        return f"the product's code imports {module}.", hint
    return None


def _unmeasured(room: CleanRoom, change: Change) -> tuple[str, str] | None:
    """A mark that leaves code out of what is measured, in a product that does not use such marks.

    Where it does they are its habit, and hide nothing: no measurement of ours heeds them.
    """
    hidden = [match[0] for match in _PRAGMA.finditer(change.after or "")]
    if len(hidden) <= len(_PRAGMA.findall(change.before or "")):
        return None
    base = room.base_tree.python
    usual = any(_USUAL_PRAGMA.search(text) for path, text in base.items() if not room.is_test(path))
    if usual and all(map(_USUAL_PRAGMA.match, hidden)):
        return None
    hint = "The product must not know that it is tested: make the code right for every caller."
    return f"the product's code hides from measurement ({hidden[-1]!r}).", hint


def _texts(tree: ast.Module) -> set[str]:
    """Texts of the code, put together where they stand in pieces; docstrings are none."""
    told = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return {text for _, text in texts_in(tree) if text not in told}


def _added_calls(old: ast.Module, new: ast.Module) -> set[str]:
    return _calls(new) - _calls(old)


def _calls(tree: ast.Module) -> set[str]:
    """Dotted names of everything mentioned, with `from os import _exit` seen through."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {
                one.asname or one.name.split(".")[0]: one.name if one.asname else one.name.split(".")[0]
                for one in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            aliases |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    found: set[str] = set()
    for node in ast.walk(tree):
        name = _dotted(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if name:
            root, _, rest = name.partition(".")
            full = aliases.get(root, root)
            found.add(f"{full}.{rest}" if rest else full)
        if isinstance(node, ast.Call) and _dotted(node.func) in {"getattr", "__import__"} and node.args:
            words = [
                one.value
                for one in ast.walk(node)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            found |= {stopper for stopper in _UNMISTAKABLE if stopper.split(".")[-1] in words}
    return found


def _dotted(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _assigned(node: ast.stmt) -> list[str]:
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AugAssign | ast.AnnAssign)
        else []
    )
    names = [_dotted(target) for target in targets]
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and _dotted(node.value.func) == "setattr"
    ):
        arguments = node.value.args
        if len(arguments) >= 2 and isinstance(arguments[1], ast.Constant):
            attribute = str(arguments[1].value)
            names.append(f"{_dotted(arguments[0])}.{attribute}")
    return [name for name in names if name]


def _imported(tree: ast.Module) -> dict[str, str]:
    """Top-level package by the name it has in this file."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(one.asname or one.name).split(".")[0]: one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {one.asname or one.name: node.module.split(".")[0] for one in node.names}
    return found


def _judged_modules(room: CleanRoom) -> set[str]:
    """The repository's own packages, and the test runner."""
    roots = [root for root in (room.base, room.base / "src") if root.is_dir()]
    own = {path.stem for root in roots for path in root.iterdir() if path.is_dir() or path.suffix == ".py"}
    return (own - {"src", "tests", "test"}) | {"pytest", "_pytest", "builtins"}


def _imported_modules(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _written_paths(tree: ast.Module) -> set[str]:
    """Names of deciding files in functions that also write files."""
    found: set[str] = set()
    for node in tree.body:
        parts = list(ast.walk(node))
        writes = not _TEMPORARY.search(ast.unparse(node)) and any(
            isinstance(one, ast.Call)
            and (
                (isinstance(one.func, ast.Attribute) and one.func.attr in _WRITERS)
                or (_dotted(one.func) in {"open", "io.open"} and _opens_for_writing(one))
            )
            for one in parts
        )
        if writes:
            texts = {
                one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
            found |= {text for text in texts if len(text) < 200 and _DECIDING_WORDS.search(text)}
    return found


def _opens_for_writing(call: ast.Call) -> bool:
    modes = [
        one.value
        for one in [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
        if isinstance(one, ast.Constant)
    ]
    return any(isinstance(mode, str) and set(mode) & set("wax+") for mode in modes)
