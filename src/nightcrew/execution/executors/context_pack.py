"""The files for a model that cannot explore the repository: the most relevant first, within a limit.

The whole target, then its tests, the repository's own modules that it imports, and a list of files.
"""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from nightcrew.execution.checkout.reading import files_of, read_text
from nightcrew.untrusted import Unreadable, parse_python

CHARACTERS_PER_TOKEN = 3  # code has fewer characters per token than prose
_LIST_CHARACTERS = 6_000
_NEIGHBOURS = 6


class Pack(NamedTuple):
    """The text shown to a model, and the files in it."""

    text: str
    files: tuple[str, ...]


def context_pack(tree: Path, target: str | None, characters: int) -> str:
    """Files of the repository as blocks with headings, at most about `characters` long."""
    return gather(tree, target, characters).text


def gather(tree: Path, target: str | None, characters: int) -> Pack:
    """The same, with the names of the included files."""
    names = list(files_of(tree))
    parts: dict[str, str] = {}
    room = characters
    for name in _chosen(tree, target, names):
        # The target may take most of the space; the others share the rest.
        share = room * 7 // 10 if name == target else min(room // 2, 20_000)
        text = read_text(tree, name, share) if share > 500 else None
        if text is not None:
            parts[name] = _block(name, text)
            room -= len(parts[name])
    listed = _list(names, min(_LIST_CHARACTERS, max(room, 0)))
    return Pack("\n\n".join([f"Files of the repository:\n{listed}", *parts.values()]), tuple(parts))


# ---------------------------------------------------------------------------------------------------------


def _chosen(tree: Path, target: str | None, names: list[str]) -> Iterator[str]:
    if target is None:
        yield from [name for name in ("README.md", "README.rst", "pyproject.toml") if name in names]
        return
    known = set(names)
    wanted = [target, *_tests_of(target, names), *_imported(tree, target, known), *_beside(target, names)]
    yield from dict.fromkeys(name for name in wanted if name in known)


def _tests_of(target: str, names: list[str]) -> list[str]:
    """Test files named after the target, or else one file as an example of the repository's tests."""
    stem = PurePosixPath(target).stem.strip("_")
    tests = [name for name in names if _is_test(name)]
    own = [name for name in tests if PurePosixPath(name).stem in {f"test_{stem}", f"{stem}_test"}]
    about = [name for name in tests if stem in PurePosixPath(name).stem]
    fixtures = [name for name in names if PurePosixPath(name).name == "conftest.py"]
    return [*own, *about, *fixtures[:1], *([] if own or about else tests[:1])][:_NEIGHBOURS]


def _is_test(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".py" and (path.stem.startswith("test_") or path.stem.endswith("_test"))


def _imported(tree: Path, target: str, known: set[str]) -> Iterator[str]:
    """The repository's own modules that the target imports."""
    source = read_text(tree, target, 400_000) if target.endswith(".py") else None
    try:
        module = parse_python(source or "")
    except Unreadable:
        return
    for node in ast.walk(module):
        for dotted in _modules(node, target):
            path = dotted.replace(".", "/")
            options = (f"{root}{path}{end}" for root in ("", "src/") for end in (".py", "/__init__.py"))
            yield from (option for option in options if option in known)


def _modules(node: ast.AST, target: str) -> Iterator[str]:
    """The dotted names that an import statement may refer to; relative ones start at the target's folder."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = list(PurePosixPath(target).parts[: -node.level]) if node.level else []
        if above[:1] == ["src"]:
            above = above[1:]
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)


def _beside(target: str, names: list[str]) -> list[str]:
    """The package's `__init__.py`, which shows what is public."""
    return [name for name in names if name == str(PurePosixPath(target).parent / "__init__.py")]


def _block(name: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"### {name}\n{fence}\n{text}{'' if text.endswith('\n') else '\n'}{fence}"


def _list(names: list[str], room: int) -> str:
    lines: list[str] = []
    used = 0
    for name in names:
        used += len(name) + 1
        if used > room:
            return "\n".join([*lines, f"[and {len(names) - len(lines)} more]"])
        lines.append(name)
    return "\n".join(lines)
