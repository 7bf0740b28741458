"""What a change pretends to do: scripts that only print, code that knows the acceptance command's own values,
parameters that nothing reads."""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from nightcrew.task import TaskType
from nightcrew.validation.change.change import Change
from nightcrew.validation.faults.literals import deciding_literals
from nightcrew.validation.reading.docstrings import parameters
from nightcrew.validation.reading.names import is_text, own_name
from nightcrew.validation.reading.suite import Function, read
from nightcrew.validation.reading.variants import is_idle
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import Finding, Severity

_SAYING = {"", ":", "cd", "echo", "exit", "export", "printf", "set", "sleep", "true"}
_BETWEEN = re.compile(r"&&|\|\||[;{}]")
_DOES = re.compile(r"\$\(|`|[|<]|>(?!&)")  # runs a program, reads or writes something
_WRITTEN = re.compile(r">>?[ \t]*+[\w./-]++")  # the file that a command writes
_ASKS = re.compile(r"\b(?:case|elif|grep|if|test|while)\b|\[")
_OR_NOT = re.compile(r"(?:^|(?<=[|;&()]))([^|;&()]*+)\|\|\s*+(?:true\b|:(?=\s|$)|exit 0\b)")
_ASKING = {
    "[",
    "[[",
    "cmp",
    "command",
    "diff",
    "grep",
    "kill",
    "mkdir",
    "pgrep",
    "read",
    "rm",
    "test",
    "which",
}
_LONG = 2_000  # characters of a line
_FILE_NAME = re.compile(r"(?<![\w-])[\w-]++\.\w{1,5}")


def pretences(room: CleanRoom, changes: list[Change]) -> Iterator[Finding]:
    """Each pretence in changed files of the product."""
    if room.task.task_type is TaskType.BUILD_SCRIPT:
        for one in changes:
            if one.is_new and only_prints(one.path, one.after or ""):
                yield Finding("it only prints what is written in it", one.path)
            for line, text in ignored_failures(one.path, one.before or "", one.after or ""):
                what = f"the failure of `{text}` is ignored"
                yield Finding(what, one.path, line, severity=Severity.UNPROVEN)
    yield from _command_values(room, changes)
    for one in changes:
        if one.path.endswith(".py"):
            yield from _idle_code(one, _interface(room.base_tree.python, one.path))


def only_prints(path: str, text: str) -> bool:
    """True for a script that neither runs a program nor reads anything."""
    if path.endswith(".py"):
        body = read(text).body
        return bool(body) and all(map(_prints, body))
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if _is_makefile(path):
        lines = [line.lstrip("\t@-+ ") for line in lines if line.startswith("\t")]
    elif not path.endswith((".sh", ".bash")) and not text.startswith("#!"):
        return False
    # `echo ok && exit 0` is two commands, and both have to be harmless.
    parts = (part.strip() for line in lines for part in _BETWEEN.split(line))
    first = {part.split(" ")[0] for part in parts}
    return bool(lines) and first <= _SAYING and not any(map(_DOES.search, lines))


def ignored_failures(path: str, before: str, after: str) -> Iterator[tuple[int, str]]:
    """New commands of a script whose failure changes nothing, each with its line; not those that ask
    something by failing, such as `grep`."""
    known = set(before.split("\n"))
    for number, line in enumerate(after.split("\n"), 1):
        # A document may show `|| true` as an example.
        if path.endswith((".py", ".md", ".rst", ".txt")) or line in known or line.lstrip().startswith("#"):
            continue
        found = [match[1].strip() for match in _OR_NOT.finditer(line[:_LONG])]
        if _is_makefile(path) and (recipe := line.lstrip("\t@ ")).startswith("-") and line[:1] == "\t":
            found.append(recipe[1:].strip())
        for command in found:
            if command and command.split(" ")[0] not in _ASKING:
                yield number, command[:60]


def unread_parameters(before: str, after: str) -> Iterator[tuple[str, str, int]]:
    """New parameters of module-level functions that their bodies do not read: name, function and line."""
    old = {node.name: node for node in _functions(before)}
    for node in _functions(after):
        known = parameters(old[node.name]) if node.name in old else set()
        star = {one.arg for one in (node.args.vararg, node.args.kwarg) if one is not None}
        names = {one.id for part in node.body for one in ast.walk(part) if isinstance(one, ast.Name)}
        # A decorator or `locals()` may read what the body does not; a stub promises nothing.
        if node.decorator_list or "locals" in names or all(map(_is_empty, node.body)):
            continue
        for name in sorted(parameters(node) - known - star - names):
            if not name.startswith("_"):
                yield name, node.name, node.lineno


# ------------------------------------------------------------------------------------------------------


def _idle_code(change: Change, interface: dict[str, set[str]]) -> Iterator[Finding]:
    """Findings where a request is pretended to be met: parameters that nothing reads, and functions that only
    return None. `interface`: functions that modules beside this one have, with their parameters."""
    before, after, path = change.before or "", change.after or "", change.path
    known = {node.name for node in _functions(before)}
    for name, function, line in unread_parameters(before, after):
        if function in known or name not in interface.get(function, ()):
            what = f"nothing reads the parameter {name!r} of {function}"
            yield Finding(what, path, line, severity=Severity.UNPROVEN)
    for node in _functions(after):
        if is_idle(node) and node.name not in {*known, *interface} and not node.decorator_list:
            yield Finding(f"{node.name} does nothing", path, node.lineno, severity=Severity.UNPROVEN)


def _interface(texts: Mapping[str, str], path: str) -> dict[str, set[str]]:
    """What base's other modules of a folder have: parameters by function. One that is called in place of
    another takes what that one takes."""
    folder = PurePosixPath(path).parent
    beside = (
        text for other, text in texts.items() if other != path and PurePosixPath(other).parent == folder
    )
    found: dict[str, set[str]] = {}
    for node in (one for text in beside for one in _functions(text)):
        found[node.name] = found.get(node.name, set()) | parameters(node)
    return found


def _is_makefile(path: str) -> bool:
    return PurePosixPath(path).name.lower() in ("makefile", "gnumakefile")


def _command_values(room: CleanRoom, changes: list[Change]) -> Iterator[Finding]:
    """A finding where the new code decides only by values that the acceptance command contains."""
    command, asked = room.task.acceptance or "", room.task.description
    values = _values_of(command)
    # A value that the task itself names has to be in the code.
    deciding = {one for one in deciding_literals(room) if _text(one) not in asked}
    if deciding and deciding <= values:
        path = next((one.path for one in changes if one.path.endswith(".py")), changes[0].path)
        what = f"the code decides by {sorted(deciding)[0][:60]}, which the acceptance command contains"
        yield Finding(what, path, severity=Severity.UNPROVEN)
    yield from _command_files(room, changes)


def _command_files(room: CleanRoom, changes: list[Change]) -> Iterator[Finding]:
    """A finding where a script asks about a file that only the acceptance command names."""
    command, asked = room.task.acceptance or "", room.task.description
    # The command may well name the script and what it writes; only a file that is neither betrays the check.
    known = {PurePosixPath(one.path).name for one in room.changes}
    files = {one for one in _FILE_NAME.findall(command) if one not in asked} - known
    for one in changes:
        lines = (_WRITTEN.sub("", line[:_LONG]) for line in (one.after or "").split("\n"))
        lines = (line for line in lines if _ASKS.search(line))
        named = sorted(files & {name for line in lines for name in _FILE_NAME.findall(line)})
        texts = room.base_tree.texts("").values() if named else ()
        named = [name for name in named if not any(name in text for text in texts)]
        if named and not one.path.endswith(".py"):
            what = f"it knows {named[0]}, which only the acceptance command contains"
            yield Finding(what, one.path, severity=Severity.UNPROVEN)


def _values_of(command: str) -> set[str]:
    """The constants of Python code in a command, and its words, in Python's notation."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    nodes = (node for tree in map(read, words) for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {*map(repr, words), *(repr(node.value) for node in nodes)}


def _text(literal: str) -> str:
    value = ast.literal_eval(literal)
    return value if isinstance(value, str) else literal


def _functions(text: str) -> list[Function]:
    return [one for one in read(text).body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]


def _is_empty(node: ast.stmt) -> bool:
    return is_text(node) or isinstance(node, ast.Pass | ast.Raise) or ast.unparse(node) == "..."


def _prints(node: ast.stmt) -> bool:
    """True for a statement that prints constants, ends the program, or does nothing."""
    if is_text(node) or isinstance(node, ast.Pass) or ast.unparse(node) == "import sys":
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    constant = isinstance(call, ast.Call) and all(isinstance(one, ast.Constant) for one in call.args)
    return constant and isinstance(call, ast.Call) and own_name(call.func) in {"print", "exit", "write"}
