"""What a module holds besides its functions: the plain values of its names, seen by importing it."""

import json
from pathlib import Path

from nightcrew.validation.change.paths import module_name
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command

_LOOK = """
import importlib, json, os, re, sys
out = os.dup(1)
os.dup2(2, 1)

def plain(value, depth=0):
    if depth > 6:
        raise ValueError
    if value is None or type(value) in (bool, int, float, complex, str, bytes):
        return repr(value)
    if type(value) in (list, tuple):
        return type(value).__name__ + "(" + ", ".join(plain(one, depth + 1) for one in value) + ")"
    if type(value) in (set, frozenset):
        return type(value).__name__ + "(" + ", ".join(sorted(plain(one, depth + 1) for one in value)) + ")"
    if type(value) is dict:
        pairs = (plain(key, depth + 1) + ": " + plain(held, depth + 1) for key, held in value.items())
        return "dict(" + ", ".join(pairs) + ")"
    if isinstance(value, re.Pattern):
        return "re.compile(" + repr(value.pattern) + ", " + str(value.flags) + ")"
    raise ValueError

def look(holder, prefix, found):
    for name, value in vars(holder).items():
        if name in ("__doc__", "__file__", "__cached__", "__builtins__", "__path__", "__firstlineno__"):
            continue
        if isinstance(value, type) and value.__module__ == module.__name__ and not prefix:
            look(value, name + ".", found)
            continue
        try:
            found[prefix + name] = plain(value)
        except ValueError:
            pass
    return found

module = importlib.import_module(sys.argv[1])
with os.fdopen(out, "w") as stream:
    json.dump(look(module, "", {}), stream)
"""


def plain_values(room: CleanRoom, tree: Path, path: str) -> dict[str, str] | None:
    """The values of a module's and its classes' names as text; None where it cannot be imported.

    Names whose values are not plain (objects, functions, modules) are left out.
    """
    command = f"exec python -c '{_LOOK}' {module_name(path)}"
    completed = run_command(room, tree, command)
    try:
        told = json.loads(completed.stdout)
    except ValueError:
        return None
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else None
