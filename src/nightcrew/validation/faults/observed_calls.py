"""Calls like those of the tests, made on base and on the change: what a caller could tell apart is compared.

Value and type, the error, whether a result comes lazily, what became of the arguments, whether the result is
one of them or the same object twice, two time zones, and how the lines that run grow with the input.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.commands import run_command

type Call = dict[str, Any]
"""`name`, `args` and `words` (by keyword) as Python writes them."""

MOST_CALLS = 240
_FASTER_GROWTH = 2.0  # times that of base, from an input to one four times as long
_LOOK = """
import copy, importlib, itertools, json, os, re, resource, signal, sys, time
out = os.dup(1)
os.dup2(2, 1)
told = json.load(sys.stdin)
module = importlib.import_module(told["module"])
address = re.compile(r" at 0x[0-9a-f]+")
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))

class Late(BaseException):
    pass

def late(*_):
    raise Late

def shown(value):
    lazily = hasattr(value, "__next__")
    held = list(itertools.islice(value, 500)) if lazily else value
    text = ("lazily " if lazily else "") + type(value).__name__ + " " + address.sub("", repr(held))
    if type(value).__repr__ is object.__repr__:
        text += " " + address.sub("", repr(getattr(value, "__dict__", "")))
    return text[:600]

def is_shared(value):
    return isinstance(value, (list, dict, set, bytearray))

def answer(function, args, words):
    before = repr([args, words])
    try:
        value = function(*args, **words)
        alias = any(one is value for one in args) and is_shared(value)
        same = is_shared(value) and function(*copy.deepcopy(args), **copy.deepcopy(words)) is value
        text = shown(value) + " which is an argument" * alias + " the same each time" * same
    except Exception as error:
        text = "raises " + type(error).__name__
    return text + ("" if repr([args, words]) == before else " and leaves " + repr([args, words])[:200])

def lines(function, args, words):
    count = [0]
    def trace(*_):
        count[0] += 1
        return trace
    sys.settrace(trace)
    try:
        value = function(*args, **words)
        if hasattr(value, "__next__"):
            list(itertools.islice(value, 100000))
    except Exception:
        return 0
    finally:
        sys.settrace(None)
    return count[0]

def other(value, at):
    plain = {int: lambda: value + 1000 * at, str: lambda: value + str(at), float: lambda: value + at}
    return plain.get(type(value), lambda: value)()

def longer(value, times):
    if isinstance(value, (list, tuple)):
        return type(value)(other(one, at) for at in range(times) for one in value)
    return value * times if isinstance(value, (str, bytes)) else value

def observed(call):
    try:
        function = eval("_module." + call["name"], {"_module": module})
        args = [eval(one, {}) for one in call["args"]]
        words = {key: eval(one, {}) for key, one in call["words"].items()}
    except Exception:
        return ["", 0, 0]
    said = []
    for zone in ("UTC", "Asia/Kathmandu"):
        os.environ["TZ"] = zone
        time.tzset()
        said.append(answer(function, copy.deepcopy(args), copy.deepcopy(words)))
    sizes = [lines(function, [longer(one, times) for one in args], words) for times in (10, 40)]
    return [said[0] if said[0] == said[1] else " / ".join(said), *sizes]

signal.signal(signal.SIGVTALRM, late)
found = []
for call in told["calls"]:
    signal.setitimer(signal.ITIMER_VIRTUAL, 3.0)
    try:
        found.append(observed(call))
    except (Late, MemoryError, RecursionError, SystemExit):
        found.append(["", 0, 0])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.settrace(None)
with os.fdopen(out, "w") as stream:
    json.dump(found, stream)
os._exit(0)
"""


def observed_difference(room: CleanRoom, change: Change) -> str:
    """The first call of a changed file's function that is answered otherwise than on base; empty: none is."""
    own = _functions(change.before) & _functions(change.after)
    calls = list(_calls(room, own))[:MOST_CALLS]
    if not calls:
        return ""
    before, again, after = (
        _look(room, tree, change.path, calls) for tree in (room.base, room.base, room.patched)
    )
    for call, first, second, now in zip(calls, before, again, after, strict=False):
        text = f"{call['name']}({', '.join([*call['args'], *call['words'].values()])})"
        was, now_is = str(first[0]), str(now[0])
        if was and now_is and first[0] == second[0] != now[0]:
            return f"{text} gave {was[:160]} and gives {now_is[:160]}"
        grown = _growth(first), _growth(now)
        if min(grown) > 0 and first == second and grown[1] > _FASTER_GROWTH * grown[0]:
            how = f"runs {grown[1]:.0f} times the lines instead of {grown[0]:.0f} times"
            return f"{text}, with four times the input, {how}"
    return ""


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


# ------------------------------------------------------------------------------------------------------


def _growth(seen: list[object]) -> float:
    small, large = seen[1], seen[2]
    return large / small if isinstance(small, int) and isinstance(large, int) and small > 0 else 0.0


def _functions(text: str | None) -> set[str]:
    tree = parse(text or "")
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef)} if tree is not None else set()


def _calls(room: CleanRoom, own: set[str]) -> Iterator[Call]:
    """Calls with literals from the tests of base, and the same with one of them otherwise; each once."""
    seen: set[str] = set()
    for path in sorted(room.base.rglob("*.py")):
        if path.is_symlink() or not room.is_test(path.relative_to(room.base).as_posix()):
            continue
        tree = parse(path.read_text(errors="replace"))
        for node in ast.walk(tree) if tree is not None else ():
            for call in _of_call(node, own):
                key = json.dumps(call)
                if key not in seen:
                    seen.add(key)
                    yield call


def _of_call(node: ast.AST, own: set[str]) -> Iterator[Call]:
    name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
    if not isinstance(node, ast.Call) or name not in own or any(one.arg is None for one in node.keywords):
        return
    try:
        values = [ast.literal_eval(one) for one in node.args]
        words = {str(one.arg): repr(ast.literal_eval(one.value)) for one in node.keywords}
    except (ValueError, TypeError, SyntaxError):
        return
    args = [repr(one) for one in values]
    yield {"name": name, "args": args, "words": words}
    for at, value in enumerate(values):
        for other in _beside(value):
            yield {"name": name, "args": [*args[:at], repr(other), *args[at + 1 :]], "words": words}


def _beside(value: object) -> Iterator[object]:
    """Empty, negative, large, and foreign values of the same type."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (0, -1, -value, value + 1, 10**12)
        case float():
            yield from (0.0, -value, value / 3, 1e300)
        case str():
            yield from ("", f" {value} ", value * 3, f"é{value}ßİ", value[::-1])
            yield from neighbours(value) if value else ()
        case list():
            yield from ([], value[::-1], value * 3, [*value, *value[:1]])
        case tuple():
            yield from ((), value[::-1])
        case dict():
            yield from ({}, dict(reversed(value.items())))


def _look(room: CleanRoom, tree: Path, path: str, calls: list[Call]) -> list[list[object]]:
    job = json.dumps({"module": module_name(path), "calls": calls}).encode()
    script = _LOOK.replace("'", "'\"'\"'")
    done = run_command(room, tree, f"exec python -c '{script}'", stdin=job)
    try:
        found: list[list[object]] = json.loads(done.stdout)
    except ValueError:
        return []
    return found


def _turned(char: str) -> str:
    """The next letter or digit; other characters stay."""
    if char.isdigit() and char.isascii():
        return str((int(char) + 1) % 10)
    if char.isalpha() and char.isascii():
        first = "a" if char.islower() else "A"
        return chr((ord(char) - ord(first) + 1) % 26 + ord(first))
    return char
