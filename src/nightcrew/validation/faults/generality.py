"""Inputs beside those of the tests, tried on base and on the change: what does the change do to them?

A fix whose branch or table answers just the reproducer's input makes the test pass and repairs nothing. (Only
texts are tried there: a number beside a limit may well be the only one that was wrong.) A refactoring that
gives another answer to any input is none.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from nightcrew.validation.change.paths import is_test, module_name
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command

MOST_CALLS, MOST_TRIED = 12, 400
LEAST_TEXT = 3
_TRY = """
import importlib, json, os, sys
job = json.load(sys.stdin)
out = os.dup(1)
os.dup2(2, 1)
module = importlib.import_module(job["module"])
told = []
for call in job["calls"]:
    try:
        told.append(repr(eval("_module." + call, {"_module": module}))[:500])
    except Exception as error:
        told.append(type(error).__name__)
with os.fdopen(out, "w") as stream:
    json.dump(told, stream)
"""


def first_difference(room: CleanRoom) -> str:
    """A call of a changed file's function that is answered otherwise than on base; empty: none was found."""
    tests = [
        path for path in sorted(room.base.rglob("*.py")) if is_test(path.relative_to(room.base).as_posix())
    ]
    trees = [
        tree for path in tests if not path.is_symlink() and (tree := parse(path.read_text(errors="replace")))
    ]
    for change in room.changes:
        if not change.path.endswith(".py") or not change.before or not change.after:
            continue
        own = _own_functions(change.before) & _own_functions(change.after)
        words = list(dict.fromkeys(call for tree in trees for call in _tried(tree, own)))[:MOST_TRIED]
        if not words:
            continue
        answers = [_answers(room, tree, change.path, words) for tree in (room.base, room.base, room.patched)]
        if any(one is None for one in answers):
            continue
        for word, before, again, after in zip(words, *(one or [] for one in answers), strict=True):
            if before == again != after and " at 0x" not in before:
                return f"{word} gave {before[:80]} and gives {after[:80]}"
    return ""


def _tried(tree: ast.Module, own: set[str]) -> Iterator[str]:
    """Calls of these functions with literals, and calls with one of the literals a little otherwise."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in own and _is_literal([*node.args, *(word.value for word in node.keywords)]):
            yield f"{name}({_arguments(node)})"
            for told in _beside(node, numbers=True):
                yield f"{name}({told})"


def _own_functions(text: str) -> set[str]:
    tree = parse(text)
    return (
        {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} if tree is not None else set()
    )


def _arguments(node: ast.Call) -> str:
    return ", ".join(map(ast.unparse, [*node.args, *node.keywords]))


def _answers(room: CleanRoom, tree: Path, path: str, calls: list[str]) -> list[str] | None:
    job = {"module": module_name(path), "calls": calls}
    done = run_command(room, tree, f"exec python -c '{_TRY}'", stdin=json.dumps(job).encode())
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return None
    return told if isinstance(told, list) and len(told) == len(calls) else None


def _is_literal(parts: list[ast.expr]) -> bool:
    try:
        return all(ast.literal_eval(part) is not ... for part in parts)
    except (ValueError, TypeError, SyntaxError):
        return False


def _beside(node: ast.Call, *, numbers: bool = False) -> Iterator[str]:
    """The arguments with one of the texts (or numbers) among them a little otherwise."""
    held = [*node.args, *(word.value for word in node.keywords)] if numbers else node.args
    for part in (part for argument in held for part in ast.walk(argument)):
        whole = part.value if isinstance(part, ast.Constant) else None
        if not isinstance(part, ast.Constant) or isinstance(whole, bool):
            continue
        others: list[str | int | float] = []
        if isinstance(whole, str) and len(whole) >= (1 if numbers else LEAST_TEXT):
            others = [*neighbours(whole)]
        elif isinstance(whole, int | float) and numbers:
            others = [whole - 1, whole + 1, whole * 10, 0]
        for other in others:
            part.value = other
            yield _arguments(node)
        part.value = whole


def neighbours(text: str) -> list[str]:
    """Texts like `text`: other letters and digits in the same places, a little more, a little less."""
    turned = "".join(_turned(char) for char in text)
    middle = len(text) // 2
    some = text[:middle] + _turned(text[middle]) + text[middle + 1 :]
    found = [
        turned,
        some,
        text[:-1] + _turned(text[-1]),
        _turned(text[0]) + text[1:],
        f"{text} ",
        text.swapcase(),
    ]
    return [one for one in dict.fromkeys([*found, text[:-1], text + text[-1]]) if one != text]


def _turned(char: str) -> str:
    """The next letter or digit; other characters stay."""
    if char.isdigit() and char.isascii():
        return str((int(char) + 1) % 10)
    if char.isalpha() and char.isascii():
        first = "a" if char.islower() else "A"
        return chr((ord(char) - ord(first) + 1) % 26 + ord(first))
    return char
