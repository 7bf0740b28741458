"""Prints figures about the shape of the source tree: sizes, circles of imports, comments, repeated lines.

    python scripts/house.py [FOLDER]

FOLDER is another checkout to compare with this one, such as a worktree of an earlier commit. Complexity and
unused code are measured by radon and vulture.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import grimp
from radon.complexity import cc_visit

ROOTS = ("src", "flows", "blocks", "deployments")
LONGEST_FUNCTION = 50
RUN = 6  # lines
HARDEST = 20
WORDS = re.compile(r"[a-z]{2} (?!.*\bnoqa\b)")
"""A comment that explains: neither a ruled line nor an instruction to a tool."""


def main(places: Sequence[Path]) -> None:
    for place in places:
        files = [file for root in ROOTS for file in sorted((place / root).rglob("*.py"))]
        texts = [file.read_text() for file in files]
        lines = sum(len(text.splitlines()) for text in texts)
        print(f"{place}: {len(files)} files, {lines} lines")
        folder, most = Counter(file.parent for file in files).most_common(1)[0]
        print(f"  most files in a folder       {most} ({folder.relative_to(place)})")
        long = [name for text in texts for name, length in functions(text) if length > LONGEST_FUNCTION]
        print(f"  functions above {LONGEST_FUNCTION} lines     {len(long)} {' '.join(long)}")
        print(f"  files above 300 lines        {sum(len(text.splitlines()) > 300 for text in texts)}")
        print(f"  comments in 100 lines        {100 * sum(map(comments, texts)) / lines:.1f}")
        print(f"  in the {HARDEST} hardest modules   {commented(hardest(place, files))}")
        print(f"  repeated runs of {RUN} lines    {repeated(texts)}")
        print(f"  files in import circles      {counted(circles(place))}")
        print(f"  radon grade D or worse       {reported('radon', 'cc', '--min', 'D', place=place)}")
        print(f"  vulture, 80 % sure           {reported('vulture', '--min-confidence', '80', place=place)}")


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and length of every function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def comments(text: str) -> int:
    """Lines of comments that explain something."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and WORDS.search(token.string) is not None for token in tokens)


class Module(NamedTuple):
    name: str
    hardness: int
    """The complexity that radon counts in the module's functions, times its lines of code."""
    code: int
    comments: int


def hardest(place: Path, files: Sequence[Path]) -> list[Module]:
    modules = []
    for file in files:
        text = file.read_text()
        code = len(code_lines(text))
        hardness = sum(block.complexity for block in cc_visit(text) if not hasattr(block, "methods")) * code
        modules.append(Module(str(file.relative_to(place)), hardness, code, comments(text)))
    return sorted(modules, key=lambda module: -module.hardness)[:HARDEST]


def code_lines(text: str) -> set[int]:
    """Numbers of the lines that hold code: no blank lines, comments or docstrings."""
    beside = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in beside:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            found.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def commented(modules: Sequence[Module]) -> str:
    """Comments in 100 lines of code: of all these modules, and of each."""
    share = 100 * sum(module.comments for module in modules) / sum(module.code for module in modules)
    rows = [
        f"{100 * module.comments / module.code:4.1f}  {module.code:4}  {module.name}" for module in modules
    ]
    return "\n    ".join([f"{share:.1f}", *rows])


def repeated(texts: Sequence[str]) -> int:
    """Runs of lines, imports and blank lines left out, that stand in the tree more than once."""
    runs: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if len(line) > 3 and not line.startswith(("import ", "from ", "#"))]
        runs.update(tuple(lines[start : start + RUN]) for start in range(len(lines) - RUN + 1))
    return sum(count > 1 for count in runs.values())


def circles(place: Path) -> list[str]:
    """Modules that import themselves by way of others; imports that only type checkers read do not count."""
    own = [str(place / "src"), str(place)]
    sys.path[:0] = own
    try:
        packages = ["nightcrew", *(root for root in ROOTS if root != "src")]
        graph = grimp.build_graph(*packages, exclude_type_checking_imports=True, cache_dir=None)
    finally:
        del sys.path[: len(own)]
    # Python runs a package's `__init__` before it imports a module from there.
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            for package in parents(target) & graph.modules - parents(module) - {module}:
                graph.add_import(importer=module, imported=package)
    # A module never appears in its own closure, so the closures of what it imports are searched.
    return sorted(
        module
        for module in graph.modules
        if any(
            module in graph.find_upstream_modules(target)
            for target in graph.find_modules_directly_imported_by(module)
        )
    )


def parents(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def reported(tool: str, *arguments: str, place: Path) -> str:
    """What a tool reports about the source tree; lines that name a file only are left out."""
    command = [sys.executable, "-m", tool, *arguments, *ROOTS]
    done = subprocess.run(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return counted([line.strip() for line in done.stdout.splitlines() if " " in line])


def counted(found: Sequence[str]) -> str:
    return "\n    ".join([str(len(found)), *found])


if __name__ == "__main__":
    main([Path(__file__).resolve().parents[1], *map(Path, sys.argv[1:])])
