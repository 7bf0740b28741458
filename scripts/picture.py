"""Draws the rooms and their imports for `docs/architecture.md`, from the code itself.

python scripts/picture.py [--write]

Prints a Mermaid block; `--write` puts it into the page.
"""

import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
START, END = "```mermaid\n", "```\n"


def main() -> None:
    block = START + picture(imports()) + END
    if "--write" in sys.argv[1:]:
        before, _, rest = PAGE.read_text().partition(START)
        PAGE.write_text(before + block + rest.partition(END)[2])
    else:
        print(block, end="")


def imports() -> dict[str, set[str]]:
    """For each room, the other rooms its files import, not counting what only type checkers read."""
    sys.path.insert(0, str(ROOT))  # flows, blocks and deployments are not installed
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    graph = grimp.build_graph(*rules["root_packages"], exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {room(module): set() for module in graph.modules}
    for module in graph.modules:
        targets = graph.find_modules_directly_imported_by(module)
        found[room(module)] |= {room(target) for target in targets} - {room(module)}
    return {name: targets for name, targets in found.items() if name != "nightcrew"}


def room(module: str) -> str:
    """What lies directly below `nightcrew`; flows, blocks and deployments are rooms by themselves."""
    parts = module.split(".")
    return parts[1] if parts[0] == "nightcrew" and len(parts) > 1 else parts[0]


def picture(rooms: dict[str, set[str]]) -> str:
    """Mermaid's text. Raises `graphlib.CycleError` where rooms import each other in a circle."""
    below: dict[str, set[str]] = {}
    for name in TopologicalSorter(rooms).static_order():
        below[name] = rooms.get(name, set()).union(*(below[target] for target in rooms.get(name, ())))
    lines = []
    for name, targets in sorted(rooms.items()):
        followed = set().union(*(below[target] for target in targets))
        lines += [f"    {name} --> {target}\n" for target in sorted(targets - followed)]
    return "flowchart TD\n" + "".join(lines)


if __name__ == "__main__":
    main()
