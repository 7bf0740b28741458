"""Weaker security in Python: guards that are no longer called, switches, trust lists and numbers."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

from nightcrew.validation.questions.powers import Power, Use
from nightcrew.validation.reading.names import defaults_of, dotted, last_part
from nightcrew.validation.reading.suite import nodes_of, walk
from nightcrew.validation.tables import Table

_TABLE = Table("weaker")
_GUARDS, _TRUSTING, _STRENGTH, _LIFE, _SECRET = (
    _TABLE.pattern("names", key, re.IGNORECASE)
    for key in ("guards", "trusting", "strength", "life", "secret")
)
_REFUSING = _TABLE.pattern("names", "refusing")
_OFF, _ON, _LOSSY = (_TABLE.words("names", key) for key in ("off", "on", "lossy"))
_PRIVATE, _CARRYING = (_TABLE.pattern("names", key, re.IGNORECASE) for key in ("private", "carrying"))
_BROKEN, _SAYING = (_TABLE.words("names", key) for key in ("broken", "saying"))
_SQL = _TABLE.pattern("names", "sql", re.DOTALL)
_PUT_TOGETHER = "SQL that is put together from values"
_MODULE = "the module"
_MODES = {"chmod", "mkdir", "open", "makedirs", "fchmod"}  # that take a file's mode
_OPEN_ADDRESSES = {"0.0.0.0", "::"}  # noqa: S104
_FOR_ALL, _BEYOND_OWNER = 0o002, 0o77  # bits of a file's mode


def weaker(old: ast.Module, new: ast.Module) -> Iterator[Use]:
    """What protects less in `new` than in `old`; a new file has no old text to compare with."""
    before, after = _Guards(old), _Guards(new)
    yield from _fewer_guards(before, after)
    yield from _new_marks(before, after)
    # A list that base does not have trusts nobody more than before.
    for name, (entries, line) in after.trusted.items():
        fresh = sorted(entries - before.trusted.get(name, (entries, 0))[0])
        if fresh:
            names = tuple(ast.literal_eval(one) for one in fresh)
            yield Use(Power.WEAKER, f"{name} also has {', '.join(fresh)[:80]}", line, names)
    for name, (value, line) in after.numbers.items():
        was = before.numbers.get(name, (value, 0))[0]
        if (_STRENGTH.search(name) and value < was) or (_LIFE.search(name) and value >= 2 * was > 0):
            yield Use(Power.WEAKER, f"{name} is {value:g} instead of {was:g}", line)


# ------------------------------------------------------------------------------------------------------


def _fewer_guards(before: "_Guards", after: "_Guards") -> Iterator[Use]:
    for name, count in before.guards.items():
        holders = sorted(before.holders[name] & {_MODULE, *after.functions})
        # A guard may move into a helper that its function calls; then it still guards.
        gone = [one for one in holders if one not in after.holders.get(name, ())]
        holders = [one for one in gone if not after.reaches(one, name)] if gone else holders
        if after.guards[name] < count and holders:
            line = after.functions.get(holders[0], 1)
            yield Use(Power.WEAKER, f"{name} guards {holders[0]} less often", line)


def _new_marks(before: "_Guards", after: "_Guards") -> Iterator[Use]:
    known = Counter(what for what, _ in before.marks)
    for what, line in after.marks:
        if what == _PUT_TOGETHER and known[what]:
            continue  # the file's own way
        if known[what] <= 0:
            yield Use(Power.WEAKER, what, line)
        known[what] -= 1


class _Guards:
    """What a file does for security, with lines."""

    def __init__(self, tree: ast.Module) -> None:
        self.guards: Counter[str] = Counter()
        self.holders: dict[str, set[str]] = {}  # functions that call a guard
        self.functions: dict[str, int] = {}
        self.calls: dict[str, set[str]] = {}  # what functions call, by the last part of the name
        self.marks: list[tuple[str, int]] = []  # what is weak in itself, once for each occurrence
        self.trusted: dict[str, tuple[set[str], int]] = {}
        self.numbers: dict[str, tuple[float, int]] = {}
        nodes = nodes_of(tree)
        self.called = {id(one.func) for one in nodes if isinstance(one, ast.Call)}
        self.bound = {one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        self._read(tree, _MODULE)

    def reaches(self, holder: str, guard: str) -> bool:
        """True where a function still calls a guard, directly or through other functions of its file."""
        waiting, seen = [holder], {holder}
        while waiting:
            called = self.calls.get(waiting.pop(), set()) & self.functions.keys() - seen
            if called & self.holders.get(guard, set()):
                return True
            seen |= called
            waiting += called
        return False

    def _read(self, node: ast.AST, holder: str) -> None:
        for inner in ast.iter_child_nodes(node):
            within = holder
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                within = inner.name
                self.functions[within] = inner.lineno
                for one, value in defaults_of(inner.args):
                    self._pair(one.arg, value)
                if _SECRET.search(ast.unparse(inner)):
                    self._about_secrets(inner)
            if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call):
                self._say([*inner.exc.args, *(word.value for word in inner.exc.keywords)])
            self._note(inner, holder if isinstance(node, ast.arguments) else within)
            self._read(inner, within)

    def _note(self, node: ast.AST, holder: str) -> None:
        match node:
            case ast.Name(id=last, ctx=ast.Load()) | ast.Attribute(attr=last, ctx=ast.Load()):
                # `verify = True` is a setting, `verify(token)` is a guard, and `Verify` a class that has one.
                is_variable = last in self.bound and id(node) not in self.called
                is_class = last[0].isupper()
                if _GUARDS.fullmatch(last) and not is_class and not is_variable:
                    self._guard(last, holder)
            # To refuse by an error is a guard, too, whatever the condition is called.
            case ast.Raise(exc=ast.expr() as error) if _REFUSING.fullmatch(last_part(error)):
                self._guard(last_part(error), holder)
            case ast.keyword(arg=str(name), value=value):
                self._pair(name, value)
            case ast.Assign():
                for target in node.targets:
                    self._pair(last_part(target) or _key(target), node.value)
            case ast.AnnAssign(value=ast.expr() as value):
                self._pair(last_part(node.target), value)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        self._pair(key.value, value)
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), _, *_]) if _SQL.search(text):
                self.marks.append((_PUT_TOGETHER, node.lineno))
            # `if host in ("a", "b")` keeps its list of the trusted in place.
            case ast.Compare():
                self._trust(last_part(node.left), node.comparators[0])
            case ast.Call():
                self.calls.setdefault(holder, set()).add(last_part(node.func))
                self._call(node)

    def _guard(self, name: str, holder: str) -> None:
        self.guards[name] += 1
        self.holders.setdefault(name, set()).add(holder)

    def _pair(self, name: str, value: ast.expr) -> None:
        """A name and its value: a keyword, an assignment, an entry, a default."""
        constant = value.value if isinstance(value, ast.Constant) else None
        if (constant is False and name in _OFF) or (constant is True and name in _ON):
            self.marks.append((f"{name}={constant}", value.lineno))
        if name.lower() in {"host", "bind", "address"} and constant in _OPEN_ADDRESSES:
            self.marks.append((f"{name}={constant!r}", value.lineno))
        if _SECRET.search(name) and any(dotted(one.func).startswith("random.") for one in _calls(value)):
            self.marks.append((f"{name} is made by chance that can be foretold", value.lineno))
        number = _number(value)
        if number is not None:
            self.numbers.setdefault(name, (number, value.lineno))
        self._trust(name, value)

    def _trust(self, name: str, value: ast.expr) -> None:
        """A name and the strings that it contains, or is compared with."""
        entries = _texts(value)
        if entries is None or not _TRUSTING.search(name):
            return
        known, line = self.trusted.get(name, (set(), value.lineno))
        self.trusted[name] = (known | entries, line)
        # All hosts, or the algorithm that signs nothing.
        if "'*'" in entries or "'none'" in {entry.lower() for entry in entries}:
            self.marks.append((f"{name} has {sorted(entries)[0]}", value.lineno))

    def _call(self, node: ast.Call) -> None:
        last = last_part(node.func)
        given = [*node.args, *(word.value for word in node.keywords)]
        constants = [one.value for one in given if isinstance(one, ast.Constant)]
        if last in _MODES:
            self.marks += [(f"a file mode of {one:o}", node.lineno) for one in filter(_is_for_all, constants)]
        # A prefix that is accepted is a list of the trusted as well.
        if last == "startswith" and node.args and isinstance(node.func, ast.Attribute):
            self._trust(last_part(node.func.value), node.args[0])
        if last == "new" and constants[:1] and str(constants[0]).lower() in _BROKEN:
            self.marks.append((f"the hash {constants[0]!r}", node.lineno))
        if last in _SAYING:
            self._say(given)
        if constants[:1] == ["Access-Control-Allow-Origin"] and "*" in constants:
            self.marks.append(("Access-Control-Allow-Origin: *", node.lineno))

    def _say(self, given: list[ast.expr]) -> None:
        """Secrets, and what carries them, in what others read: a log, a message."""
        parts = (part for one in given for part in walk(one) if isinstance(part, ast.expr))
        for part in parts:
            name = last_part(part.func if isinstance(part, ast.Call) else part)
            carries = isinstance(part, ast.Attribute | ast.Call) and _CARRYING.fullmatch(name)
            if carries or (not isinstance(part, ast.Call) and _PRIVATE.search(name)):
                self.marks.append((f"{name} is written where others read", part.lineno))

    def _about_secrets(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Predictable randomness, and decoding that hides a difference, in a function about secrets."""
        for one in _calls(node):
            name = dotted(one.func)
            if name.startswith("random.") and name != "random.SystemRandom" and _SECRET.search(node.name):
                self.marks.append((f"{name} for a secret in {node.name}", one.lineno))
            words = [word.value for word in one.keywords if word.arg == "errors"]
            if words or last_part(one.func) in {"decode", "encode"}:
                words += one.args[1:2]
            for word in words:
                if isinstance(word, ast.Constant) and word.value in _LOSSY:
                    what = f"errors={word.value!r} in {node.name}, which is about secrets"
                    self.marks.append((what, one.lineno))


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in walk(node) if isinstance(one, ast.Call))


def _is_for_all(mode: object) -> TypeGuard[int]:
    return type(mode) is int and bool(mode & _FOR_ALL) and mode > _BEYOND_OWNER


def _key(node: ast.expr) -> str:
    key = node.slice if isinstance(node, ast.Subscript) else None
    return str(key.value) if isinstance(key, ast.Constant) else ""


def _number(node: ast.expr) -> float | None:
    """A number, or the value of a product of numbers: `60 * 60 * 24`."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value) if abs(value) < 1e300 else None  # a larger int is no float
        case ast.BinOp(op=ast.Mult()):
            left, right = _number(node.left), _number(node.right)
            return None if left is None or right is None else left * right
    return None


def _texts(node: ast.expr) -> set[str] | None:
    """The strings of a literal list, tuple or set, also where a call wraps it."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    return {
        repr(one.value) for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
