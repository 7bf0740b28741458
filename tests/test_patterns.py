"""No regular expression of the library takes more than linear time, whatever untrusted text it is given.

The patterns are found by walking the library, and each is attacked by texts that are made from it: for each
of its repetitions, what comes before that, very many of what it repeats, and an end that does not match.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import nightcrew

SIZES = (25, 300, 12_000)
"""Characters; the small ones come first, since what is exponential would never end."""
MOST_CPU_SECONDS = 0.1  # linear ones take a thousandth
WHOLE = ("match", "fullmatch")
METHODS = {*WHOLE, "search", "sub", "subn", "findall", "finditer", "split"}
CHARACTERS = "a0 \n\t-_.,:;/\\\"'`#*()[]{}<>=+|&%$@!?~^A\r"
LIBRARY = Path(nightcrew.__file__).parent
ELSEWHERE = ("testing", "rig", "inside", "sandbox_proof")
"""The twin, and what runs in sandboxes only."""


BOUNDED = {"nightcrew.validation.questions.notices._ELISIONS"}
"""Used on lines of less than 200 characters, without two spaces beside each other."""


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages([str(LIBRARY)], "nightcrew."):
        if not set(module.name.split(".")) & {*ELSEWHERE, "__main__", "entry"} and not module.ispkg:
            yield module.name


@cache
def uses() -> list[tuple[str, re.Pattern[str], str]]:
    """Where each pattern is, the pattern, and the method that is called on it."""
    found = []
    for name in modules():
        module = importlib.import_module(name)
        tree = ast.parse(Path(module.__file__ or "").read_text())
        methods: dict[str, set[str]] = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                methods[node.value.id].add(node.attr)
        for name_of_value, value in vars(module).items():
            for pattern in patterns_in(value):
                for method in METHODS & methods[name_of_value] or {"search"}:
                    found.append((f"{name}.{name_of_value}", pattern, method))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(function := node.func, ast.Attribute):
                first = node.args[0] if node.args else None
                if getattr(function.value, "id", "") != "re" or function.attr not in METHODS:
                    continue
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    flags = sum(map(flag, ast.walk(node)))
                    found.append((f"{name}:{node.lineno}", re.compile(first.value, flags), function.attr))
    return found


def patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from patterns_in(item)


def flag(node: ast.AST) -> int:
    if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "re" and node.attr.isupper():
        return int(getattr(re, node.attr))
    return 0


REPEATS = {code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT}


def sample(tree: Any) -> str:
    """A text that the pattern matches, roughly."""
    return "".join(_sample(kind, value) for kind, value in tree)


def _sample(kind: Any, value: Any) -> str:
    if kind is code.LITERAL:
        return chr(value)
    if kind in {code.NOT_LITERAL, code.ANY}:
        return "a" if value != ord("a") else "b"
    if kind is code.IN:
        return members(value)[:1]
    if kind is code.BRANCH:
        return sample(value[1][0])
    if kind is code.SUBPATTERN:
        return sample(value[3])
    if kind is code.ATOMIC_GROUP:
        return sample(value)
    return sample(value[2]) * value[0] if kind in REPEATS else ""


@cache
def _members(shown: str) -> str:
    return "".join(filter(re.compile(shown, re.DOTALL).match, CHARACTERS))


def members(items: Any) -> str:
    """The characters of a class, of those that matter."""
    inside = ""
    for kind, value in items:
        if kind is code.LITERAL:
            inside += re.escape(chr(value))
        elif kind is code.RANGE:
            inside += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif kind is code.CATEGORY:
            letter = str(value).rpartition("_")[2][0].lower()
            inside += f"\\{letter.upper() if 'NOT' in str(value) else letter}"
    negated = items[0][0] is code.NEGATE
    return _members(f"[{'^' if negated else ''}{inside}]")


def repetitions(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """What comes before each long repetition, and what it repeats."""
    for kind, value in tree:
        if kind in REPEATS:
            _, most, inner = value
            if most >= SIZES[-1]:
                single = list(inner)
                is_class = len(single) == 1 and single[0][0] is code.IN
                for piece in members(single[0][1]) if is_class else (sample(inner),):
                    yield before, piece
            yield from repetitions(inner, before)
        elif kind is code.BRANCH:
            for branch in value[1]:
                yield from repetitions(branch, before)
        elif kind in {code.SUBPATTERN, code.ATOMIC_GROUP}:
            yield from repetitions(value[3] if kind is code.SUBPATTERN else value, before)
        before += _sample(kind, value)


def attacks(pattern: re.Pattern[str]) -> Iterator[str]:
    found = [one for one in repetitions(parser.parse(pattern.pattern, pattern.flags)) if one[1]]
    for size in SIZES:
        for before, piece in found:
            many = piece * (size // len(piece))
            yield from (f"{before}{many}\0", f"{many}\0", f"\n{before}{many}\n\0")
            for unit in (before + piece, before + 50 * piece):
                yield unit * (size // len(unit)) + "\0"


def _seconds(act: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    act(text)
    return time.process_time() - began


def slowest(pattern: re.Pattern[str], method: str) -> tuple[float, str]:
    act = getattr(pattern, method if method in WHOLE else "search")
    worst = 0.0, ""
    for text in dict.fromkeys(attacks(pattern)):
        seconds = _seconds(act, text)
        if MOST_CPU_SECONDS < seconds < 1:
            seconds = min(seconds, _seconds(act, text))  # the machine may have been busy
        worst = max(worst, (seconds, text[:40]))
        if worst[0] > MOST_CPU_SECONDS:
            break
    return worst


def test_no_pattern_takes_more_than_linear_time() -> None:
    slow = {}
    for where, pattern, method in (one for one in uses() if one[0] not in BOUNDED):
        seconds, text = slowest(pattern, method)
        if seconds > MOST_CPU_SECONDS:
            slow[where] = f"{method} of {pattern.pattern[:80]!r} takes {seconds:.2f} s for {text!r}..."
    assert slow == {}
    assert len(uses()) > 200


@pytest.mark.parametrize("text", [r"^\s*x", r"\s+#", r"(a|a)*b", r"(a+)+b"])
def test_what_is_slow_is_seen(text: str) -> None:
    assert slowest(re.compile(text, re.MULTILINE), "search")[0] > MOST_CPU_SECONDS
