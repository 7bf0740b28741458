"""Prints figures about the shape of the source tree: sizes, circles of imports, comments, repeated lines.

    python scripts/house.py [FOLDER]

FOLDER is another checkout to compare with this one, such as a worktree of an earlier commit. Complexity and
unused code are measured by radon and vulture.
"""

import ast
import io
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import grimp

ROOTS = ("src", "flows", "blocks", "deployments")
LONGEST_FUNCTION = 50
RUN = 6  # lines


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
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and "noqa" not in token.string for token in tokens)


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
