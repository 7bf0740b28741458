"""Static: the changed files parse, their imports exist, and ruff and mypy find no new errors in them."""

import ast
import importlib.machinery
import re
import sys
from io import BytesIO
from pathlib import Path
from tokenize import detect_encoding

from nightcrew.untrusted import text_of
from nightcrew.validation.change.change import Change
from nightcrew.validation.gate import Gate, counted, failed, not_measurable, passed, unproven
from nightcrew.validation.gates.ruff_findings import DECISIVE, new_findings, only_described, ruff_findings
from nightcrew.validation.reading.suite import nodes_of, parse, walk
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.type_errors import compare_types
from nightcrew.validation.verdict import GateResult

NAME = "static"
_IMPORTS = ast.Import | ast.ImportFrom


class Static(Gate):
    """Reads the change without running it."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reports the first file that cannot work; else passes."""
        files = [one for one in room.changes if one.path.endswith(".py") and one.after is not None]
        results = (result for one in files if (result := _unreadable(one) or _unimportable(room, one)))
        return next(results, None) or self._checked(room, files)

    def _checked(self, room: CleanRoom, files: list[Change]) -> GateResult:
        found = ruff_findings(room, files)
        if found is None:
            message = "ruff did not get to the end of the change within its limits."
            return not_measurable(NAME, message, "Make the change smaller.")
        new = [(one.path, *finding) for one in files for finding in new_findings(room, found, one)]
        harmless = {one.path: only_described(one.after) for one in files}
        errors = [one for one in new if one[1].startswith(DECISIVE) and one[2] not in harmless[one[0]]]
        if errors:
            return _refused(*errors[0])
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
        if new:  # no error in itself, so that it may be meant
            path, rule, message = new[0]
            return unproven(_refused(path, rule, message), f"{message} ({rule})", path)
        message = f"{counted(len(files), 'Python file')} parsed; imports exist; no new errors."
        return passed(NAME, message, types=types.how)


def _unreadable(change: Change) -> GateResult | None:
    """The result for a file that Python or the gates cannot read."""
    if not _is_utf_8(change.after) and not _is_utf_8(change.before):
        message = f"{change.path} is not UTF-8 on base either; the gates read UTF-8 only."
        return not_measurable(NAME, message, "Convert the file to UTF-8 on base first.")
    if problem := _syntax(change) or _other_encoding(change):
        hint = "Write Python that parses, in UTF-8."
        return failed(NAME, problem, hint, evidence={"path": change.path})
    return None


def _unimportable(room: CleanRoom, change: Change) -> GateResult | None:
    """The result for a file with an import that does not exist.

    Models invent packages; found here, it costs no run of the suite.
    """
    missing = _unresolved(room, change)
    if not missing:
        return None
    # Base needs it too, so that the environment is at fault and not this change.
    if _is_lacking_on_base(room, missing):
        message = f"{change.path} imports {missing}; so do files of base, and it is not installed."
        return not_measurable(NAME, message, f"Let `setup` in nightcrew.toml install {missing}.")
    message = f"{change.path} imports {missing}, which exists neither in the repository nor its environment."
    hint = f"Do not import {missing}; use what the repository and its environment have."
    return failed(NAME, message, hint, evidence={"path": change.path, "import": missing})


def _refused(path: str, rule: str, message: str) -> GateResult:
    text = f"{path}: {message} ({rule})."
    return failed(NAME, text, "Repair this before anything else.", evidence={"path": path, "rule": rule})


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
