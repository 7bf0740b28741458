"""Inputs beside those of the tests, tried on base and on the change: what does the change do to them?

A fix whose branch or table answers just the reproducer's input makes the test pass and repairs nothing. (Only
texts are tried there: a number beside a limit may well be the only one that was wrong.) A refactoring that
gives another answer to any input is none.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_test, module_name
from nightcrew.validation.reading.constants import texts_in
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


def answers_only_its_tests(room: CleanRoom) -> str:
    """What shows that a fix changes nothing but the tests' own inputs; empty: it repairs more."""
    for change in room.changes:
        if is_test(change.path) or not change.path.endswith(".py") or not change.before or not change.after:
            continue
        told = _added_answer(room, change)
        calls = list(_calls(room, change)) if told else []
        if calls and _nothing_beside(room, change.path, calls):
            return f"{change.path} gives new answers to {calls[0][0]} and to nothing like it ({told})"
    return ""


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


def _nothing_beside(room: CleanRoom, path: str, calls: list[tuple[str, list[str]]]) -> bool:
    """True where a call is answered otherwise than on base, and none of those beside it is."""
    words = [call for own, beside in calls for call in (own, *beside)]
    before, after = (_answers(room, tree, path, words) for tree in (room.base, room.patched))
    if before is None or after is None:
        return False
    differs = {word: one != other for word, one, other in zip(words, before, after, strict=True)}
    changed = [(own, beside) for own, beside in calls if differs[own]]
    return bool(changed) and not any(differs[one] for _, beside in changed for one in beside)


def _answers(room: CleanRoom, tree: Path, path: str, calls: list[str]) -> list[str] | None:
    job = {"module": module_name(path), "calls": calls}
    done = run_command(room, tree, f"exec python -c '{_TRY}'", stdin=json.dumps(job).encode())
    try:
        told = json.loads(done.stdout)
    except ValueError:
        return None
    return told if isinstance(told, list) and len(told) == len(calls) else None


def _added_answer(room: CleanRoom, change: Change) -> str:
    """A new branch, table or comparison that holds one of the tests' own values, as a person reads it."""
    old, new = parse(change.before or ""), parse(change.after or "")
    if old is None or new is None:
        return ""
    wanted = _texts_of_tests(room)
    known = {ast.dump(node) for node in ast.walk(old)}
    for node in ast.walk(new):
        if (
            isinstance(node, ast.If | ast.IfExp | ast.Dict | ast.match_case | ast.Try)
            and ast.dump(node) not in known
        ):
            held = {text for _, text in texts_in(node)} - {text for _, text in texts_in(old)}
            if held & wanted:
                return ast.unparse(node).split("\n")[0][:100]
    return ""


def _texts_of_tests(room: CleanRoom) -> set[str]:
    return {text for tree in _test_trees(room) for _, text in texts_in(tree) if len(text) >= LEAST_TEXT}


def _test_trees(room: CleanRoom) -> Iterator[ast.Module]:
    for change in room.changes:
        tree = parse(change.after) if change.after and is_test(change.path) else None
        if tree is not None and change.path.endswith(".py"):
            yield tree


def _calls(room: CleanRoom, change: Change) -> Iterator[tuple[str, list[str]]]:
    """Calls of the file's functions with literals, from the tests, each with calls beside it."""
    tree = parse(change.after or "")
    own = (
        {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} if tree is not None else set()
    )
    seen: set[str] = set()
    for node in (node for tree in _test_trees(room) for node in ast.walk(tree)):
        if not isinstance(node, ast.Call) or len(seen) >= MOST_CALLS:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in own and len(node.args) == 1 and isinstance(node.args[0], ast.Name) and not node.keywords:
            # A parametrised test: its table holds the input somewhere.
            for text in sorted(_texts_of_tests(room))[:MOST_CALLS]:
                seen.add(f"{name}({text!r})")
                yield f"{name}({text!r})", [f"{name}({other!r})" for other in neighbours(text)]
            continue
        if name not in own or not _is_literal([*node.args, *(word.value for word in node.keywords)]):
            continue
        written = f"{name}({_arguments(node)})"
        beside = [f"{name}({told})" for told in _beside(node)]
        if beside and written not in seen:
            seen.add(written)
            yield written, beside


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
