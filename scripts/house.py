"""Prints figures about the shape of the source tree: sizes, circles of imports, comments, repeated lines.

    python scripts/house.py [FOLDER]

FOLDER is another checkout to compare with this one, such as a worktree of an earlier commit.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

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


if __name__ == "__main__":
    main([Path(__file__).resolve().parents[1], *map(Path, sys.argv[1:])])
